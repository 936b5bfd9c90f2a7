// aio_read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { TestContext } from 'node:test';
import {
  aio,
  block,
  blockedRead,
  CLOSED_FD,
  cancelled,
  limited,
  pattern,
  patternFile,
} from '../support/posix.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const patterned = (t: TestContext, size: number) => opened(t, patternFile(t, size));

covers('R1 R4 R7', 'aio_read brings the bytes at aio_offset, and no others', (t) => {
  const fd = patterned(t, 1024);
  for (const [offset, size] of [
    [512, 256],
    [0, 1],
    [1000, 24],
    [512n, 512],
  ] as const) {
    const buffer = Buffer.alloc(size + 2, 0xee);
    const cb = block(fd, size, { aio_buf: buffer.subarray(1, size + 1), aio_offset: offset });
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(size));
    assert.deepEqual(buffer.subarray(1, size + 1), pattern(Number(offset), size));
    assert.deepEqual([buffer[0], buffer[size + 1]], [0xee, 0xee], 'outside of the view');
  }
});

covers('R1', 'aio_read stops at aio_nbytes, however long the buffer', (t) => {
  const cb = block(patterned(t, 1024), 512, { aio_nbytes: 100 });
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(100));
  assert.deepEqual(cb.aio_buf, Buffer.concat([pattern(0, 100), Buffer.alloc(412)]));
});

covers('R1', 'aio_read fills a Float64Array, a DataView and shared memory', (t) => {
  const fd = patterned(t, 1024);
  const views = [
    new Float64Array(8),
    new DataView(new ArrayBuffer(64)),
    new Uint8Array(new SharedArrayBuffer(64)),
  ];
  for (const view of views) {
    const cb = block(fd, 64, { aio_buf: view, aio_offset: 3 });
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(64));
    const bytes = new Uint8Array(view.buffer, view.byteOffset, 64);
    assert.deepEqual(Buffer.from(Uint8Array.from(bytes)), pattern(3, 64));
  }
});

covers('R3 X23', 'aio_read is short at the end of the file, and 0 beyond it, which is success', (t) => {
  const fd = patterned(t, 512);
  for (const [offset, expected] of [
    [0, 512],
    [500, 12],
    [512, 0],
    [2 ** 40, 0],
  ]) {
    const cb = block(fd, 1024, { aio_offset: offset });
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(expected), `at ${offset}`);
  }
});

covers('R7', 'aio_read of an empty file returns 0', (t) => {
  const cb = block(opened(t, temporaryFile(t)), 16);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(0));
});

covers('R2', 'aio_reqprio from 0 to AIO_PRIO_DELTA_MAX is accepted, and overtakes nothing', (t) => {
  const pipe = openPipe(t);
  // The first has the lowest priority, and the pipe gives each the next byte in the order of the calls.
  const reads = [20, 10, 0].map((aio_reqprio) => {
    const cb = block(pipe.read, 1, { aio_reqprio });
    queued(aio.aio_read(cb));
    return cb;
  });
  fs.writeSync(pipe.write, 'abc');
  assert.deepEqual(
    reads.map((cb) => [collected(cb), String(cb.aio_buf)]),
    ['a', 'b', 'c'].map((letter) => [succeeded(1), letter]),
  );
  assert.deepEqual(
    reads.map((cb) => cb.aio_reqprio),
    [20, 10, 0],
  );
});

covers('R5', 'aio_read reads whatever aio_lio_opcode says, and leaves it alone', (t) => {
  const path = patternFile(t, 64);
  for (const opcode of [aio.LIO_WRITE, aio.LIO_NOP, 99]) {
    const cb = block(opened(t, path, 'r+'), 64, { aio_lio_opcode: opcode });
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(64));
    assert.deepEqual(cb.aio_buf, pattern(0, 64));
    assert.equal(cb.aio_lio_opcode, opcode);
  }
  assert.deepEqual(fs.readFileSync(path), pattern(0, 64));
});

covers('R6 R14', 'aio_read at the highest offset gets no bytes, over it EINVAL', (t) => {
  const fd = patterned(t, 64);
  const last = block(fd, 1, { aio_offset: 2n ** 63n - 2n });
  queued(aio.aio_read(last));
  const { error, result } = collected(last);
  assert.ok((error === '0' && result === 0) || (error === 'EINVAL' && result === -1), `${error} ${result}`);
  // The byte after the last one that has a number.
  const beyond = block(fd, 2, { aio_offset: 2n ** 63n - 1n });
  queued(aio.aio_read(beyond));
  assert.deepEqual(collected(beyond), failed('EINVAL'));
});

