// aio_fsync.
import assert from 'node:assert/strict';
import {
  aio,
  block,
  blockedRead,
  CLOSED_FD,
  cancelled,
  fillPipe,
  limited,
  writing,
} from '../support/posix.js';
import { Callbacks, handled, signal, until } from '../support/posix-events.js';
import { runProgram } from '../support/program.js';
import { setBlocking, socketPair } from '../support/sockets.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const OPS = [
  ['O_SYNC', aio.O_SYNC],
  ['O_DSYNC', aio.O_DSYNC],
] as const;

for (const [name, op] of OPS) {
  covers(
    name === 'O_SYNC' ? 'F1 F3 B7 G-1' : 'F1 F2 B7',
    `aio_fsync(${name}) is over after the writes before it`,
    (t) => {
      const fd = opened(t, temporaryFile(t), 'r+');
      for (let round = 0; round < 10; round++) {
        const writes = Array.from({ length: 16 }, (_, i) =>
          writing(fd, Buffer.alloc(50_000, i), { aio_offset: i * 50_000, aio_reqprio: i }),
        );
        for (const cb of writes) queued(aio.aio_write(cb));
        const fsync = block(fd, 0);
        queued(aio.aio_fsync(op, fsync));
        while (aio.aio_error(fsync) === aio.EINPROGRESS);
        // The statuses as they were when the fsync was over: nothing has been asked for in between.
        for (const cb of writes) assert.equal(nameOf(aio.aio_error(cb)), '0');
        assert.deepEqual(collected(fsync), succeeded(0));
        for (const cb of writes) assert.deepEqual(collected(cb), succeeded(50_000));
      }
    },
  );
}

covers(
  'F1 B7 X17',
  'aio_fsync waits for appends that wait for one another, through another descriptor too',
  (t) => {
    const path = temporaryFile(t);
    const [append, other] = [opened(t, path, 'a'), opened(t, path, 'r')];
    for (const fd of [append, other]) {
      // Nearly all of them are still in user space when the fsync comes: handed over at once, it would be over first.
      const writes = Array.from({ length: 60 }, () => writing(append, Buffer.alloc(50_000)));
      for (const cb of writes) queued(aio.aio_write(cb));
      const fsync = block(fd, 0);
      queued(aio.aio_fsync(aio.O_DSYNC, fsync));
      while (aio.aio_error(fsync) === aio.EINPROGRESS);
      for (const cb of writes) assert.equal(nameOf(aio.aio_error(cb)), '0');
      assert.deepEqual(collected(fsync), succeeded(0));
      over(...writes);
    }
  },
);

covers(
  'F1',
  'one aio_fsync after another waits for all that the first one waits for, also if that is cancelled',
  (t) => {
    const fd = opened(t, temporaryFile(t), 'a');
    for (const fate of ['stays', 'is cancelled', 'was cancelled']) {
      const write = () => {
        const cb = writing(fd, Buffer.alloc(100_000));
        queued(aio.aio_write(cb));
        return cb;
      };
      const fsync = () => {
        const cb = block(fd, 0);
        queued(aio.aio_fsync(aio.O_DSYNC, cb));
        return cb;
      };
      const writes = Array.from({ length: 20 }, write);
      const fsyncs = [fsync(), fsync(), fsync()];
      if (fate === 'was cancelled') for (const cb of fsyncs) aio.aio_cancel(fd, cb);
      writes.push(write());
      const last = [fsync(), fsync()];
      if (fate === 'is cancelled') for (const cb of [...fsyncs, last[0]]) aio.aio_cancel(fd, cb);
      while (aio.aio_error(last[1]) === aio.EINPROGRESS);
      for (const cb of writes) assert.equal(nameOf(aio.aio_error(cb)), '0', `the first ${fate}`);
      assert.deepEqual(collected(last[1]), succeeded(0));
      over(...writes, ...fsyncs, last[0]);
    }
  },
);

covers('F1', 'thousands of writes with an aio_fsync after each take no memory for each pair of both', (t) => {
  const fd = opened(t, temporaryFile(t), 'a');
  const writes = Array.from({ length: 4000 }, () => writing(fd, 'record'));
  const fsyncs = writes.map(() => block(fd, 0));
  global.gc!();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < writes.length; i++) {
    queued(aio.aio_write(writes[i]));
    queued(aio.aio_fsync(aio.O_DSYNC, fsyncs[i]));
  }
  const bytes = process.memoryUsage().heapUsed - before;
  over(...writes, ...fsyncs);
  assert.ok(bytes < 30e6, `${bytes} bytes for ${writes.length} writes and fsyncs in flight`);
});

