// aio_suspend: it blocks the thread, and statuses become final without a turn of the event loop.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, blockedRead, cancelled, patternFile, writing } from '../support/posix.js';
import { handled, settled, signal, signalledLater, writtenLater } from '../support/posix-events.js';
import { collected, failed, fails, LONG, NOW, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const ms = (milliseconds: number): aio.timespec => ({
  tv_sec: Math.floor(milliseconds / 1000),
  tv_nsec: (milliseconds % 1000) * 1e6,
});

covers('S1', 'aio_suspend returns 0 when one of the list is over: without a timeout', (t) => {
  const fd = opened(t, patternFile(t, 10 << 20));
  const list = Array.from({ length: 10 }, (_, i) =>
    block(fd, 1 << 20, { aio_offset: i << 20, aio_lio_opcode: aio.LIO_READ }),
  );
  assert.equal(aio.lio_listio(aio.LIO_NOWAIT, list, list.length, null), 0);
  assert.equal(aio.aio_suspend([null, list[5]], 2, null), 0);
  assert.notEqual(aio.aio_error(list[5]), aio.EINPROGRESS);
  for (const cb of list) assert.deepEqual(collected(cb), succeeded(1 << 20));
});

covers('S1', 'aio_suspend blocks until another process writes', (t) => {
  const [idle, used] = openPipes(t, 2);
  const [first, second] = [blockedRead(idle), blockedRead(used)];
  writtenLater(t, used.write, 'data');
  assert.equal(aio.aio_suspend([first, second], 2, LONG), 0);
  assert.equal(nameOf(aio.aio_error(first)), 'EINPROGRESS');
  assert.deepEqual(collected(second), succeeded(4));
  cancelled(idle.read);
});

covers('S1', 'aio_suspend ends also when a promise has collected the one it waits for', async (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  const promise = aio.completion(cb);
  writtenLater(t, pipe.write, 'data'); // when it blocks, so that it is what reads the result back
  assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
  fails(aio.aio_return(cb), 'EINVAL');
  assert.equal(await promise, 4);
});

covers('S1', 'aio_suspend runs nothing of the event loop', (t) => {
  const pipe = openPipe(t);
  let turns = 0;
  const immediate = setImmediate(() => turns++);
  const notified: unknown[] = [];
  const cb = blockedRead(pipe, 16, {
    aio_sigevent: {
      sigev_notify: aio.SIGEV_THREAD,
      sigev_notify_function: () => notified.push(1),
    },
  });
  fs.writeSync(pipe.write, 'data');
  over(cb);
  assert.equal(turns, 0);
  assert.deepEqual(notified, []);
  clearImmediate(immediate);
});

covers('S2', 'aio_suspend returns at once when one is over, also a failed or a cancelled one', (t) => {
  const [idle, other] = openPipes(t, 2);
  const blocked = blockedRead(idle);
  const good = block(opened(t, patternFile(t, 16)), 16);
  queued(aio.aio_read(good));
  const bad = block(-1, 16);
  queued(aio.aio_read(bad));
  over(good, bad);
  const gone = blockedRead(other);
  cancelled(other.read);
  for (const cb of [good, bad, gone]) {
    for (const timeout of [NOW, ms(10), LONG, null]) {
      assert.equal(aio.aio_suspend([blocked, cb], 2, timeout), 0);
      assert.equal(aio.aio_suspend([cb, blocked], 2, timeout), 0);
    }
  }
  cancelled(idle.read);
});

covers('S3', 'aio_suspend ignores null and undefined', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  const list = [null, undefined, cb, null, undefined] as aio.aiocb[];
  fails(aio.aio_suspend(list, 5, NOW), 'EAGAIN');
  fs.writeSync(pipe.write, 'x');
  assert.equal(aio.aio_suspend(list, 5, LONG), 0);
});

covers('S3', 'aio_suspend looks at the first nent elements only', (t) => {
  const [idle, other] = openPipes(t, 2);
  const list = [blockedRead(idle), blockedRead(other)];
  fs.writeSync(other.write, 'x');
  over(list[1]);
  fails(aio.aio_suspend(list, 1, NOW), 'EAGAIN');
  assert.equal(aio.aio_suspend(list, 2, NOW), 0);
  cancelled(idle.read);
});

