// aio_cancel.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { TestContext } from 'node:test';
import {
  aio,
  block,
  blockedRead,
  CLOSED_FD,
  cancelled,
  fillPipe,
  patternFile,
  writing,
} from '../support/posix.js';
import { Callbacks, handled, settled, signal, until } from '../support/posix-events.js';
import { openAs } from '../support/reuse.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers('C1 C6', 'aio_cancel with a control block cancels that one, and the others go on', (t) => {
  const pipe = openPipe(t);
  const reads = ['a', 'b', 'c'].map(() => {
    const cb = block(pipe.read, 1);
    queued(aio.aio_read(cb));
    return cb;
  });
  assert.equal(aio.aio_cancel(pipe.read, reads[1]), aio.AIO_CANCELED);
  assert.deepEqual(
    reads.map((cb) => nameOf(aio.aio_error(cb))),
    ['EINPROGRESS', 'ECANCELED', 'EINPROGRESS'],
  );
  fs.writeSync(pipe.write, 'ac');
  assert.deepEqual(collected(reads[0]), succeeded(1));
  assert.deepEqual(collected(reads[2]), succeeded(1));
  assert.deepEqual([String(reads[0].aio_buf), String(reads[2].aio_buf)], ['a', 'c']);
  assert.deepEqual(collected(reads[1]), failed('ECANCELED'));
});

covers('C1', 'aio_cancel of the one that has the pipe lets the next one have it', (t) => {
  const pipe = openPipe(t);
  const [first, second] = [blockedRead(pipe), blockedRead(pipe)];
  assert.equal(aio.aio_cancel(pipe.read, first), aio.AIO_CANCELED);
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(second), succeeded(4));
});

covers('C2 C4 C6', 'aio_cancel without one cancels all of the descriptor, and no other’s', (t) => {
  const [pipe, other] = openPipes(t, 2);
  const reads = Array.from({ length: 8 }, () => blockedRead(pipe));
  const foreign = blockedRead(other);
  assert.equal(aio.aio_cancel(pipe.read, null), aio.AIO_CANCELED);
  for (const cb of reads) {
    // Before anything could turn or wait.
    assert.equal(nameOf(aio.aio_error(cb)), 'ECANCELED');
    assert.equal(aio.aio_return(cb), -1);
  }
  assert.equal(nameOf(aio.aio_error(foreign)), 'EINPROGRESS');
  cancelled(other.read);
});

covers('C2', 'aio_cancel of both directions of one descriptor', (t) => {
  const path = `/proc/self/fd/${openPipe(t).write}`;
  const fd = opened(t, path, 'r+');
  fs.writeSync(fd, Buffer.alloc(65_536));
  const write = writing(fd, 'data');
  queued(aio.aio_write(write));
  assert.equal(aio.aio_cancel(fd, null), aio.AIO_CANCELED);
  assert.deepEqual(collected(write), failed('ECANCELED'));
});

covers('C4', 'aio_cancel says so only when the status says so too: 2000 times', (t) => {
  const pipe = openPipe(t);
  for (let i = 0; i < 2000; i++) {
    const cb = block(pipe.read, 4);
    queued(aio.aio_read(cb));
    if (i % 3 === 0) fs.writeSync(pipe.write, 'x');
    const answer = aio.aio_cancel(pipe.read, cb);
    const error = nameOf(aio.aio_error(cb));
    if (answer === aio.AIO_CANCELED) assert.equal(error, 'ECANCELED');
    else if (answer === aio.AIO_ALLDONE) assert.equal(error, '0');
    else assert.equal(answer, aio.AIO_NOTCANCELED);
    const { result } = collected(cb);
    // What was cancelled has left the byte where it was.
    if (i % 3 === 0 && result === -1) assert.equal(fs.readSync(pipe.read, Buffer.alloc(1)), 1);
  }
});

