// aio_waitcomplete (FreeBSD) and completion(): collecting without a list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, blockedRead, cancelled, patternFile, writing } from '../support/posix.js';
import { handled, signalledLater, writtenLater } from '../support/posix-events.js';
import { collected, fails, LONG, NOW, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

/** What earlier tests left uncollected. */
function emptied(): void {
  while (aio.aio_waitcomplete(NOW) !== -1);
}

covers('B1', 'aio_waitcomplete gives each finished request once, with its result, and collects it', (t) => {
  emptied();
  const fd = opened(t, patternFile(t, 1000));
  const cbs = Array.from({ length: 10 }, (_, i) => block(fd, 10 + i));
  for (const cb of cbs) queued(aio.aio_read(cb));
  const found = new Map<aio.aiocb, number>();
  for (let i = 0; i < 10; i++) {
    const completion = aio.aio_waitcomplete(LONG);
    assert.notEqual(completion, -1);
    const { cb, result } = completion as { cb: aio.aiocb; result: number };
    assert.ok(!found.has(cb), 'given twice');
    found.set(cb, result);
    fails(aio.aio_error(cb), 'EINVAL');
    fails(aio.aio_return(cb), 'EINVAL');
  }
  for (const [i, cb] of cbs.entries()) assert.equal(found.get(cb), 10 + i);
  fails(aio.aio_waitcomplete(NOW), 'EAGAIN');
});

covers('B1', 'aio_waitcomplete gives a failed request with -1 and its errno', (t) => {
  emptied();
  const cb = writing(opened(t, '/dev/full', 'w'), 'x');
  queued(aio.aio_write(cb));
  const completion = aio.aio_waitcomplete(LONG);
  const found = aio.errno;
  assert.deepEqual(completion, { cb, result: -1 });
  assert.equal((completion as { cb: aio.aiocb }).cb, cb);
  assert.equal(nameOf(found), 'ENOSPC');
});

covers('B1', 'aio_waitcomplete does not give what aio_return has collected', (t) => {
  emptied();
  const fd = opened(t, patternFile(t, 100));
  const [first, second] = [block(fd, 10), block(fd, 20)];
  queued(aio.aio_read(first));
  queued(aio.aio_read(second));
  assert.deepEqual(collected(first), succeeded(10));
  assert.deepEqual(aio.aio_waitcomplete(LONG), { cb: second, result: 20 });
  fails(aio.aio_waitcomplete(NOW), 'EAGAIN');
});

covers('', 'aio_waitcomplete waits for another process, its timeout, or a signal', (t) => {
  emptied();
  const [idle, used] = openPipes(t, 2);
  blockedRead(idle);
  const cb = blockedRead(used);
  fails(aio.aio_waitcomplete({ tv_sec: 0, tv_nsec: 20e6 }), 'EAGAIN');
  writtenLater(t, used.write, 'data');
  assert.deepEqual(aio.aio_waitcomplete(null), { cb, result: 4 });
  handled(t, aio.SIGUSR1);
  signalledLater(t, 'USR1');
  fails(aio.aio_waitcomplete(null), 'EINTR');
  cancelled(idle.read);
});

covers('', 'aio_waitcomplete with nothing to wait for is EINVAL without a timeout, EAGAIN after one', () => {
  emptied();
  fails(aio.aio_waitcomplete(null), 'EINVAL');
  fails(aio.aio_waitcomplete(NOW), 'EAGAIN');
  fails(aio.aio_waitcomplete({ tv_sec: 0, tv_nsec: 1e9 }), 'EINVAL');
});

covers('', 'completion resolves with the result and collects it', async (t) => {
  const fd = opened(t, patternFile(t, 100));
  const cb = block(fd, 10);
  queued(aio.aio_read(cb));
  assert.equal(await aio.completion(cb), 10);
  fails(aio.aio_return(cb), 'EINVAL');
  // Over before it is asked for.
  queued(aio.aio_read(cb));
  over(cb);
  assert.equal(await aio.completion(cb), 10);
});

covers('', 'completion of many at once, awaited in any order', async (t) => {
  const pipes = openPipes(t, 10);
  const cbs = pipes.map((pipe) => blockedRead(pipe));
  const promises = cbs.map((cb) => aio.completion(cb));
  for (const [i, pipe] of pipes.entries()) fs.writeSync(pipe.write, Buffer.alloc(i + 1));
  assert.deepEqual(await Promise.all(promises), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

covers('', 'aio_waitcomplete ends when promises have collected all that was in flight', async (t) => {
  emptied();
  const pipe = openPipe(t);
  const promise = aio.completion(blockedRead(pipe));
  writtenLater(t, pipe.write, 'data'); // when it blocks, so that it is what reads the result back
  fails(aio.aio_waitcomplete(null), 'EINVAL');
  assert.equal(await promise, 4);
});

covers('', 'completion rejects with an Error that has code, errno and syscall, as Node’s have', async (t) => {
  const full = writing(opened(t, '/dev/full', 'w'), 'x');
  queued(aio.aio_write(full));
  await assert.rejects(aio.completion(full), { code: 'ENOSPC', errno: -28, syscall: 'aio_write' });
  fails(aio.aio_return(full), 'EINVAL');
  const pipe = openPipe(t);
  const gone = blockedRead(pipe);
  const promise = aio.completion(gone);
  cancelled(pipe.read);
  await assert.rejects(promise, { code: 'ECANCELED', syscall: 'aio_read' });
});

covers('', 'completion of a control block without an uncollected status rejects with EINVAL', async (t) => {
  await assert.rejects(aio.completion(new aio.aiocb()), { code: 'EINVAL' });
  const cb = block(opened(t, temporaryFile(t)), 1);
  queued(aio.aio_read(cb));
  collected(cb);
  await assert.rejects(aio.completion(cb), { code: 'EINVAL' });
});

covers('', 'completion leaves notifications as they are', async (t) => {
  const values: unknown[] = [];
  const fd = opened(t, patternFile(t, 100));
  const cb = block(fd, 10, {
    aio_sigevent: {
      sigev_notify: aio.SIGEV_THREAD,
      sigev_value: 1,
      sigev_notify_function: (value: unknown) => values.push(value),
    },
  });
  queued(aio.aio_read(cb));
  assert.equal(await aio.completion(cb), 10);
  while (values.length === 0) await new Promise(setImmediate);
  assert.deepEqual(values, [1]);
});