covers('F1', 'aio_fsync does not wait for reads, for later writes, or for other files', (t) => {
  const pipe = openPipe(t);
  const fd = opened(t, temporaryFile(t), 'r+');
  const blocked = blockedRead(pipe);
  const fsync = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, fsync));
  const later = writing(fd, 'later');
  queued(aio.aio_write(later));
  assert.deepEqual(collected(fsync), succeeded(0));
  assert.deepEqual(collected(later), succeeded(5));
  assert.equal(nameOf(aio.aio_error(blocked)), 'EINPROGRESS');
  cancelled(pipe.read);
});

covers('F4 F9 F5', 'aio_fsync returns 0, is in progress at first, and ends with 0 and 0', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  let seen = 0;
  for (let i = 0; i < 20; i++) {
    const writes = Array.from({ length: 4 }, (_, n) =>
      writing(fd, Buffer.alloc(100_000), { aio_offset: n * 100_000 }),
    );
    for (const cb of writes) queued(aio.aio_write(cb));
    const cb = block(fd, 0);
    assert.equal(aio.aio_fsync(aio.O_SYNC, cb), 0);
    if (aio.aio_error(cb) === aio.EINPROGRESS) seen++;
    assert.deepEqual(collected(cb), succeeded(0));
    over(...writes);
  }
  assert.ok(seen > 0, 'never in progress');
});

covers('F6', 'aio_fsync that fails tells the kernel’s error', (t) => {
  // A terminal-like device that opens and cannot be synchronised, where stat cannot tell.
  const cb = block(opened(t, '/dev/zero'), 0);
  const result = aio.aio_fsync(aio.O_SYNC, cb);
  if (result === 0) assert.deepEqual(collected(cb), failed('EINVAL'));
  else fails(result, 'EINVAL');
});

covers('F7', 'aio_fsync notifies by callback and by signal', async (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  const callbacks = new Callbacks();
  const infos = handled(t, aio.SIGRTMIN + 7);
  queued(aio.aio_fsync(aio.O_SYNC, block(fd, 0, { aio_sigevent: callbacks.sigevent('called') })));
  queued(aio.aio_fsync(aio.O_DSYNC, block(fd, 0, { aio_sigevent: signal(aio.SIGRTMIN + 7, 'signalled') })));
  assert.deepEqual(await callbacks.exactly(1), ['called']);
  await until(() => infos.length > 0);
  assert.deepEqual(
    infos.map(({ si_value }) => si_value),
    ['signalled'],
  );
});

covers('F8', 'aio_fsync looks at no other member, and writes into none', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  for (const fields of [
    { aio_nbytes: -1 },
    { aio_buf: null, aio_nbytes: 16 },
    { aio_reqprio: -1 },
    { aio_offset: -1 },
    { aio_lio_opcode: 99 },
  ]) {
    const cb = block(fd, 16, fields);
    const before = { ...cb };
    queued(aio.aio_fsync(aio.O_SYNC, cb));
    assert.deepEqual(collected(cb), succeeded(0));
    assert.deepEqual({ ...cb }, before);
  }
});

covers('F10 F14 B6', 'aio_fsync is EINVAL at once for any op but the two', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  // O_SYNC contains O_DSYNC's bit: neither less nor more than the whole value will do.
  for (const op of [-1, 0, 666, aio.O_SYNC & ~aio.O_DSYNC, aio.O_SYNC | 1, aio.O_DSYNC | 2, 0.5, Number.NaN])
    rejected(op, block(fd, 0), 'EINVAL');
});

covers('F12 F10 B6', 'aio_fsync of a closed descriptor is EBADF at once', () => {
  for (const fd of [-1, CLOSED_FD, 666]) rejected(aio.O_SYNC, block(fd, 0), 'EBADF');
});

covers('F12', 'aio_fsync of a descriptor that is open for reading only is fine', (t) => {
  const cb = block(opened(t, temporaryFile(t)), 0);
  queued(aio.aio_fsync(aio.O_SYNC, cb));
  assert.deepEqual(collected(cb), succeeded(0));
});

covers('F13', 'aio_fsync of a pipe or socket is EINVAL at once', async (t) => {
  const pipe = openPipe(t);
  const [socket] = await socketPair(t);
  setBlocking(socket);
  for (const fd of [pipe.read, pipe.write, socket]) rejected(aio.O_SYNC, block(fd, 0), 'EINVAL');
});

