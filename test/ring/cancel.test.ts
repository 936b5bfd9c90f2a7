// Cancelling, wherever the request is. The request's own callback runs exactly once, with its own result.
// Guards Slots.find (an old number must not name the next request) and RingCore.cancelQueued.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import type { Ring } from 'linux-aio';
import { fillQueue, stateOf } from '../support/full-queue.js';
import { slots } from '../support/internals.js';
import { errno, openRing, result, started } from '../support/ring.js';
import { openPipe, openPipes } from '../support/temp.js';

const { STATE } = slots;

const cancelled = (ring: Ring, id: number) => result((done) => ring.cancel(id, done));

describe('cancel gives ENOENT', () => {
  test('for numbers that no request ever had', async (t) => {
    const ring = openRing(t);
    for (const id of [0, 1, -1, 2 ** 24, 2 ** 53 - 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(await cancelled(ring, id), errno.ENOENT, String(id));
    }
  });

  test('for a request that is over, and leaves the one in the same slot alone', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const finished = started((done) => ring.nop(done));
    assert.equal(await finished.result, 0);
    const buffer = Buffer.alloc(4);
    const next = started((done) => ring.read(pipe.read, buffer, -1, done));
    assert.equal(next.id % 2 ** 24, finished.id % 2 ** 24, 'the slot is used again');
    assert.equal(await cancelled(ring, finished.id), errno.ENOENT);
    fs.writeSync(pipe.write, 'data');
    assert.equal(await next.result, 4);
  });

  test('for a request whose result waits to be delivered, which it leaves as it is', async (t) => {
    const ring = openRing(t);
    const nop = started((done) => ring.nop(done));
    assert.equal(stateOf(ring, nop.id), STATE.COMPLETED);
    assert.equal(await cancelled(ring, nop.id), errno.ENOENT);
    assert.equal(await nop.result, 0);
  });

  test('for a request of another ring', async (t) => {
    const [ring, other] = [openRing(t), openRing(t)];
    const timer = started((done) => other.timeout(60_000, done));
    assert.equal(await cancelled(ring, timer.id), errno.ENOENT);
    assert.equal(await cancelled(other, timer.id), 0);
    assert.equal(await timer.result, errno.ECANCELED);
  });
});