covers('S4 S7 S9', 'aio_suspend is -1 and EAGAIN when the time is up, and leaves the request alone', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  for (const timeout of [NOW, { tv_sec: 0, tv_nsec: 1 }, ms(1), ms(30)])
    fails(aio.aio_suspend([cb], 1, timeout), 'EAGAIN');
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('S5 S9', 'aio_suspend waits on the monotonic clock, no shorter than it was asked to', (t) => {
  const cb = blockedRead(openPipe(t));
  const begin = process.hrtime.bigint(); // CLOCK_MONOTONIC
  fails(aio.aio_suspend([cb], 1, ms(60)), 'EAGAIN');
  assert.ok(process.hrtime.bigint() - begin >= 60_000_000n);
  cancelled(cb.aio_fildes);
});

covers('S10 G-9', 'aio_suspend is -1 and EINTR when a signal comes that sigaction() handles', async (t) => {
  const infos = handled(t, aio.SIGUSR1);
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  signalledLater(t, 'USR1');
  fails(aio.aio_suspend([cb], 1, LONG), 'EINTR');
  assert.deepEqual(infos, [], 'handlers run on the event loop, not inside the call');
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('S10', 'aio_suspend is -1 and EINTR when a signal comes that process.on() handles', async (t) => {
  const handler = () => {};
  process.on('SIGUSR2', handler);
  const cb = blockedRead(openPipe(t));
  signalledLater(t, 'USR2');
  t.after(() => process.off('SIGUSR2', handler)); // after whoever sends it has ended: unhandled, it ends this process
  fails(aio.aio_suspend([cb], 1, LONG), 'EINTR');
  cancelled(cb.aio_fildes);
});

covers('S10', 'aio_suspend is interrupted by the signal of another request', async (t) => {
  const signo = aio.SIGRTMIN + 5;
  const infos = handled(t, signo);
  const [idle, other] = openPipes(t, 2);
  const awaited = blockedRead(idle);
  const signalling = blockedRead(other, 16, { aio_sigevent: signal(signo, 'it') });
  writtenLater(t, other.write, 'data');
  fails(aio.aio_suspend([awaited], 1, LONG), 'EINTR');
  assert.equal(nameOf(aio.aio_error(awaited)), 'EINPROGRESS');
  assert.deepEqual(collected(signalling), succeeded(4));
  await settled();
  assert.deepEqual(
    infos.map(({ si_value }) => si_value),
    ['it'],
  );
  cancelled(idle.read);
});

covers(
  'S10',
  'aio_suspend that is interrupted by the awaited request’s own signal finds it over the next time',
  async (t) => {
    const signo = aio.SIGRTMIN + 6;
    const infos = handled(t, signo);
    const pipe = openPipe(t);
    const cb = blockedRead(pipe, 16, { aio_sigevent: signal(signo, 7) });
    writtenLater(t, pipe.write, 'data');
    const result = aio.aio_suspend([cb], 1, LONG);
    if (result === -1) assert.equal(nameOf(aio.errno), 'EINTR');
    assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
    assert.deepEqual(collected(cb), succeeded(4));
    await settled();
    assert.equal(infos.length, 1);
  },
);

covers('', 'aio_suspend is EINVAL for a timespec that is none', (t) => {
  const cb = blockedRead(openPipe(t));
  for (const [tv_sec, tv_nsec] of [
    [0, 1e9],
    [0, -1],
    [-1, 0],
    [0, 0.5],
    [0.5, 0],
    [Number.NaN, 0],
    [0, Number.NaN],
    [0, 2 ** 40],
  ])
    fails(aio.aio_suspend([cb], 1, { tv_sec, tv_nsec }), 'EINVAL');
  cancelled(cb.aio_fildes);
});

covers('', 'aio_suspend takes a timeout of years', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  fs.writeSync(pipe.write, 'x');
  assert.equal(aio.aio_suspend([cb], 1, { tv_sec: 2 ** 40, tv_nsec: 999_999_999 }), 0);
});

covers('', 'aio_suspend is EINVAL for a nent that is not the length of a part of the list', (t) => {
  const cb = blockedRead(openPipe(t));
  for (const nent of [-1, 2, 1.5, Number.NaN, 2 ** 31]) fails(aio.aio_suspend([cb], nent, NOW), 'EINVAL');
  cancelled(cb.aio_fildes);
});

covers('', 'aio_suspend is EINVAL for an element that was never used or is collected', (t) => {
  const done = block(opened(t, patternFile(t, 16)), 16);
  queued(aio.aio_read(done));
  collected(done);
  const running = blockedRead(openPipe(t));
  for (const cb of [done, new aio.aiocb()]) {
    fails(aio.aio_suspend([cb], 1, NOW), 'EINVAL');
    fails(aio.aio_suspend([running, cb], 2, LONG), 'EINVAL');
  }
  cancelled(running.aio_fildes);
});

covers('', 'aio_suspend of nothing is EAGAIN after its timeout, EINVAL without one', () => {
  for (const list of [[], [null], [null, null, null]]) {
    fails(aio.aio_suspend(list, list.length, NOW), 'EAGAIN');
    const begin = process.hrtime.bigint();
    fails(aio.aio_suspend(list, list.length, ms(20)), 'EAGAIN');
    assert.ok(process.hrtime.bigint() - begin >= 20_000_000n);
    fails(aio.aio_suspend(list, list.length, null), 'EINVAL');
  }
});

covers('', 'aio_suspend takes an fsync, the same request twice, and a list of a million', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  const fsync = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, fsync));
  assert.equal(aio.aio_suspend([fsync, fsync], 2, LONG), 0);
  assert.deepEqual(collected(fsync), succeeded(0));
  const cb = writing(fd, 'data');
  queued(aio.aio_write(cb));
  const list = new Array<aio.aiocb | null>(1_000_000).fill(null);
  list[999_999] = cb;
  assert.equal(aio.aio_suspend(list, list.length, LONG), 0);
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('', 'aio_suspend of a cancelled request finds it over', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  assert.equal(aio.aio_cancel(pipe.read, cb), aio.AIO_CANCELED);
  assert.equal(aio.aio_suspend([cb], 1, null), 0);
  assert.deepEqual(collected(cb), failed('ECANCELED'));
});
