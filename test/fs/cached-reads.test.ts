// fs.read and fs.readv at a position, answered inside the call from the page cache: the same as Node's, whatever is read
// and into whatever; and a request of the ring wherever it is not clear that all of it is in memory.
import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import nodeFs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import fs from 'linux-aio/fs';
import { coreOf, routing } from '../support/internals.js';
import { opened, temporaryDirectory, temporaryFile } from '../support/temp.js';

type Outcome = readonly [code: string | undefined, bytes: unknown];
type Fs = typeof nodeFs;
type View = NodeJS.ArrayBufferView;

const SIZE = 10_000;
const CONTENT = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7) % 251));

function read(api: Fs, fd: number, view: View, from: number, length: number, at: number): Promise<Outcome> {
  return new Promise((resolve) => {
    api.read(fd, view, from, length, at, (error, bytes) => resolve([error?.code, bytes]));
  });
}

function readv(api: Fs, fd: number, views: View[], at: number): Promise<Outcome> {
  return new Promise((resolve) => api.readv(fd, views, at, (error, bytes) => resolve([error?.code, bytes])));
}

/** Requests that a call makes of the ring, in a turn of its own. */
async function requestsOf(call: () => Promise<Outcome>): Promise<[requests: number, outcome: Outcome]> {
  await turn(); // with a fresh budget
  const before = defaultRing().stats.submitted;
  const outcome = await call();
  return [defaultRing().stats.submitted - before, outcome];
}

/** A file of CONTENT in the page cache, of which reads are known not to wait. */
function cachedFile(t: TestContext): number | null {
  const fd = opened(t, temporaryFile(t, CONTENT));
  if (coreOf(defaultRing()).router.kinds.of(fd) === routing.KIND.FILE) return fd;
  t.skip('the temporary directory is on a file system that does not tell what is in memory');
  return null;
}

