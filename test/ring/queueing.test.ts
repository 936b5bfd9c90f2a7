// Nothing is lost and nothing fails for being too much (rule 3).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import type { Ring } from 'linux-aio';
import { fillQueue, startRead, stateOf } from '../support/full-queue.js';
import { coreOf, ioUring, slots } from '../support/internals.js';
import { HANG_MS, openRing, result, started } from '../support/ring.js';
import { opened, openPipes, temporaryFile } from '../support/temp.js';

const BLOCKS = 4096;
const BLOCK = 64;

/** A file of blocks, each filled with its own number. */
function numberedFile(t: Parameters<typeof temporaryFile>[0]): number {
  const content = new Uint32Array((BLOCKS * BLOCK) / 4);
  for (let i = 0; i < content.length; i++) content[i] = Math.floor((i * 4) / BLOCK) * 7919;
  return opened(t, temporaryFile(t, new Uint8Array(content.buffer)));
}

/** Reads `count` blocks at once and checks that each request got its own block, once. */
async function readAtOnce(ring: Ring, fd: number, count: number): Promise<void> {
  const memory = new Uint8Array(count * BLOCK);
  const deliveries = new Uint8Array(count);
  await new Promise<void>((resolve) => {
    let outstanding = count;
    for (let i = 0; i < count; i++) {
      const view = memory.subarray(i * BLOCK, (i + 1) * BLOCK);
      ring.read(fd, view, ((i * 7919) % BLOCKS) * BLOCK, (bytes) => {
        if (bytes === BLOCK) deliveries[i]++;
        if (--outstanding === 0) resolve();
      });
    }
    assert.equal(ring.inFlight, count, 'callbacks ran inside the calls');
  });
  assert.ok(
    deliveries.every((times) => times === 1),
    'a request was delivered twice, not at all, or with an error',
  );
  const words = new Uint32Array(memory.buffer);
  for (let i = 0; i < words.length; i++) {
    const block = (Math.floor((i * 4) / BLOCK) * 7919) % BLOCKS;
    if (words[i] !== block * 7919)
      assert.fail(`request ${Math.floor((i * 4) / BLOCK)} has another one's data`);
  }
  assert.equal(ring.inFlight, 0);
}

describe('many requests at once', () => {
  test('100,000 reads on a ring of 128 entries all complete, each with its own data', async (t) => {
    const ring = openRing(t);
    await readAtOnce(ring, numberedFile(t), 100_000);
    assert.equal(ring.stats.submitted, 100_000);
    assert.equal(ring.stats.completed, 100_000);
    assert.equal(coreOf(ring).staleCompletions, 0);
  });

  test('10,000 reads on the smallest ring', async (t) => {
    const ring = openRing(t, { entries: 8 });
    await readAtOnce(ring, numberedFile(t), 10_000);
  });

  test('10,000 writes on the smallest ring arrive, each at its place', async (t) => {
    const ring = openRing(t, { entries: 8 });
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    await new Promise<void>((resolve) => {
      let outstanding = 10_000;
      for (let i = 0; i < 10_000; i++) {
        ring.write(fd, Uint32Array.of(i * 31), i * 4, (bytes) => {
          assert.equal(bytes, 4);
          if (--outstanding === 0) resolve();
        });
      }
    });
    const bytes = fs.readFileSync(path);
    for (let i = 0; i < 10_000; i++) assert.equal(bytes.readUInt32LE(i * 4), i * 31);
  });

  test('again and again, without growing', async (t) => {
    const ring = openRing(t, { entries: 16 });
    const fd = numberedFile(t);
    for (let round = 0; round < 5; round++) await readAtOnce(ring, fd, 3000);
    assert.ok(coreOf(ring).slots.capacity <= 4096, `${coreOf(ring).slots.capacity} slots for 3000 requests`);
  });

  test('cost less than 300 bytes each, beside their callbacks and buffers', async (t) => {
    // Measured (Node 20 to 26): about 150 bytes a request with the arrays grown to a power of two.
    const ring = openRing(t);
    const fd = numberedFile(t);
    const count = 100_000;
    const memory = new Uint8Array(BLOCK);
    let outstanding = count;
    const before = used();
    const finished = new Promise<void>((resolve) => {
      const done = () => {
        if (--outstanding === 0) resolve();
      };
      for (let i = 0; i < count; i++) ring.read(fd, memory, 0, done);
    });
    const perRequest = (used() - before) / count;
    t.diagnostic(`${perRequest.toFixed(0)} bytes per request in flight`);
    assert.ok(perRequest < 300, `${perRequest} bytes per request`);
    await finished;
  });
});

