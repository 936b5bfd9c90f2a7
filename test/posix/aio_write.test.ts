// aio_write.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  aio,
  blockedRead,
  CLOSED_FD,
  cancelled,
  fillPipe,
  limited,
  pattern,
  patternFile,
  writing,
} from '../support/posix.js';
import { runProgram } from '../support/program.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers('W1 W5', 'aio_write puts aio_nbytes bytes at the end of an empty file', (t) => {
  const path = temporaryFile(t);
  const cb = writing(opened(t, path, 'r+'), pattern(0, 1024), { aio_nbytes: 512 });
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(512));
  assert.deepEqual(fs.readFileSync(path), pattern(0, 512));
});

covers('W1', 'aio_write in the middle of a file leaves what is around it', (t) => {
  const path = patternFile(t, 2048);
  const cb = writing(opened(t, path, 'r+'), Buffer.alloc(1024, 0xee), { aio_offset: 512 });
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(1024));
  const expected = Buffer.concat([pattern(0, 512), Buffer.alloc(1024, 0xee), pattern(1536, 512)]);
  assert.deepEqual(fs.readFileSync(path), expected);
});

covers(
  'W2',
  'aio_write to an O_APPEND descriptor ignores the offset and keeps the order of the calls',
  (t) => {
    const path = temporaryFile(t);
    for (let round = 0; round < 30; round++) {
      fs.truncateSync(path);
      const fd = opened(t, path, 'a');
      // Long and short ones: workers would finish them in any order.
      const writes = Array.from({ length: 30 }, (_, i) =>
        writing(fd, Buffer.alloc(i % 3 === 0 ? 200_000 : 512 + i, 65 + i), { aio_offset: 7 * i }),
      );
      for (const cb of writes) queued(aio.aio_write(cb));
      for (const cb of writes) assert.deepEqual(collected(cb), succeeded(cb.aio_nbytes!));
      const expected = Buffer.concat(writes.map((cb) => cb.aio_buf as Buffer));
      assert.ok(fs.readFileSync(path).equals(expected), `round ${round}`);
      fs.closeSync(fd);
    }
  },
);

covers(
  'W2',
  'aio_write through two descriptors of one O_APPEND description keeps the order of the calls',
  (t) => {
    const path = temporaryFile(t);
    const fd = opened(t, path, 'a');
    const program = `
    import * as aio from 'linux-aio/posix';
    const writes = Array.from({ length: 40 }, (_, i) => {
      const aio_buf = Buffer.alloc(i % 2 ? 100 : 100_000, 65 + i);
      return new aio.aiocb({ aio_fildes: 3 + (i % 2), aio_buf, aio_nbytes: aio_buf.length });
    });
    for (const cb of writes) if (aio.aio_write(cb) !== 0) throw new Error('aio_write');
    for (const cb of writes) aio.aio_suspend([cb], 1, null);
    console.log(writes.every((cb) => aio.aio_return(cb) === cb.aio_nbytes));
  `;
    // A child gets the description under two numbers, as dup would give it.
    return runProgram(program, { stdio: ['ignore', 'pipe', 'pipe', fd, fd] }).then((outcome) => {
      assert.deepEqual([outcome.stdout, outcome.stderr], ['true\n', '']);
      const parts = Array.from({ length: 40 }, (_, i) => Buffer.alloc(i % 2 ? 100 : 100_000, 65 + i));
      assert.ok(fs.readFileSync(path).equals(Buffer.concat(parts)));
    });
  },
);

covers('W3', 'aio_write writes whatever aio_lio_opcode says, and leaves it alone', (t) => {
  const path = temporaryFile(t);
  for (const opcode of [aio.LIO_READ, aio.LIO_NOP, 99]) {
    const cb = writing(opened(t, path, 'r+'), String(opcode), { aio_lio_opcode: opcode });
    queued(aio.aio_write(cb));
    assert.deepEqual(collected(cb), succeeded(String(opcode).length));
    assert.equal(fs.readFileSync(path, 'latin1').slice(0, String(opcode).length), String(opcode));
    assert.equal(cb.aio_lio_opcode, opcode);
  }
});

covers('W4 W11', 'aio_write over the highest offset is EFBIG or EINVAL, and writes nothing', (t) => {
  const path = temporaryFile(t, 'kept');
  const fd = opened(t, path, 'r+');
  for (const offset of [2n ** 63n - 2n, 2n ** 63n - 1n]) {
    const cb = writing(fd, 'data', { aio_offset: offset });
    queued(aio.aio_write(cb));
    const { error, result } = collected(cb);
    assert.ok(error === 'EFBIG' || error === 'EINVAL', error);
    assert.equal(result, -1);
  }
  // The sum does not fit into 64 bits: only the kernel could tell.
  const beyond = writing(fd, 'data', { aio_offset: 2n ** 63n - 1n });
  queued(aio.aio_write(beyond));
  assert.deepEqual(collected(beyond), failed('EINVAL'));
  assert.equal(fs.readFileSync(path, 'latin1'), 'kept');
});

covers('W13', 'aio_write beyond the highest offset of the file system is EFBIG', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  // 2^62 is more than any file system here can address, and less than an offset can say.
  const cb = writing(fd, 'data', { aio_offset: 2n ** 62n });
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), failed('EFBIG'));
});