covers('F11', 'aio_fsync is EAGAIN when AIO_MAX requests are in flight', (t) => {
  limited(t, aio._SC_AIO_MAX, 1);
  const pipe = openPipe(t);
  const running = blockedRead(pipe);
  const fd = opened(t, temporaryFile(t), 'r+');
  rejected(aio.O_SYNC, block(fd, 0), 'EAGAIN');
  cancelled(pipe.read);
  over(running);
  const cb = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, cb));
  assert.deepEqual(collected(cb), succeeded(0));
});

covers('B6 X9', 'aio_fsync with an unknown sigev_notify is EINVAL at once', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  rejected(aio.O_SYNC, block(fd, 0, { aio_sigevent: { sigev_notify: 666 } }), 'EINVAL');
});

covers('X17', 'aio_fsync covers what was written through other descriptors of the file', (t) => {
  const path = temporaryFile(t);
  const [one, two, three] = [opened(t, path, 'r+'), opened(t, path, 'r+'), opened(t, path, 'r')];
  for (let round = 0; round < 20; round++) {
    const writes = [one, two].flatMap((fd) =>
      Array.from({ length: 6 }, (_, i) => writing(fd, Buffer.alloc(60_000, i), { aio_offset: i * 60_000 })),
    );
    for (const cb of writes) queued(aio.aio_write(cb));
    const fsync = block(three, 0);
    queued(aio.aio_fsync(aio.O_DSYNC, fsync));
    while (aio.aio_error(fsync) === aio.EINPROGRESS);
    for (const cb of writes) assert.equal(nameOf(aio.aio_error(cb)), '0');
    assert.deepEqual(collected(fsync), succeeded(0));
  }
});

covers(
  'X18',
  'aio_fsync tells the error of a write before it that failed, and only of one before it',
  async (t) => {
    // Appends wait for one another in user space, so the ones that fail are queued when the fsync comes; they fail for the
    // process's limit for files (in blocks of 512 bytes), which the second reaches and the third finds reached.
    const program = `
    import * as aio from 'linux-aio/posix';
    const fd = fs.openSync(process.argv[1], 'a');
    const cbs = [1, 2, 3].map(() => {
      const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(900_000), aio_nbytes: 900_000 });
      if (aio.aio_write(cb) !== 0) throw new Error('aio_write');
      return cb;
    });
    const fsyncs = [1, 2].map(() => {
      const cb = new aio.aiocb({ aio_fildes: fd });
      if (aio.aio_fsync(aio.O_SYNC, cb) !== 0) throw new Error('aio_fsync');
      while (aio.aio_error(cb) === aio.EINPROGRESS);
      return cb;
    });
    console.log([cbs[0], cbs[2], ...fsyncs].map((cb) => [aio.aio_error(cb), aio.aio_return(cb)]).join(' '));`;
    const { stdout, stderr } = await runProgram(program, {
      limits: 'ulimit -f 2000',
      args: [temporaryFile(t)],
    });
    assert.deepEqual([stdout, stderr], [`0,900000 ${aio.EFBIG},-1 ${aio.EFBIG},-1 0,0\n`, '']);
  },
);

covers('F1', 'aio_fsync behind a cancelled write still runs', (t) => {
  // Writes to a full pipe block; the file's writes are elsewhere, so only the pipe's are cancelled.
  const pipe = openPipes(t, 1)[0];
  fillPipe(pipe);
  const blocked = writing(pipe.write, 'more');
  queued(aio.aio_write(blocked));
  const fd = opened(t, temporaryFile(t), 'a');
  const writes = Array.from({ length: 20 }, () => writing(fd, Buffer.alloc(100_000)));
  for (const cb of writes) queued(aio.aio_write(cb));
  const fsync = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, fsync));
  // Those that wait for their turn can be taken back.
  for (const cb of writes.slice(10)) assert.notEqual(aio.aio_cancel(fd, cb), -1);
  const { error, result } = collected(fsync);
  assert.deepEqual([error, result], ['0', 0]);
  for (const cb of writes) assert.notEqual(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  cancelled(pipe.write);
});

function rejected(op: number, cb: aio.aiocb, errno: string): void {
  fails(aio.aio_fsync(op, cb), errno);
  assert.equal(nameOf(aio.aio_error(cb)), errno);
  assert.equal(aio.aio_return(cb), -1);
}