describe('a read of what is in the page cache', () => {
  it('makes no request for the chunks of a stream, when a turn has had its share either', async (t) => {
    if (cachedFile(t) === null) return;
    const content = Buffer.alloc(16 << 20, 'far more than a turn reads\n');
    const path = temporaryFile(t, content);
    const chunks: Buffer[] = [];
    const before = defaultRing().stats.submitted;
    for await (const chunk of fs.createReadStream(path)) chunks.push(chunk as Buffer);
    const requests = defaultRing().stats.submitted - before;
    assert.ok(requests <= 2, `${requests} requests`); // to open it, and to close it
    assert.ok(Buffer.concat(chunks).equals(content));
  });

  it('makes no request, and what is larger than 64 KiB does', async (t) => {
    const fd = cachedFile(t);
    if (fd === null) return;
    const small = Buffer.alloc(4096);
    assert.deepEqual(await requestsOf(() => read(fs, fd, small, 0, 4096, 100)), [0, [undefined, 4096]]);
    assert.deepEqual(small, CONTENT.subarray(100, 4196));
    const parts = [Buffer.alloc(10), Buffer.alloc(0), Buffer.alloc(500)];
    assert.deepEqual(await requestsOf(() => readv(fs, fd, parts, 7)), [0, [undefined, 510]]);
    assert.deepEqual(Buffer.concat(parts), CONTENT.subarray(7, 517));
    const large = Buffer.alloc(65_537);
    for (const call of [() => read(fs, fd, large, 0, 65_537, 0), () => readv(fs, fd, [large], 0)]) {
      assert.deepEqual(await requestsOf(call), [1, [undefined, SIZE]]);
      assert.deepEqual(large.subarray(0, SIZE), CONTENT);
      large.fill(0);
    }
  });

  it('goes into just the bytes that were asked for', async (t) => {
    const fd = opened(t, temporaryFile(t, CONTENT));
    const memory = Buffer.alloc(100, 0xee);
    const view = memory.subarray(20, 60);
    assert.deepEqual(await read(fs, fd, view, 5, 10, 3), [undefined, 10]);
    const expected = Buffer.alloc(100, 0xee);
    CONTENT.copy(expected, 25, 3, 13);
    assert.deepEqual(memory, expected);
  });

  it('ends where the file does', async (t) => {
    const fd = opened(t, temporaryFile(t, CONTENT));
    for (const [at, bytes] of [
      [SIZE - 10, 10],
      [SIZE, 0],
      [SIZE + 100_000, 0],
      [2 ** 40, 0],
    ]) {
      const view = Buffer.alloc(64);
      assert.deepEqual(await read(fs, fd, view, 0, 64, at), [undefined, bytes]);
      assert.deepEqual(await readv(fs, fd, [view], at), [undefined, bytes]);
      assert.deepEqual(view.subarray(0, bytes), CONTENT.subarray(at));
    }
  });

  it('is whole, though half of it has left the cache', async (t) => {
    const content = Buffer.alloc(1 << 20, CONTENT);
    const fd = opened(t, temporaryFile(t, content), 'r+');
    nodeFs.fsyncSync(fd);
    const [RANDOM, DONTNEED] = [1, 4];
    for (let page = 0; page < 16; page++) {
      for (const advice of [DONTNEED, RANDOM]) {
        const advised = await new Promise((done) => defaultRing().fadvise(fd, 0, 0, advice, done));
        assert.equal(advised, 0);
      }
      nodeFs.readSync(fd, Buffer.alloc(4096), 0, 4096, page * 8192);
      const [at, view] = [page * 8192 + 2048, Buffer.alloc(4096)];
      assert.deepEqual(await read(fs, fd, view, 0, view.length, at), [undefined, view.length]);
      assert.deepEqual(view, content.subarray(at, at + view.length));
    }
  });

  it('takes any view, and what becomes of it afterwards is its own affair', async (t) => {
    const fd = opened(t, temporaryFile(t, CONTENT));
    for (const make of [
      (memory: ArrayBuffer) => new Uint16Array(memory),
      (memory: ArrayBuffer) => new DataView(memory),
      (memory: ArrayBuffer) => new Uint8ClampedArray(memory),
      (memory: ArrayBuffer) => Buffer.from(memory),
    ]) {
      const view = make(new ArrayBuffer(64));
      assert.deepEqual(await read(fs, fd, view, 0, 64, 9), [undefined, 64]);
      assert.deepEqual(Buffer.from(view.buffer), CONTENT.subarray(9, 73));
    }
    const { buffer } = new Uint8Array(64);
    const pending = read(fs, fd, new Uint8Array(buffer), 0, 64, 0);
    const moved = structuredClone(buffer, { transfer: [buffer] });
    assert.deepEqual(await pending, [undefined, 64]);
    assert.equal(buffer.byteLength, 0);
    // It was in memory and is there; or the request went on with memory of its own.
    assert.ok([CONTENT.subarray(0, 64), Buffer.alloc(64)].some((each) => each.equals(Buffer.from(moved))));
  });

  it('goes beyond the first 4 GiB of a view', async (t) => {
    const from = 2 ** 32 + 5;
    if (from > constants.MAX_LENGTH) return t.skip('Node 20 has no such buffers');
    const fd = opened(t, temporaryFile(t, CONTENT));
    const view = Buffer.from(new ArrayBuffer(from + 64));
    assert.deepEqual(await read(fs, fd, view, from, 64, 9), [undefined, 64]);
    assert.deepEqual(view.subarray(from), CONTENT.subarray(9, 73));
    assert.deepEqual(view.subarray(5, 69), Buffer.alloc(64));
  });

  it('does not go into memory that an element of the vector has taken away', async (t) => {
    const fd = opened(t, temporaryFile(t, CONTENT));
    const first = Buffer.from(new ArrayBuffer(64));
    const second = Buffer.alloc(64);
    let moved: ArrayBuffer | undefined;
    let looks = 0;
    const views = Object.defineProperty([first], 1, {
      enumerable: true,
      get: () => {
        if (++looks === 1) moved = structuredClone(first.buffer, { transfer: [first.buffer] });
        return second;
      },
    });
    assert.deepEqual(await readv(fs, fd, views, 0), [undefined, 64]);
    assert.deepEqual(Buffer.from(moved!), Buffer.alloc(64));
    assert.deepEqual(second, CONTENT.subarray(0, 64));
  });

  it('does not believe a view about its length', async (t) => {
    const fd = opened(t, temporaryFile(t, CONTENT));
    const liar = new Uint8Array(new ArrayBuffer(4096));
    Object.defineProperty(liar, 'byteLength', { value: 8192 });
    await assert.rejects(read(fs, fd, liar, 0, 8192, 0), RangeError);
    assert.deepEqual(await readv(fs, fd, [liar], 0), [undefined, 4096]);
  });
});

describe('a read of what is no file in the page cache', () => {
  const cases: Record<string, (t: TestContext) => number> = {
    'a directory': (t) => opened(t, temporaryDirectory(t)),
    'a file open for writing': (t) => opened(t, temporaryFile(t, CONTENT), 'a'),
    'a file of /proc': (t) => opened(t, '/proc/self/limits'),
    'a device': (t) => opened(t, '/dev/zero'),
  };
  for (const [name, open] of Object.entries(cases)) {
    it(`is what it is in Node: ${name}`, async (t) => {
      const fd = open(t);
      for (const at of [0, 16]) {
        const [theirs, ours] = [Buffer.alloc(64), Buffer.alloc(64)];
        assert.deepEqual(await read(fs, fd, ours, 0, 64, at), await read(nodeFs, fd, theirs, 0, 64, at));
        assert.deepEqual(ours, theirs);
        assert.deepEqual(await readv(fs, fd, [ours], at), await readv(nodeFs, fd, [theirs], at));
        assert.deepEqual(ours, theirs);
      }
    });
  }

  it('is EBADF where nothing is open', async () => {
    assert.deepEqual(await read(fs, 60_000, Buffer.alloc(8), 0, 8, 0), ['EBADF', 0]);
    assert.deepEqual(await readv(fs, 60_000, [Buffer.alloc(8)], 0), ['EBADF', 0]);
  });
});