covers('C3', 'a cancelled request calls back once, after aio_cancel has returned', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  for (let i = 0; i < 8; i++) blockedRead(pipe, 16, { aio_sigevent: callbacks.sigevent(i) });
  cancelled(pipe.read);
  assert.deepEqual(callbacks.values, []);
  const values = await callbacks.exactly(8);
  assert.deepEqual([...values].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

covers('C3', 'a cancelled request sends its signal once', async (t) => {
  const signo = aio.SIGRTMIN + 1;
  const infos = handled(t, signo);
  const pipe = openPipe(t);
  for (let i = 0; i < 8; i++) blockedRead(pipe, 16, { aio_sigevent: signal(signo, i) });
  cancelled(pipe.read);
  await until(() => infos.length >= 8);
  await settled();
  assert.deepEqual(infos.map(({ si_value }) => si_value).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

covers(
  'C5 C7',
  'aio_cancel of file transfers under way: answer and statuses agree, and nothing is changed',
  (t) => {
    const fd = opened(t, patternFile(t, 4 << 20));
    const seen = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const reads = Array.from({ length: 16 }, (_, i) => {
        const cb = block(fd, 1 << 18, { aio_offset: i << 18, aio_reqprio: 3, aio_lio_opcode: aio.LIO_NOP });
        queued(aio.aio_read(cb));
        return cb;
      });
      const fields = reads.map((cb) => ({ ...cb }));
      const answer = aio.aio_cancel(fd, null);
      seen.add(answer);
      const states = reads.map((cb) => nameOf(aio.aio_error(cb)));
      if (answer === aio.AIO_CANCELED)
        assert.ok(states.includes('ECANCELED') && !states.includes('EINPROGRESS'));
      if (answer === aio.AIO_ALLDONE) assert.ok(states.every((state) => state === '0'));
      assert.ok(answer >= 0 && answer <= 2);
      for (const [i, cb] of reads.entries()) {
        const status = collected(cb);
        // What was final stays; what was not cancelled is whole.
        if (states[i] === 'ECANCELED') assert.deepEqual(status, failed('ECANCELED'));
        else if (status.error !== 'ECANCELED') assert.deepEqual(status, succeeded(1 << 18));
        assert.deepEqual({ ...cb }, fields[i]);
      }
    }
    t.diagnostic(`answers: ${[...seen].join(', ')}`);
  },
);

covers(
  'C7 B5',
  'aio_cancel of a pipe write that is half done is AIO_NOTCANCELED, and its count is told',
  async (t) => {
    const pipe = openPipe(t);
    const observer = observerOf(t, pipe.read);
    const cb = writing(pipe.write, Buffer.alloc(1 << 20, 'x'));
    queued(aio.aio_write(cb));
    // What fits is in the pipe when its first byte is there; the rest waits for a reader.
    await until(() => observer() === 1, 'the first byte');
    assert.equal(aio.aio_cancel(pipe.write, cb), aio.AIO_NOTCANCELED);
    over(cb);
    const { error, result } = collected(cb);
    assert.equal(error, '0');
    assert.ok(result > 0 && result < 1 << 20, String(result));
    fs.closeSync(pipe.write);
    pipe.write = -1;
    let found = 1;
    const into = Buffer.alloc(1 << 20);
    for (let n = fs.readSync(pipe.read, into); n > 0; n = fs.readSync(pipe.read, into)) found += n;
    assert.equal(found, result, 'as much as was told is in the pipe');
  },
);

covers('C8', 'aio_cancel is AIO_ALLDONE for what is over, with and without a control block', (t) => {
  const fd = opened(t, patternFile(t, 16));
  const cb = block(fd, 16);
  queued(aio.aio_read(cb));
  over(cb);
  assert.equal(aio.aio_cancel(fd, cb), aio.AIO_ALLDONE);
  assert.equal(aio.aio_cancel(fd, null), aio.AIO_ALLDONE);
  assert.deepEqual(collected(cb), succeeded(16), 'and leaves it to be collected');
  assert.equal(aio.aio_cancel(fd, cb), aio.AIO_ALLDONE);
});

covers('C8', 'aio_cancel is AIO_ALLDONE where nothing was ever asked for, and the second time', (t) => {
  const pipe = openPipe(t);
  assert.equal(aio.aio_cancel(pipe.read, null), aio.AIO_ALLDONE);
  assert.equal(aio.aio_cancel(pipe.read, block(pipe.read, 1)), aio.AIO_ALLDONE);
  const cb = blockedRead(pipe);
  assert.equal(aio.aio_cancel(pipe.read, cb), aio.AIO_CANCELED);
  assert.equal(aio.aio_cancel(pipe.read, cb), aio.AIO_ALLDONE);
  assert.equal(aio.aio_cancel(pipe.read, null), aio.AIO_ALLDONE);
});

covers('C6', 'aio_cancel of some finished and some cancelled requests is AIO_CANCELED', (t) => {
  const pipe = openPipe(t);
  const [first, second] = [blockedRead(pipe, 1), blockedRead(pipe, 1)];
  fs.writeSync(pipe.write, 'x');
  over(first);
  assert.equal(aio.aio_cancel(pipe.read, null), aio.AIO_CANCELED);
  assert.deepEqual([collected(first), collected(second)], [succeeded(1), failed('ECANCELED')]);
});

covers('C9 C10 G-7', 'aio_cancel of a closed descriptor is EBADF, whatever the control block says', (t) => {
  const cb = block(openPipe(t).read, 1);
  for (const fd of [-1, CLOSED_FD, 2 ** 31 - 1]) {
    fails(aio.aio_cancel(fd, null), 'EBADF');
    fails(aio.aio_cancel(fd, cb), 'EBADF');
    fails(aio.aio_cancel(fd, block(fd, 1)), 'EBADF');
  }
});

covers('C9', 'aio_cancel with a control block of another descriptor is EINVAL, and cancels nothing', (t) => {
  const [pipe, other] = openPipes(t, 2);
  const cb = blockedRead(pipe);
  fails(aio.aio_cancel(other.read, cb), 'EINVAL');
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  cancelled(pipe.read);
});

covers('C2 X13', 'aio_cancel does not reach the requests of a file that had the number before', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  const fd = pipe.read;
  fs.closeSync(fd);
  openAs(fd, temporaryFile(t, 'other'));
  assert.equal(aio.aio_cancel(fd, null), aio.AIO_ALLDONE);
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('C2', 'aio_cancel of a thousand blocked requests cancels them all', (t) => {
  const pipes = openPipes(t, 10);
  const reads = Array.from({ length: 1000 }, (_, i) => blockedRead(pipes[i % 10]));
  for (const pipe of pipes) assert.equal(aio.aio_cancel(pipe.read, null), aio.AIO_CANCELED);
  for (const cb of reads) assert.deepEqual(collected(cb), failed('ECANCELED'));
});

covers('C4', 'aio_cancel of a write to a full pipe', (t) => {
  const pipe = openPipe(t);
  fillPipe(pipe);
  const writes = ['one', 'two', 'three'].map((text) => {
    const cb = writing(pipe.write, text);
    queued(aio.aio_write(cb));
    return cb;
  });
  assert.equal(aio.aio_cancel(pipe.write, null), aio.AIO_CANCELED);
  for (const cb of writes) assert.deepEqual(collected(cb), failed('ECANCELED'));
});

/** Takes a byte out of the pipe if there is one: how many that were. */
function observerOf(t: TestContext, pipe: number): () => number {
  const fd = opened(t, `/proc/self/fd/${pipe}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  return () => {
    try {
      return fs.readSync(fd, Buffer.alloc(1));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return 0;
    }
  };
}