covers('W13', 'aio_write over the process’s limit for files is EFBIG, and ends nobody', async (t) => {
  const path = temporaryFile(t);
  const program = `
    import * as aio from 'linux-aio/posix';
    const aio_buf = Buffer.alloc(4096, 'x');
    const cb = new aio.aiocb({ aio_fildes: fs.openSync(${JSON.stringify(path)}, 'r+'), aio_buf, aio_nbytes: 4096 });
    const results = [0, 1 << 20].map((aio_offset) => {
      Object.assign(cb, { aio_offset });
      aio.aio_write(cb);
      aio.aio_suspend([cb], 1, null);
      return [aio.aio_error(cb), aio.aio_return(cb)];
    });
    console.log(JSON.stringify(results), aio.EFBIG);
  `;
  // In blocks of 512 bytes.
  const { stdout, stderr } = await runProgram(program, { limits: 'ulimit -f 2000' });
  assert.deepEqual([stdout, stderr], ['[[0,4096],[27,-1]] 27\n', '']);
});

covers('W6 W9', 'aio_write fails at once with EINVAL for a bad aio_reqprio', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  for (const aio_reqprio of [-1, 21, 1.5, Number.NaN]) rejected(writing(fd, 'x', { aio_reqprio }), 'EINVAL');
});

covers('W6 W9', 'aio_write fails at once with EINVAL for a bad offset, on O_APPEND and pipes too', (t) => {
  const path = temporaryFile(t, 'kept');
  for (const fd of [opened(t, path, 'r+'), opened(t, path, 'a'), openPipe(t).write]) {
    for (const aio_offset of [-1, -2n, 2n ** 63n, 0.5, Number.NaN])
      rejected(writing(fd, 'x', { aio_offset }), 'EINVAL');
  }
  assert.equal(fs.readFileSync(path, 'latin1'), 'kept');
});

covers('W6 W9', 'aio_write fails at once with EINVAL for more bytes than the buffer has', (t) => {
  const path = temporaryFile(t, 'kept');
  const fd = opened(t, path, 'r+');
  for (const aio_nbytes of [5, -1, 1.5, Number.NaN, 2 ** 53])
    rejected(writing(fd, 'four', { aio_nbytes }), 'EINVAL');
  rejected(writing(fd, 'four', { aio_buf: null }), 'EINVAL');
  assert.equal(fs.readFileSync(path, 'latin1'), 'kept');
});

covers('W7', 'aio_write fails with EAGAIN when AIO_MAX requests are in flight, and writes nothing', (t) => {
  limited(t, aio._SC_AIO_MAX, 2);
  const pipes = openPipes(t, 2);
  const path = temporaryFile(t);
  const fd = opened(t, path, 'r+');
  const reads = pipes.map((pipe) => blockedRead(pipe));
  rejected(writing(fd, 'data'), 'EAGAIN');
  assert.equal(fs.readFileSync(path, 'latin1'), '');
  cancelled(pipes[0].read);
  const cb = writing(fd, 'data');
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(4));
  cancelled(pipes[1].read);
  over(...reads);
});

covers('W8 W10 X20', 'aio_write to a descriptor that is not open for writing ends with EBADF', (t) => {
  const readOnly = opened(t, temporaryFile(t, 'kept'));
  for (const fd of [-1, CLOSED_FD, readOnly, openPipe(t).read]) {
    const cb = writing(fd, 'data');
    queued(aio.aio_write(cb));
    assert.deepEqual(collected(cb), failed('EBADF'), `descriptor ${fd}`);
  }
});

covers('W12', 'aio_write ends with ECANCELED when it is cancelled', (t) => {
  const pipe = openPipe(t);
  const full = fillPipe(pipe);
  const cb = writing(pipe.write, 'more');
  queued(aio.aio_write(cb));
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  assert.equal(aio.aio_cancel(pipe.write, cb), aio.AIO_CANCELED);
  assert.deepEqual(collected(cb), failed('ECANCELED'));
  const content = Buffer.alloc(full + 16);
  assert.equal(fs.readSync(pipe.read, content), full, 'the cancelled write has written nothing');
});

covers(
  'X20',
  'aio_write passes on what the kernel says: ENOSPC of /dev/full, EPIPE of a pipe without a reader',
  (t) => {
    const full = writing(opened(t, '/dev/full', 'w'), 'data');
    queued(aio.aio_write(full));
    assert.deepEqual(collected(full), failed('ENOSPC'));
    const pipe = openPipe(t);
    fs.closeSync(pipe.read);
    pipe.read = -1;
    const broken = writing(pipe.write, 'data');
    queued(aio.aio_write(broken));
    assert.deepEqual(collected(broken), failed('EPIPE'));
  },
);

covers('X21', 'aio_write through an O_DSYNC descriptor is durable when it is over', async (t) => {
  // That it reached the disk cannot be seen from here; that the flag is on what was written through can.
  const { O_RDWR, O_DSYNC } = fs.constants;
  const path = temporaryFile(t);
  const fd = opened(t, path, O_RDWR | O_DSYNC);
  const cb = writing(fd, 'durable');
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(7));
  const flags = Number.parseInt(
    /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1],
    8,
  );
  assert.equal(flags & O_DSYNC, O_DSYNC);
  assert.equal(fs.readFileSync(path, 'latin1'), 'durable');
});

covers('X3', 'aio_write does not move the file position', (t) => {
  const path = temporaryFile(t, '0123456789');
  const fd = opened(t, path, 'r+');
  const cb = writing(fd, 'abc', { aio_offset: 5 });
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(3));
  const start = Buffer.alloc(10);
  fs.readSync(fd, start, 0, 10, null);
  assert.equal(start.toString('latin1'), '01234abc89');
});

/** Refused in the call: -1, errno, the same number as the status, and nothing in flight. */
function rejected(cb: aio.aiocb, errno: string): void {
  fails(aio.aio_write(cb), errno);
  assert.equal(nameOf(aio.aio_error(cb)), errno);
  assert.equal(aio.aio_cancel(cb.aio_fildes, cb), aio.AIO_ALLDONE);
  assert.equal(aio.aio_return(cb), -1);
}
