// Whole files, by promise and by callback: every size at which the way they are read changes, and what is no file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { defaultRing } from 'linux-aio';
import fs, { promises } from 'linux-aio/fs';
import { coreOf, servesWholeFiles } from '../support/internals.js';
import { openDescriptors, temporaryDirectory } from '../support/temp.js';

const KIB = 1024;
/** Around what is read inside the call, one request, several of them in flight. */
const SIZES = [
  0,
  1,
  4096,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  512 * KIB,
  512 * KIB + 1,
  3 * 512 * KIB - 7,
  5 * 1024 * KIB + 3,
];

/** No two pieces of it are alike. */
function content(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  bytes.fill(size, size & ~3);
  return bytes;
}

const readFile = promisify(fs.readFile) as typeof promises.readFile;
const writeFile = promisify(fs.writeFile) as typeof promises.writeFile;

describe('whole files', () => {
  for (const size of SIZES) {
    it(`of ${size} bytes are read and written byte for byte`, async (t) => {
      const path = join(temporaryDirectory(t), 'file');
      const bytes = content(size);
      for (const [write, read] of [
        [promises.writeFile, promises.readFile],
        [writeFile, readFile],
      ] as const) {
        await write(path, bytes);
        assert.ok(nodeFs.readFileSync(path).equals(bytes));
        assert.ok((await read(path)).equals(bytes));
        assert.equal(await read(path, 'latin1'), bytes.toString('latin1'));
        assert.equal(await read(path, { encoding: 'utf8', flag: 'r+' }), bytes.toString('utf8'));
        const handle = await promises.open(path);
        assert.ok((await handle.readFile()).equals(bytes));
        await handle.close();
        await write(path, bytes.subarray(0, size >> 1)); // truncates
        assert.equal(nodeFs.statSync(path).size, size >> 1);
      }
    });
  }

  it('are read by string, Buffer and URL, and leave no descriptor behind', async (t) => {
    const path = join(temporaryDirectory(t), 'a b%c');
    nodeFs.writeFileSync(path, 'text');
    await promises.readFile(path);
    const before = openDescriptors();
    for (const name of [path, Buffer.from(path), pathToFileURL(path)]) {
      assert.equal(await promises.readFile(name, 'utf8'), 'text');
      assert.equal(await readFile(name, 'utf8'), 'text');
      assert.equal((await promises.stat(name)).size, 4);
    }
    await assert.rejects(promises.readFile(join(path, 'below')), { code: 'ENOTDIR', syscall: 'open' });
    await assert.rejects(promises.readFile('/'), { code: 'EISDIR', syscall: 'read' });
    assert.equal(openDescriptors(), before);
  });

  it('come from /proc and /dev, which say that they have no size', async () => {
    assert.equal(
      await promises.readFile('/proc/self/comm', 'utf8'),
      nodeFs.readFileSync('/proc/self/comm', 'utf8'),
    );
    const maps = await promises.readFile('/proc/self/smaps', 'utf8'); // more than one read
    assert.match(maps, /^[0-9a-f]+-[0-9a-f]+ [\s\S]*VmFlags:.*\n$/);
    assert.equal((await promises.readFile('/dev/null')).length, 0);
  });

  it('that cannot be read reject as in Node, with the path or without', async (t) => {
    const { signal } = new AbortController();
    const rejection = (promise: Promise<unknown>) =>
      promise.then(
        () => assert.fail('it was read'),
        (error: Error) => ({ ...error, message: error.message, begin: error.stack?.split('\n')[0] }),
      );
    for (const path of [temporaryDirectory(t), '/proc/self/mem']) {
      for (const options of [null, 'utf8', { flag: 'rs' }, { signal }] as const) {
        const [expected, ...found] = [nodeFs, fs].flatMap((each) => [
          rejection(each.promises.readFile(path, options)),
          rejection(promisify(each.readFile)(path, options)),
        ]);
        // Many at once take another way.
        found.push(...Array.from({ length: 20 }, () => rejection(promises.readFile(path, options))));
        for (const each of await Promise.all(found)) assert.deepEqual(each, await expected);
      }
    }
  });

  it('are all right however many of them are read in one turn', async (t) => {
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 500 }, (_, i) => join(directory, String(i)));
    for (const path of paths) nodeFs.writeFileSync(path, path);
    // The second time round all of it is in memory, and more than one turn's budget of it.
    for (let round = 0; round < 2; round++) {
      const texts = await Promise.all(paths.map((path) => promises.readFile(path, 'utf8')));
      assert.deepEqual(texts, paths);
    }
  });

  it('each have their memory: nobody sees what the next read puts there', async (t) => {
    const directory = temporaryDirectory(t);
    for (const name of ['a', 'b']) nodeFs.writeFileSync(join(directory, name), name.repeat(1000));
    const first = await promises.readFile(join(directory, 'a'));
    await promises.readFile(join(directory, 'b'));
    assert.equal(first.toString(), 'a'.repeat(1000));
    assert.equal(first.buffer.byteLength, 1000);
  });
});

