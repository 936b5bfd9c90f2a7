// A completion that names no live request is dropped, never delivered to somebody else's callback (rule 1).
//
// The completion queue cannot be forged from outside: its tail is the kernel's. But the kernel returns whatever
// user_data an entry had, so no-ops with made-up ones give stale, repeated and senseless completions.
// Guards the generation and the state looked at in RingCore.#reap.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import type { Ring } from 'linux-aio';
import { coreOf, ioUring } from '../support/internals.js';
import { errno, openRing, result, started } from '../support/ring.js';
import { openPipe } from '../support/temp.js';

const { OP, SQE_WORD, SQE_WORDS } = ioUring;

/** Lets the kernel post a completion with result 0 for `slot` and `generation`. */
function forge(ring: Ring, slot: number, generation: number): void {
  const { queues } = coreOf(ring).ports.primary;
  const word = queues.next();
  queues.entries.fill(0, word, word + SQE_WORDS);
  queues.entries[word + SQE_WORD.OP_FLAGS] = OP.NOP;
  queues.entries[word + SQE_WORD.USER_LO] = slot;
  queues.entries[word + SQE_WORD.USER_HI] = generation;
  coreOf(ring).ports.primary.enterAndReap(0, -1);
}

describe('a completion is dropped', () => {
  test('when it is late: its request is over, and another one has its slot', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const first = started((done) => ring.nop(done));
    assert.equal(await first.result, 0);
    const slot = first.id % 2 ** 24;
    const generation = coreOf(ring).slots.generation[slot];
    let value: number | null = null;
    const id = ring.read(pipe.read, Buffer.alloc(4), -1, (bytes) => {
      value = bytes;
    });
    assert.equal(id % 2 ** 24, slot);
    forge(ring, slot, generation - 1);
    await result((done) => ring.timeout(5, done));
    assert.equal(value, null, 'it got the other one’s result');
    assert.equal(coreOf(ring).staleCompletions, 1);
    assert.equal(await result((done) => ring.cancel(id, done)), 0);
    assert.equal(value, errno.ECANCELED);
  });

  test('when it comes twice', async (t) => {
    const ring = openRing(t);
    let deliveries = 0;
    const id = ring.nop(() => deliveries++); // complete, not delivered
    const slot = id % 2 ** 24;
    forge(ring, slot, coreOf(ring).slots.generation[slot]);
    await result((done) => ring.nop(done));
    assert.equal(deliveries, 1);
    assert.equal(coreOf(ring).staleCompletions, 1);
  });

  test('when it names a request that waits in user space, or a slot that does not exist', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffers = [Buffer.alloc(1), Buffer.alloc(1)];
    const reads = buffers.map((buffer) => started((done) => ring.read(pipe.read, buffer, -1, done)));
    const waiting = reads[1].id % 2 ** 24;
    forge(ring, waiting, coreOf(ring).slots.generation[waiting]);
    for (const slot of [500, 1023, 1024, 2 ** 24, 2 ** 31 - 1, -1, -(2 ** 31)]) forge(ring, slot, 0);
    await result((done) => ring.timeout(5, done));
    fs.writeSync(pipe.write, 'ab');
    assert.deepEqual(await Promise.all(reads.map((read) => read.result)), [1, 1]);
    assert.equal(Buffer.concat(buffers).toString(), 'ab');
    assert.equal(coreOf(ring).staleCompletions, 8);
    assert.equal(ring.inFlight, 0);
  });
});

test('requests are counted right after all of that: the ring closes and lets the process end', async (t) => {
  const ring = openRing(t);
  for (let i = 0; i < 1000; i++) forge(ring, i, 7);
  assert.equal(coreOf(ring).ports.primary.queues.inKernel, 0);
  assert.equal(await result((done) => ring.nop(done)), 0);
  await ring.close();
});

test('a slot’s generation has many values before it is used again', async (t) => {
  const ring = openRing(t);
  const seen = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    await result((done) => {
      const id = ring.nop(done);
      seen.add(id);
    });
  }
  assert.equal(seen.size, 5000);
});
