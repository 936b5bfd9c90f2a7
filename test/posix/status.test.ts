// aio_error and aio_return: the life of a status, from the call to its collection.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, blockedRead, cancelled, patternFile, writing } from '../support/posix.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers(
  'E1',
  'aio_error is 0 after success and the positive number after failure, as often as it is asked',
  (t) => {
    const good = writing(opened(t, temporaryFile(t), 'r+'), 'data');
    queued(aio.aio_write(good));
    over(good);
    const bad = writing(opened(t, '/dev/full', 'w'), 'data');
    queued(aio.aio_write(bad));
    over(bad);
    for (let i = 0; i < 3; i++) {
      assert.equal(aio.aio_error(good), 0);
      assert.equal(aio.aio_error(bad), 28, 'ENOSPC, and never -1');
    }
  },
);

covers('E2', 'aio_error is EINPROGRESS while nothing has come', async (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  for (let i = 0; i < 3; i++) {
    assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
    await new Promise(setImmediate);
  }
  fs.writeSync(pipe.write, 'x');
  assert.deepEqual(collected(cb), succeeded(1));
});

covers('E2', 'aio_error sees the end in a busy loop, without a turn of the event loop', (t) => {
  const direct = fs.constants.O_RDONLY | (fs.constants.O_DIRECT ?? 0);
  const path = patternFile(t, 1 << 20);
  let fd: number;
  try {
    fd = opened(t, path, direct);
  } catch {
    fd = opened(t, path); // no O_DIRECT here
  }
  const cb = block(fd, 65_536);
  const { buffer } = new Uint8Array(65_536 + 4096);
  cb.aio_buf = new Uint8Array(buffer, 0, 65_536);
  queued(aio.aio_read(cb));
  while (aio.aio_error(cb) === aio.EINPROGRESS);
  const { error, result } = collected(cb);
  // An address that O_DIRECT does not take is EINVAL; what counts is that the loop has ended.
  assert.ok((error === '0' && result === 65_536) || error === 'EINVAL', error);
});

covers('E2', 'aio_error sees the data of another process in a busy loop', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  fs.writeSync(pipe.write, 'data');
  while (aio.aio_error(cb) === aio.EINPROGRESS);
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('E3', 'aio_error of a control block that was never used is -1 and EINVAL', () => {
  fails(aio.aio_error(new aio.aiocb()), 'EINVAL');
  fails(aio.aio_error({ aio_fildes: 0 }), 'EINVAL');
});

covers('E3 T2', 'aio_error and aio_return after aio_return are -1 and EINVAL', (t) => {
  const fd = opened(t, patternFile(t, 64));
  const cb = block(fd, 64);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(64));
  fails(aio.aio_return(cb), 'EINVAL');
  fails(aio.aio_error(cb), 'EINVAL');
});

covers('T1', 'aio_return is the count of a read or write, and 0 of an fsync', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  const write = writing(fd, Buffer.alloc(111, 'x'));
  queued(aio.aio_write(write));
  assert.deepEqual(collected(write), succeeded(111));
  const read = block(fd, 222);
  queued(aio.aio_read(read));
  assert.deepEqual(collected(read), succeeded(111));
  queued(aio.aio_fsync(aio.O_SYNC, read));
  assert.deepEqual(collected(read), succeeded(0));
});

covers('T1 X20', 'aio_return of a failed request is -1, and sets errno to its error', (t) => {
  const cb = writing(opened(t, '/dev/full', 'w'), 'data');
  queued(aio.aio_write(cb));
  over(cb);
  fails(aio.aio_return(cb), 'ENOSPC');
  // Collected, although it had failed.
  fails(aio.aio_return(cb), 'EINVAL');
});

covers('T3', 'a collected control block can be used again, for another operation too', (t) => {
  const path = temporaryFile(t);
  const cb = writing(opened(t, path, 'r+'), Buffer.alloc(4096, 'a'));
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(4096));
  cb.aio_nbytes = 2048;
  cb.aio_offset = 4096;
  queued(aio.aio_write(cb));
  assert.deepEqual(collected(cb), succeeded(2048));
  cb.aio_offset = 4000;
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(2048));
  cb.aio_fildes = -1;
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), failed('EBADF'));
});

covers(
  'T3',
  'a control block whose status nobody collected can be used again, and has the new status only',
  (t) => {
    const fd = opened(t, patternFile(t, 64));
    const cb = block(fd, 64);
    queued(aio.aio_read(cb));
    over(cb);
    cb.aio_nbytes = 10;
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(10));
    fails(aio.aio_return(cb), 'EINVAL');
  },
);

covers('T4', 'aio_return of a control block that was never used is -1 and EINVAL', () => {
  fails(aio.aio_return(new aio.aiocb()), 'EINVAL');
});

covers('T4', 'aio_return of a running request is -1 and EINPROGRESS, and collects nothing', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  fails(aio.aio_return(cb), 'EINPROGRESS');
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('X2', 'a control block in flight is refused with EBUSY, and its request goes on', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  fails(aio.aio_read(cb), 'EBUSY');
  fails(aio.aio_write(cb), 'EBUSY');
  const file = opened(t, temporaryFile(t), 'r+');
  const fields = { ...cb };
  cb.aio_fildes = file;
  fails(aio.aio_fsync(aio.O_SYNC, cb), 'EBUSY');
  Object.assign(cb, fields);
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('X1', 'fields changed after the call have no effect on the request', (t) => {
  const pipe = openPipe(t);
  const buffer = Buffer.alloc(16);
  const cb = blockedRead(pipe, 16, { aio_buf: buffer });
  Object.assign(cb, {
    aio_fildes: -1,
    aio_buf: Buffer.alloc(1),
    aio_nbytes: 1,
    aio_offset: 99,
    aio_reqprio: -5,
  });
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(cb), succeeded(4));
  assert.equal(buffer.toString('latin1', 0, 4), 'data');
});

covers('X1', 'a status that is final never changes', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  cancelled(pipe.read);
  assert.equal(nameOf(aio.aio_error(cb)), 'ECANCELED');
  fs.writeSync(pipe.write, 'data');
  const other = block(pipe.read, 16);
  queued(aio.aio_read(other));
  over(other);
  assert.equal(nameOf(aio.aio_error(cb)), 'ECANCELED');
  assert.deepEqual(collected(cb), failed('ECANCELED'));
});

covers('', 'errno keeps its value through calls that succeed', (t) => {
  fails(aio.aio_error(new aio.aiocb()), 'EINVAL');
  const cb = block(opened(t, patternFile(t, 64)), 64);
  queued(aio.aio_read(cb));
  over(cb);
  aio.aio_return(cb);
  assert.equal(nameOf(aio.errno), 'EINVAL');
});
