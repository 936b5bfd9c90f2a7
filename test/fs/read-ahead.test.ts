// A ReadStream whose chunks are read ahead gives what one without would have given, whatever becomes of the file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout, setImmediate as turn } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import fs from 'linux-aio/fs';
import { native, StreamReader } from '../support/internals.js';
import { openDescriptors, opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';

const KIB = 1024;
const SIZE = 1024 * KIB + 77;

const content = Buffer.allocUnsafe(SIZE);
for (let i = 0; i < SIZE; i++) content[i] = (i * 31 + (i >> 12)) & 0xff;

const TMPFS = 0x01021994;

/** The content in a file, and not in memory; null where files are kept in memory. */
async function fileOnDisk(t: TestContext): Promise<string | null> {
  const path = temporaryFile(t, content);
  return (await evict(t, path)) ? path : null;
}

/** Takes the file out of the page cache; false where files are kept in memory. */
async function evict(t: TestContext, path: string): Promise<boolean> {
  if (nodeFs.statfsSync(path).type === TMPFS) return false;
  const fd = opened(t, path, 'r+');
  nodeFs.fsyncSync(fd);
  const DONTNEED = 4;
  await new Promise((resolve) => defaultRing().fadvise(fd, 0, 0, DONTNEED, resolve));
  return true;
}

type Options = Parameters<typeof fs.createReadStream>[1];

async function chunksOf(stream: nodeFs.ReadStream): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return chunks;
}