describe('whole files in one hop', {
  skip: !servesWholeFiles(coreOf(defaultRing())) && 'no pool here',
}, () => {
  const submitted = () => defaultRing().stats.submitted;

  it('are written, appended to and read by one request each', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    for (const [call, expected] of [
      [() => promises.writeFile(path, 'first'), 'first'],
      [() => promises.appendFile(path, ' and more'), 'first and more'],
      [() => promises.writeFile(path, 'latin1: é', 'latin1'), 'latin1: \xe9'],
      [() => promises.writeFile(path, Buffer.from('1234').subarray(1, 3)), '23'],
      [() => promises.writeFile(path, ''), ''],
    ] as const) {
      const before = submitted();
      await call();
      assert.equal(submitted() - before, 1);
      assert.equal(nodeFs.readFileSync(path, 'latin1'), expected);
    }
  });

  it('are written without a byte by one request, by callback with a write all the same', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(path, 'content');
    const before = submitted();
    await writeFile(path, '');
    assert.equal(submitted() - before, 1);
    assert.equal(nodeFs.readFileSync(path, 'utf8'), '');
    await writeFile(path, 'content');
    await promisify(fs.appendFile)(path, Buffer.alloc(0));
    assert.equal(nodeFs.readFileSync(path, 'utf8'), 'content');
    const node = promisify(nodeFs.writeFile);
    for (const [target, options] of [
      [path, { flag: 'r' }],
      ['/proc/self/oom_score_adj', undefined],
      ['/dev/full', undefined],
    ] as const) {
      const [ours, theirs] = await Promise.all(
        [writeFile, node].map((write) => write(target, '', options).catch((error) => error.message)),
      );
      assert.match(ours, /, write$/);
      assert.equal(ours, theirs);
    }
    await promises.writeFile('/dev/full', ''); // by promise there is none
  });

  it('are read by the pool when many are wanted at once, and by this thread', async (t) => {
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 64 }, (_, i) => join(directory, String(i)));
    for (const path of paths) nodeFs.writeFileSync(path, path);
    const before = submitted();
    assert.deepEqual(await Promise.all(paths.map((path) => promises.readFile(path, 'utf8'))), paths);
    assert.ok(submitted() > before);
    await turn(); // with a fresh budget
    const alone = submitted();
    assert.equal(await promises.readFile(paths[0], 'utf8'), paths[0]);
    assert.equal(submitted(), alone);
  });

  it('fail with the error of the call that failed, and leave nothing open', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    nodeFs.writeFileSync(path, 'text', { mode: 0o600 });
    const before = openDescriptors();
    const none = join(directory, 'none', 'file');
    for (const [call, expected] of [
      [() => promises.writeFile(none, 'x'), `ENOENT: no such file or directory, open '${none}'`],
      [
        () => promises.writeFile(directory, 'x'),
        `EISDIR: illegal operation on a directory, open '${directory}'`,
      ],
      [() => promises.writeFile(path, 'x', { flag: 'wx' }), `EEXIST: file already exists, open '${path}'`],
      [() => promises.writeFile('/dev/full', 'x'), 'ENOSPC: no space left on device, write'],
    ] as const) {
      await assert.rejects(call(), { message: expected });
    }
    const all = Array.from({ length: 20 }, () => promises.readFile(none).catch((error) => error.code));
    assert.deepEqual(new Set(await Promise.all(all)), new Set(['ENOENT']));
    const directories = Array.from({ length: 20 }, () => promises.readFile(directory).catch((e) => e.code));
    assert.deepEqual(new Set(await Promise.all(directories)), new Set(['EISDIR']));
    assert.equal(openDescriptors(), before);
  });

  it('have the mode and the flags that are asked for', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    const mask = process.umask(0o022);
    t.after(() => process.umask(mask));
    await promises.writeFile(path, 'one', { mode: 0o664 });
    assert.equal(nodeFs.statSync(path).mode & 0o777, 0o644);
    await promises.writeFile(path, 'X', { flag: 'r+' });
    assert.equal(nodeFs.readFileSync(path, 'utf8'), 'Xne');
    await promises.writeFile(path, '!', { flag: 'a' });
    assert.equal(nodeFs.readFileSync(path, 'utf8'), 'Xne!');
  });

  it('wait for the other end of a named pipe, many at once, without a thread', async (t) => {
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 24 }, (_, i) => join(directory, `pipe${i}`));
    execFileSync('mkfifo', paths);
    const written = Promise.all(paths.map((path) => promises.writeFile(path, path)));
    const file = join(directory, 'file');
    await promises.writeFile(file, 'not held up');
    assert.equal(await promises.readFile(file, 'utf8'), 'not held up');
    assert.deepEqual(await Promise.all(paths.map((path) => promises.readFile(path, 'utf8'))), paths);
    await written;
  });

  it('are written from the bytes that a view has, whatever it says', async (t) => {
    class Boastful extends Uint8Array {
      override get byteLength(): number {
        return 1 << 20;
      }
    }
    const path = join(temporaryDirectory(t), 'file');
    await promises.writeFile(path, new Boastful([1, 2, 3])).catch(() => {});
    assert.ok(nodeFs.statSync(path).size <= 3);
  });

  it('are written from memory that is let go of meanwhile', { skip: !globalThis.gc }, async (t) => {
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 100 }, (_, i) => join(directory, String(i)));
    const written = paths.map((path, i) => promises.writeFile(path, content(64 * KIB + i)));
    globalThis.gc?.();
    const rubbish = Array.from({ length: 200 }, () => Buffer.alloc(64 * KIB, 0xee));
    await Promise.all(written);
    assert.equal(rubbish.length, 200);
    for (const [i, path] of paths.entries())
      assert.ok(nodeFs.readFileSync(path).equals(content(64 * KIB + i)));
  });
});