describe('cancel gives 0, and the request ECANCELED, when the request', () => {
  test('is in the kernel', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffer = Buffer.alloc(4, '-');
    const read = started((done) => ring.read(pipe.read, buffer, -1, done));
    assert.equal(stateOf(ring, read.id), STATE.SUBMITTED);
    assert.equal(await cancelled(ring, read.id), 0);
    assert.equal(await read.result, errno.ECANCELED);
    fs.writeSync(pipe.write, 'data');
    assert.equal(buffer.toString(), '----');
    assert.equal(ring.stats.cancelled, 1);
    // Nothing has taken the data.
    assert.equal(await result((done) => ring.read(pipe.read, buffer, -1, done)), 4);
  });

  test('is in the submission queue and not handed over', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const first = result((done) => ring.nop(done));
    const read = started((done) => ring.read(pipe.read, Buffer.alloc(4), -1, done));
    assert.equal(await cancelled(ring, read.id), 0);
    assert.equal(await read.result, errno.ECANCELED);
    assert.equal(await first, 0);
  });

  test('waits in a lane: the ones around it keep their order', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffers = [Buffer.alloc(1), Buffer.alloc(1, '-'), Buffer.alloc(1)];
    const reads = buffers.map((buffer) => started((done) => ring.read(pipe.read, buffer, -1, done)));
    assert.equal(stateOf(ring, reads[1].id), STATE.WAITING);
    const submitted = ring.stats.submitted;
    assert.equal(await cancelled(ring, reads[1].id), 0);
    assert.equal(await reads[1].result, errno.ECANCELED);
    assert.equal(ring.stats.submitted, submitted, 'the kernel has not seen it');
    fs.writeSync(pipe.write, 'ab');
    assert.deepEqual([await reads[0].result, await reads[2].result], [1, 1]);
    assert.equal(Buffer.concat(buffers).toString(), 'a-b');
  });

  test('has the lane: the next one gets it', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffer = Buffer.alloc(4);
    const first = started((done) => ring.read(pipe.read, Buffer.alloc(4), -1, done));
    const second = result((done) => ring.read(pipe.read, buffer, -1, done));
    assert.equal(await cancelled(ring, first.id), 0);
    assert.equal(await first.result, errno.ECANCELED);
    fs.writeSync(pipe.write, 'data');
    assert.equal(await second, 4);
    assert.equal(buffer.toString(), 'data');
  });

  test('waits behind a barrier, and later barriers still hold', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fs.writeSync(pipe.write, Buffer.alloc(65536)); // full
    const write = started((done) => ring.write(pipe.write, Buffer.from('x'), -1, done));
    const order: string[] = [];
    const fsyncs = ['first', 'second'].map((name) =>
      started((done) =>
        ring.fsync(pipe.write, false, (value) => {
          order.push(name);
          done(value);
        }),
      ),
    );
    assert.equal(stateOf(ring, fsyncs[0].id), STATE.WAITING);
    assert.equal(await cancelled(ring, fsyncs[0].id), 0);
    assert.equal(await fsyncs[0].result, errno.ECANCELED);
    assert.deepEqual(order, ['first']);
    assert.equal(await cancelled(ring, write.id), 0);
    assert.equal(await write.result, errno.ECANCELED);
    assert.equal(await fsyncs[1].result, errno.EINVAL, 'the kernel’s answer for a pipe: it has been asked');
  });

  test('is queued behind a full queue: the ones around it go on', async (t) => {
    const ring = openRing(t, { entries: 8 });
    const pipe = openPipe(t);
    const blocked = fillQueue(ring, pipe.read);
    const queued = Array.from({ length: 3 }, () => started((done) => ring.nop(done)));
    for (const { id } of queued) assert.equal(stateOf(ring, id), STATE.QUEUED);
    assert.equal(await cancelled(ring, queued[1].id), 0);
    assert.equal(await queued[1].result, errno.ECANCELED);
    const { submitted } = ring.stats;
    fs.writeSync(pipe.write, Buffer.alloc(blocked.length));
    assert.deepEqual([await queued[0].result, await queued[2].result], [0, 0]);
    assert.deepEqual(new Set(await Promise.all(blocked)), new Set([1]));
    assert.equal(ring.stats.submitted - submitted, 3, 'the last to fill the queue and two of these');
  });

  test('is a timer or a poll', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const requests = [
      started((done) => ring.timeout(60_000, done)),
      started((done) => ring.pollAdd(pipe.read, 1, done)),
    ];
    for (const request of requests) {
      assert.equal(await cancelled(ring, request.id), 0);
      assert.equal(await request.result, errno.ECANCELED);
    }
  });
});

describe('cancelling', () => {
  test('twice gives one of the two answers to each, and one result', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    let deliveries = 0;
    const id = ring.read(pipe.read, Buffer.alloc(1), -1, (value) => {
      assert.equal(value, errno.ECANCELED);
      deliveries++;
    });
    const answers = await Promise.all([cancelled(ring, id), cancelled(ring, id)]);
    assert.equal(answers[0], 0);
    assert.ok([errno.ENOENT, errno.EALREADY].includes(answers[1]), String(answers[1]));
    assert.equal(deliveries, 1);
  });

  test('a thousand requests in any order ends them all', async (t) => {
    const ring = openRing(t, { entries: 16 });
    const pipes = openPipes(t, 20);
    const reads = Array.from({ length: 1000 }, (_, i) =>
      started((done) => ring.read(pipes[i % 20].read, Buffer.alloc(1), -1, done)),
    );
    const order = reads.map((_, i) => reads[(i * 7 + 3) % 1000]);
    const answers = await Promise.all(order.map((read) => cancelled(ring, read.id)));
    assert.deepEqual(new Set(answers), new Set([0]));
    assert.deepEqual(
      new Set(await Promise.all(reads.map((read) => read.result))),
      new Set([errno.ECANCELED]),
    );
    assert.equal(ring.inFlight, 0);
  });

  test('in a race with the data loses none of it', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    for (let round = 0; round < 200; round++) {
      const buffer = Buffer.from([0]);
      const read = started((done) => ring.read(pipe.read, buffer, -1, done));
      fs.writeSync(pipe.write, Uint8Array.of(round + 1));
      const answer = await cancelled(ring, read.id);
      const bytes = await read.result;
      if (bytes === errno.ECANCELED) {
        assert.equal(await result((done) => ring.read(pipe.read, buffer, -1, done)), 1);
      } else {
        assert.equal(bytes, 1, `cancel answered ${answer}`);
      }
      assert.equal(buffer[0], round + 1);
    }
  });
});
