// readFile, writeFile and appendFile compared with the running Node's own, and what a comparison cannot show.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { open } from 'linux-aio';
import { openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { nodeMajor, owned, sameAsNode } from './compare.js';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
const wrong = (value: unknown): any => value;
const aborted = (): AbortSignal => AbortSignal.abort(new Error('enough'));

async function* later(...pieces: unknown[]): AsyncGenerator<string> {
  for (const piece of pieces) yield await Promise.resolve(wrong(piece));
}

sameAsNode('readFile', {
  'readFile()': (h) => h.readFile(),
  'readFile(null)': (h) => h.readFile(null),
  'readFile({})': (h) => h.readFile({}),
  'readFile("utf8")': (h) => h.readFile('utf8'),
  'readFile("UTF-8")': (h) => h.readFile(wrong('UTF-8')),
  'readFile("base64")': (h) => h.readFile('base64'),
  'readFile("")': (h) => h.readFile(wrong('')),
  'readFile("buffer")': (h) => h.readFile(wrong('buffer')),
  'readFile("klingon")': (h) => h.readFile(wrong('klingon')),
  'readFile(5)': (h) => h.readFile(wrong(5)),
  'readFile(a function)': (h) => h.readFile(wrong(() => {})),
  'readFile({ encoding: "hex" })': (h) => h.readFile({ encoding: 'hex' }),
  'readFile({ encoding: null })': (h) => h.readFile({ encoding: null }),
  'readFile({ encoding: "" })': (h) => h.readFile({ encoding: wrong('') }),
  'readFile({ encoding: "klingon" })': (h) => h.readFile({ encoding: wrong('klingon') }),
  'readFile({ encoding: 5 })': (h) => h.readFile({ encoding: wrong(5) }),
  'readFile({ signal: null })': (h) => h.readFile({ signal: wrong(null) }),
  'readFile({ signal: {} })': (h) => h.readFile({ signal: wrong({}) }),
  'readFile({ signal: { aborted: false } })': (h) => h.readFile({ signal: wrong({ aborted: false }) }),
  'readFile({ signal: aborted })': (h) => h.readFile({ signal: aborted() }),
  'readFile({ signal })': (h) => h.readFile({ signal: new AbortController().signal }),
  'readFile({ flag: "w" })': (h) => h.readFile(wrong({ flag: 'w' })),
  'twice: the second finds nothing': async (h) => [await h.readFile('utf8'), await h.readFile('utf8')],
  'from the current position': async (h) => [await h.read(Buffer.alloc(6)), await h.readFile('utf8')],
  'after a truncation': async (h) => [await h.read(Buffer.alloc(6)), await h.truncate(3), await h.readFile()],
  'readFile({ buffer })': (h) => h.readFile(wrong({ buffer: new Uint8Array(100) })),
  'readFile({ buffer }) just large enough': (h) => h.readFile(wrong({ buffer: new Uint8Array(19) })),
  'readFile({ buffer, encoding })': (h) =>
    h.readFile(wrong({ buffer: new Uint8Array(100), encoding: 'utf8' })),
  'readFile({ buffer: too small })': (h) => h.readFile(wrong({ buffer: new Uint8Array(5) })),
  'readFile({ buffer: a DataView })': (h) => h.readFile(wrong({ buffer: new DataView(new ArrayBuffer(30)) })),
  'readFile({ buffer: a string })': (h) => h.readFile(wrong({ buffer: 'x' })),
  'readFile({ buffer: a function })': (h) =>
    h.readFile(wrong({ buffer: (size: number) => Buffer.alloc(size + 1) })),
  'readFile({ buffer: a function too modest })': (h) =>
    h.readFile(wrong({ buffer: (size: number) => Buffer.alloc(size - 1) })),
  'readFile({ buffer: a function gone wrong })': (h) => h.readFile(wrong({ buffer: () => 'x' })),
});

sameAsNode(
  'readFile of an empty file',
  {
    'readFile()': (h) => h.readFile(),
    'readFile("utf8")': (h) => h.readFile('utf8'),
    'readFile({ buffer: an empty one })': (h) => h.readFile(wrong({ buffer: new Uint8Array(0) })),
  },
  { content: '' },
);

const megabytes = Buffer.alloc(3 * 1024 * 1024 + 77, 'Größe, €, 😀. ');

sameAsNode(
  'a file of some megabytes',
  {
    'readFile()': (h) => h.readFile(),
    'readFile("utf8")': (h) => h.readFile('utf8'),
    'readFile("latin1")': (h) => h.readFile('latin1'),
    'writeFile(buffer) over its beginning': (h) => h.writeFile(megabytes.subarray(5, 1_500_000)),
  },
  { content: megabytes },
);

for (const method of ['writeFile', 'appendFile'] as const) {
  sameAsNode(method, {
    text: (h) => h[method]('slow'),
    'text, "latin1"': (h) => h[method]('slöw', 'latin1'),
    'text, { encoding: "hex" }': (h) => h[method]('616263', { encoding: 'hex' }),
    'text, { encoding: null }': (h) => h[method]('slöw', { encoding: null }),
    'text, "klingon"': (h) => h[method]('slow', wrong('klingon')),
    'text, "buffer"': (h) => h[method]('slow', wrong('buffer')),
    'text, 5': (h) => h[method]('slow', wrong(5)),
    'an empty text': (h) => h[method](''),
    'a buffer': (h) => h[method](Buffer.from('slow')),
    'a DataView': (h) => h[method](new DataView(new ArrayBuffer(8), 2, 3)),
    'a Float64Array': (h) => h[method](new Float64Array([1, 2])),
    'an array of texts': (h) => h[method](['ab', 'cd']),
    'an array of buffers': (h) => h[method]([Buffer.from('ab'), new Uint16Array([5])]),
    'a generator': (h) => h[method](later('ab', 'cd', Buffer.from('ef'))),
    'a generator with an encoding': (h) => h[method](later('6162', '6364'), 'hex'),
    'a generator that throws': (h) =>
      h[method](
        (async function* () {
          yield 'ab';
          throw new RangeError('no more');
        })(),
      ),
    'a generator of numbers': (h) => h[method](later('ab', 5)),
    'an array of numbers': (h) => h[method](wrong([1, 2])),
    undefined: (h) => h[method](wrong(undefined)),
    null: (h) => h[method](wrong(null)),
    'a number': (h) => h[method](wrong(5)),
    'an object': (h) => h[method](wrong({})),
    'an ArrayBuffer': (h) => h[method](wrong(new ArrayBuffer(4))),
    'wrong data and wrong options': (h) => h[method](wrong(5), wrong(5)),
    'signal: aborted': (h) => h[method]('slow', { signal: aborted() }),
    'signal: aborted, a generator': (h) => h[method](later('ab'), { signal: aborted() }),
    'signal: {}': (h) => h[method]('slow', { signal: wrong({}) }),
    'signal: aborted between pieces': (h) => {
      const controller = new AbortController();
      const pieces = (async function* () {
        yield 'ab';
        controller.abort(new Error('enough'));
        yield 'cd';
      })();
      return h[method](pieces, { signal: controller.signal });
    },
    'flush: true': (h) => h[method]('slow', wrong({ flush: true })),
    'flush: "yes"': (h) => h[method]('slow', wrong({ flush: 'yes' })),
    'mode: 0o600': (h) => h[method]('slow', wrong({ mode: 0o600 })),
    'twice, one after the other': async (h) => [await h[method]('ab'), await h[method]('cd')],
  });
}

describe('readFile', () => {
  it('reads files of /proc, whose size is said to be 0', async () => {
    const file = await open('/proc/self/status');
    assert.match(await file.readFile('utf8'), new RegExp(`^Pid:\\s+${process.pid}$`, 'm'));
    await file.close();
  });

  it('reads a pipe to its end', async (t) => {
    const pipe = openPipe(t);
    fs.writeSync(pipe.write, 'a'.repeat(5000));
    const file = owned(t, pipe, 'read');
    const content = file.readFile('latin1');
    fs.writeSync(pipe.write, 'b'.repeat(5000));
    fs.closeSync(pipe.write);
    pipe.write = -1;
    assert.equal(await content, 'a'.repeat(5000) + 'b'.repeat(5000));
    await file.close();
  });

  it('refuses a regular file of more than 2 GiB, as Node does', async (t) => {
    const path = temporaryFile(t);
    fs.truncateSync(path, 2 ** 31);
    const file = await open(path);
    await assert.rejects(file.readFile(), {
      name: 'RangeError',
      code: 'ERR_FS_FILE_TOO_LARGE',
      message: 'File size (2147483648) is greater than 2 GiB',
    });
    await file.close();
  });

  it('is ended by its signal while it waits for a pipe', async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'read');
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await assert.rejects(file.readFile({ signal: controller.signal }), {
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: new Error('enough'),
    });
    await file.close();
  });

  it('reads into `buffer` where Node does', {
    skip: nodeMajor < 24 && 'Node 20 and 22 do not',
  }, async (t) => {
    const file = await open(temporaryFile(t, 'content'));
    const buffer = new Uint8Array(10);
    const result = await file.readFile({ buffer });
    assert.equal(result.buffer, buffer.buffer);
    assert.equal(Buffer.from(buffer).toString('latin1'), 'content\0\0\0');
    await file.close();
  });
});

describe('writeFile', () => {
  it('with flush leaves pipes and /dev/null alone, which have no device behind them', async () => {
    const file = await open('/dev/null', 'w');
    await file.writeFile('nothing', { flush: true });
    await file.close();
  });

  it('writes more than a pipe holds, while somebody reads', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    const [writer, reader] = await Promise.all([open(path, 'w'), open(path, 'r')]);
    const data = Buffer.alloc(1_000_000, 'abcdefg');
    const written = writer.writeFile(data).then(() => writer.close());
    assert.deepEqual(await reader.readFile(), data);
    await written;
    await reader.close();
  });

  it('reports a full device', async () => {
    const file = await open('/dev/full', 'w');
    await assert.rejects(file.writeFile('x'), {
      code: 'ENOSPC',
      errno: -28,
      syscall: 'write',
      message: 'ENOSPC: no space left on device, write',
    });
    await file.close();
  });
});