covers('R8 R11', 'aio_read fails at once with EINVAL for a bad aio_reqprio', (t) => {
  const fd = patterned(t, 64);
  for (const aio_reqprio of [-1, 21, 1.5, Number.NaN]) rejected(block(fd, 16, { aio_reqprio }), 'EINVAL');
});

covers(
  'R11',
  'aio_read fails at once with EINVAL for an offset that is negative, too large or no integer',
  (t) => {
    const fd = patterned(t, 64);
    for (const aio_offset of [-1, -2, -1n, 2n ** 63n, 2 ** 63, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      rejected(block(fd, 16, { aio_offset }), 'EINVAL');
    // One rule for all descriptors: a pipe, which ignores the offset, too.
    rejected(block(openPipe(t).read, 16, { aio_offset: -1 }), 'EINVAL');
  },
);

covers('R11 B2', 'aio_read fails at once with EINVAL for more bytes than the buffer has', (t) => {
  const fd = patterned(t, 64);
  for (const aio_nbytes of [17, -1, 1.5, Number.NaN, 2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY])
    rejected(block(fd, 16, { aio_nbytes }), 'EINVAL');
  rejected(block(fd, 16, { aio_buf: null }), 'EINVAL');
  rejected(block(fd, 16, { aio_buf: new Float64Array(2), aio_nbytes: 17 }), 'EINVAL');
});

covers('B2', 'aio_read takes as many bytes as the view has, and gets none from an empty file', (t) => {
  const fd = opened(t, temporaryFile(t));
  const cb = block(fd, 1 << 20);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(0));
});

covers('X25', 'aio_read of no bytes succeeds, without a buffer too', (t) => {
  const fd = patterned(t, 64);
  for (const aio_buf of [Buffer.alloc(0), Buffer.alloc(16), null, undefined]) {
    const cb = block(fd, 0, { aio_buf });
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(0));
  }
});

covers('R9', 'aio_read fails with EAGAIN when AIO_MAX requests are in flight', (t) => {
  limited(t, aio._SC_AIO_MAX, 2);
  const pipes = openPipes(t, 3);
  const first = pipes.slice(0, 2).map((pipe) => blockedRead(pipe));
  const third = block(pipes[2].read, 16);
  rejected(third, 'EAGAIN');
  // A request that is over makes room, before it is collected.
  fs.writeSync(pipes[0].write, 'x');
  over(first[0]);
  queued(aio.aio_read(third));
  for (const pipe of pipes) cancelled(pipe.read);
  assert.deepEqual(collected(first[0]), succeeded(1));
  assert.deepEqual(collected(third), failed('ECANCELED'));
});

covers('R10 R12 X20', 'aio_read of a descriptor that is not open for reading ends with EBADF', (t) => {
  const writeOnly = opened(t, temporaryFile(t), 'w');
  for (const fd of [-1, CLOSED_FD, writeOnly, openPipe(t).write, 2 ** 31 - 1]) {
    const cb = block(fd, 16);
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), failed('EBADF'), `descriptor ${fd}`);
  }
});

covers('X25', 'aio_read of no bytes from a closed descriptor is EBADF all the same', () => {
  const cb = block(CLOSED_FD, 0);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), failed('EBADF'));
});

covers('R13', 'aio_read ends with ECANCELED when it is cancelled', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  assert.equal(aio.aio_cancel(pipe.read, cb), aio.AIO_CANCELED);
  assert.deepEqual(collected(cb), failed('ECANCELED'));
  fs.writeSync(pipe.write, 'data');
  assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 4, 'the cancelled read has taken nothing');
});

covers('X20', 'aio_read passes on what the kernel says: of a directory EISDIR', (t) => {
  const cb = block(opened(t, temporaryDirectory(t)), 16);
  queued(aio.aio_read(cb));
  over(cb);
  assert.equal(aio.aio_error(cb), 21);
  assert.equal(aio.aio_return(cb), -1);
});

covers('X3', 'aio_read does not move the file position', (t) => {
  const fd = patterned(t, 1024);
  fs.readSync(fd, Buffer.alloc(10), 0, 10, null);
  const cb = block(fd, 100, { aio_offset: 500 });
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(100));
  const next = Buffer.alloc(5);
  fs.readSync(fd, next, 0, 5, null);
  assert.deepEqual(next, pattern(10, 5));
});

/** Refused in the call: -1, errno, the same number as the status, and nothing in flight. */
function rejected(cb: aio.aiocb, errno: string): void {
  fails(aio.aio_read(cb), errno);
  assert.equal(nameOf(aio.aio_error(cb)), errno);
  assert.equal(aio.aio_cancel(cb.aio_fildes, cb), aio.AIO_ALLDONE);
  assert.equal(aio.aio_return(cb), -1);
}
