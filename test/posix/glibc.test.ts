// What glibc's own tests of <aio.h> (rt/tst-aio*.c) look at, one test each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, blockedRead, CLOSED_FD, cancelled, patternFile, writing } from '../support/posix.js';
import { Callbacks, handled, settled, signal, until } from '../support/posix-events.js';
import { collected, failed, fails, LONG, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers('G-1', 'tst-aio: ten writes in reverse order, read back by a list, an fsync, cancels', (t) => {
  const path = temporaryFile(t);
  const fd = opened(t, path, 'r+');
  const texts = Array.from({ length: 10 }, (_, i) => Buffer.alloc(1000, 48 + i));
  const cbs = texts.map((text, i) => writing(fd, text, { aio_offset: i * 1000 }));
  for (const cb of [...cbs].reverse()) queued(aio.aio_write(cb));
  const waiting = new Set(cbs);
  while (waiting.size > 0) {
    assert.equal(aio.aio_suspend([...waiting], waiting.size, LONG), 0);
    for (const cb of waiting) if (aio.aio_error(cb) !== aio.EINPROGRESS) waiting.delete(cb);
  }
  for (const cb of cbs) assert.deepEqual(collected(cb), succeeded(1000));
  assert.deepEqual(fs.readFileSync(path), Buffer.concat(texts));

  const reads = texts.map((_, i) => block(fd, 1000, { aio_offset: i * 1000, aio_lio_opcode: aio.LIO_READ }));
  assert.equal(aio.lio_listio(aio.LIO_WAIT, reads, 10, null), 0);
  for (const [i, cb] of reads.entries()) assert.deepEqual(cb.aio_buf, texts[i]);

  for (const cb of cbs) queued(aio.aio_write(cb));
  const fsync = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, fsync));
  over(fsync);
  for (const cb of cbs) assert.equal(nameOf(aio.aio_error(cb)), '0');

  for (const all of [true, false]) {
    for (const cb of cbs) queued(aio.aio_write(cb));
    const answers = all ? [aio.aio_cancel(fd, null)] : cbs.map((cb) => aio.aio_cancel(fd, cb));
    for (const answer of answers) assert.ok(answer >= 0 && answer <= 2, String(answer));
    for (const cb of cbs) {
      const { error, result } = collected(cb);
      assert.ok((error === '0' && result === 1000) || (error === 'ECANCELED' && result === -1));
    }
  }
});

covers('G-2', 'tst-aio2: the callback of an element comes under LIO_WAIT too', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const list = [
    writing(pipe.write, 'hello', { aio_lio_opcode: aio.LIO_WRITE }),
    block(pipe.read, 5, { aio_lio_opcode: aio.LIO_READ, aio_sigevent: callbacks.sigevent('read') }),
  ];
  assert.equal(aio.lio_listio(aio.LIO_WAIT, list, 2, null), 0);
  assert.deepEqual(await callbacks.exactly(1), ['read']);
});

covers('G-3', 'tst-aio3: the callback of an element under LIO_NOWAIT, and aio_suspend', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const cb = block(pipe.read, 5, { aio_lio_opcode: aio.LIO_READ, aio_sigevent: callbacks.sigevent('read') });
  queued(aio.lio_listio(aio.LIO_NOWAIT, [cb], 1, null));
  fs.writeSync(pipe.write, 'hello');
  assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
  assert.deepEqual(collected(cb), succeeded(5));
  assert.deepEqual(await callbacks.exactly(1), ['read']);
});

covers(
  'G-4',
  'tst-aio4: aio_init, the real-time signal of a write, of an element and of its list',
  async (t) => {
    aio.aio_init({ aio_threads: 10, aio_num: 20 });
    const signo = aio.SIGRTMIN + 3;
    const infos = handled(t, signo);
    const pipe = openPipe(t);
    const write = writing(pipe.write, 'x', { aio_sigevent: signal(signo, 1) });
    queued(aio.aio_write(write));
    await until(() => infos.length >= 1);
    assert.deepEqual(collected(write), succeeded(1));
    const element = writing(pipe.write, 'y', {
      aio_sigevent: signal(signo, 2),
      aio_lio_opcode: aio.LIO_WRITE,
    });
    queued(aio.lio_listio(aio.LIO_NOWAIT, [element], 1, signal(signo, 3)));
    await until(() => infos.length >= 3);
    await settled();
    assert.deepEqual(
      infos.map(({ si_value }) => si_value),
      [1, 2, 3],
    );
  },
);

covers(
  'G-4',
  'aio_init takes what GNU’s takes, before and after the first request, and refuses what is no number',
  () => {
    aio.aio_init({});
    aio.aio_init({ aio_threads: 4, aio_num: 64, aio_idle_time: 1 });
    assert.throws(() => aio.aio_init(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => aio.aio_init({ aio_threads: 'ten' } as never), { code: 'ERR_INVALID_ARG_TYPE' });
  },
);

covers('G-5', 'tst-aio5: a callback with the value 27, for an element and for a list', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const write = writing(pipe.write, 'x', { aio_sigevent: callbacks.sigevent(27) });
  queued(aio.aio_write(write));
  await callbacks.exactly(1);
  const element = writing(pipe.write, 'y', {
    aio_sigevent: callbacks.sigevent(27),
    aio_lio_opcode: aio.LIO_WRITE,
  });
  queued(aio.lio_listio(aio.LIO_NOWAIT, [element], 1, callbacks.sigevent(27)));
  assert.deepEqual(await callbacks.exactly(3), [27, 27, 27]);
});

covers('G-6 S9', 'tst-aio6: aio_suspend on an empty pipe is EAGAIN and not early', (t) => {
  const pipes = openPipes(t, 2);
  const list = [blockedRead(pipes[0]), blockedRead(pipes[1])];
  const begin = process.hrtime.bigint();
  fails(aio.aio_suspend(list, 2, { tv_sec: 0, tv_nsec: 250e6 }), 'EAGAIN');
  assert.ok(process.hrtime.bigint() - begin >= 250_000_000n);
  for (const pipe of pipes) cancelled(pipe.read);
});

covers('G-7', 'tst-aio7: EBADF from aio_cancel and aio_fsync; one that is over ends aio_suspend', (t) => {
  const pipe = openPipe(t);
  const blocked = blockedRead(pipe);
  fails(aio.aio_cancel(-1, blocked), 'EBADF');
  fails(aio.aio_cancel(-1, block(-1, 1)), 'EBADF');
  fails(aio.aio_cancel(CLOSED_FD, blocked), 'EBADF');
  fails(aio.aio_fsync(aio.O_SYNC, block(-1, 0)), 'EBADF');
  const done = block(opened(t, patternFile(t, 4)), 4);
  queued(aio.aio_read(done));
  over(done);
  assert.equal(aio.aio_suspend([done, blocked], 2, { tv_sec: 3, tv_nsec: 0 }), 0);
  assert.equal(nameOf(aio.aio_error(blocked)), 'EINPROGRESS');
  cancelled(pipe.read);
});

covers('G-8', 'tst-aio8: LIO_WAIT for a write to /dev/full is EIO', (t) => {
  const cb = writing(opened(t, '/dev/full', 'w'), 'x', { aio_lio_opcode: aio.LIO_WRITE });
  fails(aio.lio_listio(aio.LIO_WAIT, [cb], 1, null), 'EIO');
  assert.deepEqual(collected(cb), failed('ENOSPC'));
});