function used(): number {
  global.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a full completion queue', () => {
  test('loses nothing when thousands of blocked reads complete at once', async (t) => {
    // 2000 reads in the kernel, 512 completion entries: the kernel has to keep the rest (IORING_SQ_CQ_OVERFLOW).
    const ring = openRing(t, { entries: 8 });
    const count = 2000;
    const pipes = openPipes(t, count);
    const buffers = pipes.map(() => Buffer.alloc(8));
    const results = pipes.map((pipe, i) => result((done) => ring.read(pipe.read, buffers[i], -1, done)));
    ring.flush();
    assert.equal(ring.stats.submitted, count, 'all of them are with the kernel');
    for (const [i, pipe] of pipes.entries()) fs.writeSync(pipe.write, String(i));
    const sizes = await Promise.all(results);
    for (let i = 0; i < count; i++) {
      assert.equal(sizes[i], String(i).length);
      assert.equal(buffers[i].toString('latin1', 0, sizes[i]), String(i));
    }
    assert.equal(coreOf(ring).staleCompletions, 0);
    assert.equal(ring.inFlight, 0);
  });

  test('is emptied, and what the kernel kept for want of room is read as well', (t) => {
    // No-ops complete inside the submission; the queue is not read for 800 of them. Guards the look at
    // IORING_SQ_CQ_OVERFLOW in src/ring/queues.ts.
    const ring = openRing(t, { entries: 8 });
    const port = coreOf(ring).ports.primary;
    assert.ok(port.queues.cqEntries < 800);
    for (let i = 0; i < 800; i++) {
      const word = port.queues.next();
      port.queues.entries.fill(0, word, word + ioUring.SQE_WORDS);
      port.queues.entries[word + ioUring.SQE_WORD.USER_LO] = -1; // nobody's: counted as stale
      if (port.queues.prepared === port.queues.sqEntries) assert.equal(port.queues.enter(0, -1), 0);
    }
    assert.equal(port.queues.completionsReady, port.queues.cqEntries);
    port.enterAndReap(0, -1);
    assert.equal(port.stale, 800);
    assert.equal(port.queues.inKernel, 0);
  });

  test('does not keep file reads from completing meanwhile', async (t) => {
    const ring = openRing(t, { entries: 8 });
    const fd = numberedFile(t);
    const pipes = openPipes(t, 1000);
    const reads = pipes.map((pipe) => result((done) => ring.read(pipe.read, Buffer.alloc(8), -1, done)));
    ring.flush();
    for (const pipe of pipes) fs.writeSync(pipe.write, 'x');
    await readAtOnceAmong(ring, fd);
    assert.deepEqual(new Set(await Promise.all(reads)), new Set([1]));
  });
});

describe('a ring whose room is taken by reads that never end', () => {
  // A read of a pipe at a position counts as one that will soon be over, as a read of a dead network file system does.
  const never = (t: TestContext): { ring: Ring; blocked: Promise<number>[]; end: () => void } => {
    const ring = openRing(t, { entries: 8 });
    const [pipe] = openPipes(t, 1);
    const blocked = fillQueue(ring, pipe.read);
    return { ring, blocked, end: () => fs.writeSync(pipe.write, Buffer.alloc(blocked.length)) };
  };

  test('has no more of them with the kernel than its completion queue holds', async (t) => {
    const { ring, blocked, end } = never(t);
    assert.ok(blocked.length - 1 <= coreOf(ring).ports.primary.queues.cqEntries);
    end();
    await Promise.all(blocked);
  });

  test('goes on with everything else all the same', async (t) => {
    const { ring, blocked, end } = never(t);
    const fd = numberedFile(t);
    const requests = Array.from({ length: 1000 }, (_, i) => [
      result((done) => ring.nop(done)),
      result((done) => ring.read(fd, new Uint8Array(BLOCK), (i % BLOCKS) * BLOCK, done)),
    ]);
    assert.deepEqual(new Set(await Promise.all(requests.flat())), new Set([0, BLOCK]));
    end();
    await Promise.all(blocked);
  });

  test('goes on inside wait as well', async (t) => {
    const { ring, blocked, end } = never(t);
    let delivered = 0;
    for (let i = 0; i < 1000; i++) ring.nop(() => delivered++);
    assert.equal(ring.wait(1000, HANG_MS), 1000);
    assert.equal(delivered, 1000);
    end();
    await Promise.all(blocked);
  });
});

test('a request takes its place behind those that wait for room', async (t) => {
  const ring = openRing(t, { entries: 8 });
  const [first, pipe] = openPipes(t, 2);
  const makesRoom = started((done) => startRead(ring, first.read, done));
  const blocked = fillQueue(ring, pipe.read); // the last of them waits for room
  fs.writeSync(first.write, 'x');
  // Its completion is read, and the event loop, which would fill the room again, has not turned.
  while (stateOf(ring, makesRoom.id) !== slots.STATE.COMPLETED) coreOf(ring).ports.poll();
  const late = started((done) => ring.nop(done));
  assert.equal(stateOf(ring, late.id), slots.STATE.QUEUED);
  fs.writeSync(pipe.write, Buffer.alloc(blocked.length));
  assert.deepEqual(new Set(await Promise.all([makesRoom.result, ...blocked])), new Set([1]));
  assert.equal(await late.result, 0);
});

async function readAtOnceAmong(ring: Ring, fd: number): Promise<void> {
  const sizes = Array.from({ length: 2000 }, (_, i) =>
    result((done) => ring.read(fd, new Uint8Array(BLOCK), (i % BLOCKS) * BLOCK, done)),
  );
  assert.deepEqual(new Set(await Promise.all(sizes)), new Set([BLOCK]));
}