describe('the status of files', () => {
  it('is the same by promise, by callback and in Node, bigint or not, for links too', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    nodeFs.writeFileSync(path, 'text');
    nodeFs.symlinkSync('file', join(directory, 'link'));
    nodeFs.symlinkSync('nowhere', join(directory, 'dangling'));
    for (const name of [path, directory, join(directory, 'link'), '/dev/null', '/proc/self/comm']) {
      for (const bigint of [false, true]) {
        for (const call of ['stat', 'lstat'] as const) {
          const expected = nodeFs[`${call}Sync`](name, { bigint });
          assert.deepStrictEqual(
            withoutTimes(await promises[call](name, { bigint })),
            withoutTimes(expected),
          );
          assert.deepStrictEqual(
            withoutTimes(await promisify(fs[call])(name, { bigint } as never)),
            withoutTimes(expected),
          );
        }
      }
    }
    const dangling = join(directory, 'dangling');
    assert.ok((await promises.lstat(dangling)).isSymbolicLink());
    await assert.rejects(promises.stat(dangling), {
      message: `ENOENT: no such file or directory, stat '${dangling}'`,
    });
  });
});

/** /proc has the time of the call. */
function withoutTimes(stats: nodeFs.Stats | nodeFs.BigIntStats | undefined): unknown {
  assert.ok(stats);
  const { dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks } = stats;
  const type = Object.getPrototypeOf(stats);
  return { type, keys: Object.keys(stats), dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks };
}