describe('a ReadStream', () => {
  for (const options of [
    {},
    { start: 5 },
    { start: 4096, end: 700_000 },
    { end: 300_000 },
    { highWaterMark: 32 * KIB },
    { highWaterMark: 1000 },
    { highWaterMark: 300 * KIB },
    { autoClose: false },
  ] as const) {
    it(`with ${JSON.stringify(options)} gives Node's chunks`, async (t) => {
      const path = temporaryFile(t, content);
      const ours = fs.createReadStream(path, options as Options);
      const nodes = nodeFs.createReadStream(path, options as Options);
      const [chunks, expected] = await Promise.all([chunksOf(ours), chunksOf(nodes)]);
      assert.deepEqual(
        chunks.map(({ length }) => length),
        expected.map(({ length }) => length),
      );
      assert.ok(Buffer.concat(chunks).equals(Buffer.concat(expected)));
      assert.equal(ours.bytesRead, nodes.bytesRead);
      for (const stream of [ours, nodes]) if (!stream.destroyed) stream.destroy();
    });
  }

  it('has the next chunks read several to a request, while the disk is what is waited for', async (t) => {
    for (let tries = 0; ; tries++) {
      const path = await fileOnDisk(t);
      if (path === null) return t.skip('files are kept in memory here');
      const before = defaultRing().stats.submitted;
      const chunks = await chunksOf(fs.createReadStream(path));
      const requests = defaultRing().stats.submitted - before;
      if (requests < chunks.length) return;
      // The disk was faster than this thread, which others may keep waiting: it has not been waited for.
      assert.ok(tries < 50, `${requests} requests for ${chunks.length} chunks`);
    }
  });

  it('has what is in memory read inside the call, as long as the turn has time', async (t) => {
    const stream = fs.createReadStream(temporaryFile(t, content));
    let chunks = 0;
    let turns = 0;
    const count = () => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    stream.on('data', () => chunks++);
    await once(stream, 'end');
    clearImmediate(immediate);
    // Each chunk would be a turn of the event loop otherwise.
    assert.ok(chunks > turns, `${chunks} chunks in ${turns} turns`);
  });

  it('gives each chunk memory of its own, just as long', async (t) => {
    const chunks = await chunksOf(fs.createReadStream(temporaryFile(t, content)));
    assert.equal(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length);
    for (const chunk of chunks) assert.equal(chunk.buffer.byteLength, chunk.length);
  });

  it('sees what is appended while it reads', async (t) => {
    const path = temporaryFile(t, content);
    const chunks: Buffer[] = [];
    let isLonger = false;
    for await (const chunk of fs.createReadStream(path)) {
      chunks.push(chunk as Buffer);
      if (!isLonger) nodeFs.appendFileSync(path, content);
      isLonger = true;
    }
    assert.ok(Buffer.concat(chunks).equals(Buffer.concat([content, content])));
  });

  it('ends where the file ends that is truncated while it reads', async (t) => {
    const path = temporaryFile(t, content);
    let total = 0;
    for await (const chunk of fs.createReadStream(path)) {
      total += (chunk as Buffer).length;
      if (total === 64 * KIB) nodeFs.truncateSync(path, 64 * KIB + 10);
    }
    // What had been read ahead by then may still come.
    assert.ok(total >= 64 * KIB && total <= SIZE);
  });

  it('gives nothing that the file did not have, where a chunk that was read ahead is short', async (t) => {
    const shorter = content.subarray(0, 128 * KIB + 10);
    // Again and again: where the disk is faster than this thread nothing is read ahead.
    for (let i = 0; i < 20; i++) {
      const path = temporaryFile(t, content);
      const stream = fs.createReadStream(path);
      // With one chunk buffered no other is asked for, so nothing has been read ahead yet, but the size is known.
      await once(stream, 'readable');
      nodeFs.truncateSync(path, shorter.length);
      await evict(t, path);
      assert.ok(Buffer.concat(await chunksOf(stream)).equals(shorter));
    }
  });

  it('reads a named pipe', async (t) => {
    const path = join(temporaryDirectory(t), 'pipe');
    execFileSync('mkfifo', [path]);
    const [chunks] = await Promise.all([
      chunksOf(fs.createReadStream(path)),
      fs.promises.writeFile(path, content.subarray(0, 300_000)),
    ]);
    assert.ok(Buffer.concat(chunks).equals(content.subarray(0, 300_000)));
  });

  it('takes no more from a descriptor of the program than it has room to buffer', async (t) => {
    const fd = opened(t, temporaryFile(t, content));
    const stream = fs.createReadStream('', { fd, autoClose: false });
    await once(stream, 'readable');
    assert.equal((stream.read() as Buffer).length, 64 * KIB);
    for (let i = 0; i < 20; i++) await turn();
    const [, position] = /^pos:\s+(\d+)/m.exec(nodeFs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))!;
    // The chunk that was taken, and the one after it, as in Node.
    assert.ok(Number(position) <= 2 * 64 * KIB, `the descriptor is at ${position}`);
    stream.destroy();
    await once(stream, 'close');
  });

  it('leaves the position of its file at the end, with autoClose: false', async (t) => {
    const stream = fs.createReadStream(temporaryFile(t, content), { autoClose: false });
    stream.resume();
    await once(stream, 'end');
    const { fd } = stream as unknown as { fd: number };
    assert.equal(nodeFs.readSync(fd, Buffer.alloc(1)), 0);
    stream.destroy();
    await once(stream, 'close');
  });

  it('that is destroyed in the middle closes its file when nothing is read into it any more', async (t) => {
    const path = temporaryFile(t, content);
    const before = openDescriptors();
    const streams = Array.from({ length: 20 }, () => fs.createReadStream(path));
    await Promise.all(
      streams.map(async (stream, i) => {
        let count = 0;
        for await (const _chunk of stream) if (++count > i % 7) break;
        assert.ok(stream.destroyed);
      }),
    );
    for (let i = 0; i < 1000 && openDescriptors() > before; i++) await setTimeout(2);
    assert.ok(openDescriptors() <= before, 'descriptors are left open');
  });

  it('closes its file when no chunk is being read into memory any more', async (t) => {
    for (let tries = 0; ; tries++) {
      const path = await fileOnDisk(t);
      if (path === null) return t.skip('files are kept in memory here');
      const fd = opened(t, path);
      let isClosed = false;
      const reader = new StreamReader(
        {
          read: fs.read,
          close: (_: number, done: () => void) => {
            isClosed = true;
            done();
          },
        },
        {},
      );
      const first = new Promise((resolve) => {
        reader.read(fd, Buffer.alloc(64 * KIB), 0, 64 * KIB, undefined, (_error, bytes) => resolve(bytes));
      });
      // With it the next ones have been asked for, unless it was there at once and only waits to be told.
      const isInFlight = defaultRing().inFlight > 1;
      const closed = new Promise<void>((resolve) => reader.close(fd, () => resolve()));
      assert.ok(
        !(isInFlight && isClosed),
        'their descriptor may be another file’s by the time a worker looks',
      );
      await closed;
      assert.ok(isClosed);
      assert.equal(await first, 64 * KIB);
      if (isInFlight) return;
      // The disk was faster than this thread, which others may keep waiting inside the call: nothing has been seen.
      assert.ok(tries < 50, 'no chunk was ever being read');
    }
  });

  it('lets go of the memory that it has read ahead', { skip: !globalThis.gc }, async (t) => {
    const path = temporaryFile(t, content);
    /** When what has been collected is down to that, or does not become less. */
    const pinned = async (wanted: number) => {
      for (let i = 0; i < 50 && native().pinCount() > wanted; i++) {
        globalThis.gc?.();
        await turn(); // finalizers
      }
      return native().pinCount();
    };
    await chunksOf(fs.createReadStream(path));
    const before = await pinned(0);
    for (let i = 0; i < 20; i++) {
      for await (const _chunk of fs.createReadStream(path)) break;
    }
    const after = await pinned(before);
    assert.ok(after <= before + 4, `${after - before} buffers are still held`);
  });

  it('reads pipes and files of /proc as they come', async (t) => {
    const pipe = openPipe(t);
    nodeFs.writeSync(pipe.write, 'through a pipe');
    nodeFs.closeSync(pipe.write);
    pipe.write = -1;
    const stream = fs.createReadStream('', { fd: pipe.read, autoClose: false });
    assert.equal(Buffer.concat(await chunksOf(stream)).toString(), 'through a pipe');
    const status = Buffer.concat(await chunksOf(fs.createReadStream('/proc/self/status'))).toString();
    assert.match(status, /^Name:/);
  });

  it('reports the error of the read that meets it', async (t) => {
    const directory = temporaryDirectory(t);
    await assert.rejects(chunksOf(fs.createReadStream(directory)), { code: 'EISDIR', syscall: 'read' });
    await assert.rejects(chunksOf(fs.createReadStream(join(directory, 'none'))), { code: 'ENOENT' });
  });
});
