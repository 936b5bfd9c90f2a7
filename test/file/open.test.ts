// open compared with the running Node's fs.promises.open, File.fromFd, and where an error's stack leads.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type FileHandle, open as nodeOpen } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { File, open, Ring } from 'linux-aio';
import { openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { outcome, owned } from './compare.js';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
type Any = any;
type Open = typeof nodeOpen;

const FLAGS = [
  'r', 'rs', 'sr', 'r+', 'rs+', 'sr+', 'w', 'wx', 'xw', 'w+', 'wx+', 'xw+',
  'a', 'ax', 'xa', 'as', 'sa', 'a+', 'ax+', 'xa+', 'as+', 'sa+',
]; // biome-ignore format: one line each would say no more

describe('the options of open and File.fromFd', () => {
  it('are refused when misspelt: the file would go through the page cache', async (t) => {
    const path = temporaryFile(t);
    const error = { code: 'ERR_INVALID_ARG_VALUE', message: /options\.dirct.*ring, direct/ };
    await assert.rejects(open(path, 'r', 0o666, { dirct: true } as Any), error);
    const fd = fs.openSync(path, 'r');
    assert.throws(() => File.fromFd(fd, { dirct: true } as Any), error);
    fs.closeSync(fd);
  });
});

/** What the two give for the same arguments: the error, or the flags and the mode of the file that was opened. */
async function bothOpen(
  t: Parameters<typeof temporaryDirectory>[0],
  call: (open: Open, dir: string) => Promise<FileHandle>,
) {
  const directories = [temporaryDirectory(t), temporaryDirectory(t)];
  for (const directory of directories) fs.writeFileSync(join(directory, 'there'), 'content');
  const opens = [nodeOpen, open as unknown as Open];
  const [theirs, ours] = await Promise.all(
    opens.map(async (open, i) => {
      const directory = directories[i];
      const result = await outcome(async () => {
        const handle = await call(open, directory);
        const info = fs.readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
        const file = fs.readlinkSync(`/proc/self/fd/${handle.fd}`);
        const stats = fs.fstatSync(handle.fd);
        await handle.close();
        return { flags: /flags:.*/.exec(info)![0], file, mode: stats.mode, size: stats.size };
      });
      // The directories differ; nothing else may.
      return JSON.parse(JSON.stringify(result).replaceAll(directory, 'DIRECTORY'));
    }),
  );
  assert.deepStrictEqual(ours, theirs);
}

function sameOpen(name: string, call: (open: Open, directory: string) => Promise<FileHandle>): void {
  it(name, (t) => bothOpen(t, call));
}

describe("open, wrong: as Node's", () => {
  const values: [string, Any][] = [
    ['undefined', undefined], ['null', null], ['a number', 5], ['an object', {}], ['an array', []],
    ['a path with NUL', 'a\0b'], ['a buffer with NUL', Buffer.from('a\0b')], ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a URL of http', new URL('http://example.org/x')], ['a URL with a host', new URL('file://host/x')],
    ['a URL with an escaped slash', new URL('file:///a%2Fb')], ['a URL with NUL', new URL('file:///a%00b')],
    ['an empty path', ''], ['an empty buffer', Buffer.alloc(0)],
  ]; // biome-ignore format: a table
  for (const [name, value] of values) sameOpen(`path: ${name}`, (open) => open(value));
  for (const flags of ['', 'R', 'rw', 'x', 'r++', 5.5, -1, 2 ** 31, {}, true, 5n, Number.NaN] as Any[]) {
    sameOpen(`flags: ${inspect(flags)}`, (open, directory) => open(join(directory, 'there'), flags));
  }
  for (const mode of ['', '8', '0x1', 'rwx', -1, 1.5, 2 ** 32, {}, true, 5n, Number.NaN] as Any[]) {
    sameOpen(`mode: ${inspect(mode)}`, (open, directory) => open(join(directory, 'new'), 'w', mode));
  }
  sameOpen('everything', (open) => open(null as Any, 'x', 'y'));
  sameOpen('a file that is not there', (open, directory) => open(join(directory, 'missing')));
  sameOpen('a file that is not there, as a buffer', (open, directory) =>
    open(Buffer.from(join(directory, 'missing'))),
  );
  sameOpen('a file that is not there, as a URL', (open, directory) =>
    open(pathToFileURL(join(directory, 'missing'))),
  );
  sameOpen('a file in a file', (open, directory) => open(join(directory, 'there', 'x')));
  sameOpen('a directory for writing', (open, directory) => open(directory, 'w'));
  sameOpen('a name that is too long', (open, directory) => open(join(directory, 'x'.repeat(300))));
  sameOpen('what is there already', (open, directory) => open(join(directory, 'there'), 'wx'));
});

describe("open: as Node's", () => {
  for (const flags of FLAGS) {
    const name = flags.includes('x') ? 'new' : 'there';
    sameOpen(`flags: '${flags}'`, (open, directory) => open(join(directory, name), flags));
  }
  for (const flags of [
    undefined,
    null,
    0,
    fs.constants.O_RDWR | fs.constants.O_CREAT,
    fs.constants.O_DIRECTORY,
  ] as Any[]) {
    sameOpen(`flags: ${flags}`, (open, directory) =>
      open(flags === fs.constants.O_DIRECTORY ? directory : join(directory, 'there'), flags),
    );
  }
  for (const mode of [undefined, null, 0, 0o600, 0o7777, '640', '0640', 2 ** 31 - 1] as Any[]) {
    sameOpen(`mode: ${mode}`, (open, directory) => open(join(directory, 'new'), 'w', mode));
  }
  sameOpen('a relative path', (open, directory) => {
    const path = join(directory, 'there');
    return open(`./${Array.from({ length: 30 }, () => '..').join('/')}${path}`);
  });
  sameOpen('a path as a buffer', (open, directory) => open(Buffer.from(join(directory, 'there'))));
  sameOpen('a path as a Uint8Array', (open, directory) =>
    open(new Uint8Array(Buffer.from(join(directory, 'there'))) as Any),
  );
  sameOpen('a path as a URL', (open, directory) => open(pathToFileURL(join(directory, 'there'))));
});

describe('open', () => {
  it('opens on the ring it is given', async (t) => {
    const ring = Ring.open();
    const file = await open(temporaryFile(t, 'content'), 'r', undefined, { ring });
    const before = ring.stats.submitted;
    assert.equal(await file.readFile('utf8'), 'content');
    assert.ok(ring.stats.submitted > before);
    await file.close();
    await ring.close();
  });

  it('refuses options that are none', async () => {
    await assert.rejects(open('/dev/null', 'r', 0, 5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(open('/dev/null', 'r', 0, { ring: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(open('/dev/null', 'r', 0, { direct: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  });
});

describe('File.fromFd', () => {
  it('takes over an open descriptor', async (t) => {
    const fd = fs.openSync(temporaryFile(t, 'content'), 'r+');
    const file = File.fromFd(fd);
    assert.equal(file.fd, fd);
    assert.equal(file.alignment, null);
    assert.equal(await file.readFile('utf8'), 'content');
    await file.close();
    assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
  });

  it('finds out by itself that a file is opened to append', async (t) => {
    const path = temporaryFile(t, 'a');
    const file = File.fromFd(fs.openSync(path, 'a'));
    await Promise.all([file.write('b', 0), file.write('c', 0), file.write('d', 0)]);
    assert.equal(fs.readFileSync(path, 'utf8'), 'abcd');
    await file.close();
  });

  it('refuses what is no open descriptor', (t) => {
    assert.throws(() => File.fromFd(123_456), { code: 'EBADF', syscall: 'fstat' });
    assert.throws(() => File.fromFd(-1), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => File.fromFd('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
    const fd = fs.openSync(temporaryFile(t), 'r');
    assert.throws(() => File.fromFd(fd, { direct: true }), { code: 'ERR_INVALID_ARG_VALUE' });
    fs.closeSync(fd);
  });

  it('is the only way besides open', () => {
    assert.throws(() => new File(0 as never), { code: 'ERR_ILLEGAL_CONSTRUCTOR' });
  });
});

describe('the stack of an error leads to the caller', () => {
  async function caller(run: () => Promise<unknown>): Promise<void> {
    await run();
  }

  const leads = async (run: () => Promise<unknown>, code: string): Promise<void> => {
    await assert.rejects(caller(run), (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, code);
      assert.match(error.stack!, /at (async )?caller/);
      return true;
    });
  };

  it('of open', () => leads(() => open('/missing/file'), 'ENOENT'));

  it('of every operation on a directory', async (t) => {
    const file = await open(temporaryDirectory(t));
    await leads(() => file.read(Buffer.alloc(1)), 'EISDIR');
    await leads(() => file.read(Buffer.alloc(1), 0, 1, 0), 'EISDIR');
    await leads(() => file.read({ position: 0, signal: new AbortController().signal }), 'EISDIR');
    await leads(() => file.write(Buffer.alloc(1), 0, 1, 0), 'EBADF');
    await leads(() => file.write('x'), 'EBADF');
    await leads(() => file.readv([Buffer.alloc(1)], 0), 'EISDIR');
    await leads(() => file.writev([Buffer.alloc(1)], 0), 'EBADF');
    await leads(() => file.readFile(), 'EISDIR');
    await leads(() => file.truncate(0), 'EINVAL');
    await leads(() => file.readMany([{ buffer: Buffer.alloc(1), position: 0 }]), 'EISDIR');
    await leads(() => file.allocate(0, 1), 'EBADF');
    await leads(() => file.chmod('x'), 'ERR_INVALID_ARG_VALUE');
    await leads(() => file.read('x' as never), 'ERR_INVALID_ARG_TYPE');
    await file.close();
    await leads(() => file.stat(), 'EBADF');
  });

  it('of a read that was waiting in the kernel', async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'read');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    await leads(() => file.read(Buffer.alloc(1), { signal: controller.signal }), 'ABORT_ERR');
    await file.close();
  });
});
