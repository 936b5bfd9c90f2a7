// "A file, a socket, or even a pipe": descriptors without a position.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, blockedRead, cancelled, fillPipe, patternFile, writing } from '../support/posix.js';
import { until } from '../support/posix-events.js';
import { setBlocking, socketPair } from '../support/sockets.js';
import { collected, failed, fails, NOW, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes } from '../support/temp.js';
import { covers } from './table.js';

covers('X4', 'the offset is ignored on pipes and sockets', async (t) => {
  const pipe = openPipe(t);
  const [a, b] = await socketPair(t);
  setBlocking(a);
  setBlocking(b);
  for (const [from, to] of [
    [pipe.write, pipe.read],
    [a, b],
  ]) {
    for (const aio_offset of [0, 12_345, 2n ** 40n]) {
      const write = writing(from, 'data', { aio_offset });
      queued(aio.aio_write(write));
      assert.deepEqual(collected(write), succeeded(4));
      const read = block(to, 4, { aio_offset });
      queued(aio.aio_read(read));
      assert.deepEqual(collected(read), succeeded(4));
    }
  }
});

covers('X4', 'reads and writes of a pipe happen in the order of the calls', (t) => {
  const pipe = openPipe(t);
  const texts = Array.from({ length: 30 }, (_, i) => String.fromCharCode(65 + i, 97 + i));
  for (let round = 0; round < 20; round++) {
    // One side at a time, against the synchronous calls: two wrong orders could hide each other.
    const reads = texts.map(() => blockedRead(pipe, 2));
    fs.writeSync(pipe.write, texts.join(''));
    for (const [i, cb] of reads.entries()) {
      assert.deepEqual(collected(cb), succeeded(2));
      assert.equal(String(cb.aio_buf), texts[i]);
    }
    const writes = texts.map((text) => writing(pipe.write, text));
    for (const cb of writes) queued(aio.aio_write(cb));
    for (const cb of writes) assert.deepEqual(collected(cb), succeeded(2));
    const all = Buffer.alloc(60);
    assert.equal(fs.readSync(pipe.read, all), 60);
    assert.equal(String(all), texts.join(''));
  }
});

covers('X4', 'large writes to a pipe do not mix', async (t) => {
  const pipe = openPipe(t);
  const size = 150_000;
  const writes = [1, 2, 3, 4].map((n) => {
    const cb = writing(pipe.write, Buffer.alloc(size, n));
    queued(aio.aio_write(cb));
    return cb;
  });
  const all = Buffer.alloc(4 * size);
  for (let got = 0; got < all.length; ) {
    const read = block(pipe.read, 65_536);
    queued(aio.aio_read(read));
    over(read);
    const n = aio.aio_return(read);
    assert.ok(n > 0);
    (read.aio_buf as Buffer).copy(all, got, 0, n);
    got += n;
  }
  for (const [i, cb] of writes.entries()) {
    assert.deepEqual(collected(cb), succeeded(size));
    assert.ok(all.subarray(i * size, (i + 1) * size).every((byte) => byte === i + 1));
  }
});

covers('X5', 'a write goes through a socket on which a read is blocked', async (t) => {
  const [a, b] = await socketPair(t);
  for (const fd of [a, b]) setBlocking(fd);
  const [reading, echo] = [block(a, 16), block(b, 16)];
  queued(aio.aio_read(reading));
  const write = writing(a, 'question');
  queued(aio.aio_write(write));
  assert.deepEqual(collected(write), succeeded(8));
  assert.equal(nameOf(aio.aio_error(reading)), 'EINPROGRESS');
  queued(aio.aio_read(echo));
  assert.deepEqual(collected(echo), succeeded(8));
  const answer = writing(b, 'answer');
  queued(aio.aio_write(answer));
  assert.deepEqual(collected(answer), succeeded(6));
  assert.deepEqual(collected(reading), succeeded(6));
});

covers('X22 B4', 'a write of more than a pipe holds is not short', (t) => {
  const pipe = openPipe(t);
  const size = 1 << 20;
  const cb = writing(pipe.write, Buffer.alloc(size, 'x'));
  queued(aio.aio_write(cb));
  for (let got = 0; got < size; ) {
    const read = block(pipe.read, 100_000);
    queued(aio.aio_read(read));
    over(read);
    const n = aio.aio_return(read);
    assert.ok(n > 0);
    got += n;
  }
  assert.deepEqual(collected(cb), succeeded(size));
});

covers(
  'X22 B4 B9',
  'a write of more than a socket holds is not short, with one buffer and with many',
  async (t) => {
    const [a, b] = await socketPair(t);
    for (const fd of [a, b]) setBlocking(fd);
    const size = 12 << 20;
    for (const vectored of [false, true]) {
      const cb = vectored
        ? Object.assign(block(a, 0), {
            aio_iov: Array.from({ length: 12 }, (_, i) => Buffer.alloc(1 << 20, i)),
          })
        : writing(a, Buffer.alloc(size, 'x'));
      queued(vectored ? aio.aio_writev(cb as aio.aiocb & { aio_iov: Buffer[] }) : aio.aio_write(cb));
      let got = 0;
      while (got < size) {
        const read = block(b, 1 << 20);
        queued(aio.aio_read(read));
        over(read);
        const n = aio.aio_return(read);
        assert.ok(n > 0);
        if (vectored) {
          for (const at of [0, n - 1])
            assert.equal((read.aio_buf as Buffer)[at], Math.floor((got + at) / (1 << 20)));
        }
        got += n;
      }
      assert.deepEqual(collected(cb), succeeded(size));
    }
  },
);

covers('X22', 'a read of a pipe is short when that is what there is', (t) => {
  const pipe = openPipe(t);
  fs.writeSync(pipe.write, 'some');
  const cb = block(pipe.read, 1000);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(4));
});

covers('B3', 'two reads of a socket and one byte: one ends with it, the other is cancelled', async (t) => {
  const [a, b] = await socketPair(t);
  for (const fd of [a, b]) setBlocking(fd);
  const [first, second] = [block(a, 16), block(a, 16)];
  queued(aio.aio_read(first));
  queued(aio.aio_read(second));
  fs.writeSync(b, 'x');
  assert.equal(aio.aio_suspend([first, second], 2, null), 0);
  const [ended, waiting] = aio.aio_error(first) === aio.EINPROGRESS ? [second, first] : [first, second];
  assert.deepEqual(collected(ended), succeeded(1));
  assert.equal(nameOf(aio.aio_error(waiting)), 'EINPROGRESS');
  assert.equal(aio.aio_cancel(a, waiting), aio.AIO_CANCELED);
  assert.deepEqual(collected(waiting), failed('ECANCELED'));
});

covers('B5', 'a write to a socket that is cancelled half way tells its count', async (t) => {
  const [a, b] = await socketPair(t);
  for (const fd of [a, b]) setBlocking(fd);
  const size = 16 << 20;
  const cb = writing(a, Buffer.alloc(size, 'x'));
  queued(aio.aio_write(cb));
  const first = block(b, 1);
  queued(aio.aio_read(first));
  assert.deepEqual(collected(first), succeeded(1));
  const answer = aio.aio_cancel(a, cb);
  assert.equal(answer, aio.AIO_NOTCANCELED, 'some of it has been written');
  const { error, result } = collected(cb);
  assert.equal(error, '0');
  assert.ok(result > 0 && result < size, String(result));
  const mark = writing(a, '!'); // behind it, when there is room
  queued(aio.aio_write(mark));
  let got = 1;
  for (;;) {
    const read = block(b, 1 << 20);
    queued(aio.aio_read(read));
    over(read);
    const n = aio.aio_return(read);
    got += n;
    if ((read.aio_buf as Buffer)[n - 1] === 33) break;
  }
  assert.equal(got - 1, result, 'as much as was told has arrived');
});

covers('X24', 'O_NONBLOCK: a read of an empty pipe and a write to a full one end with EAGAIN', (t) => {
  const pipe = openPipe(t);
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
  const reader = opened(t, `/proc/self/fd/${pipe.read}`, O_RDONLY | O_NONBLOCK);
  const writer = opened(t, `/proc/self/fd/${pipe.read}`, O_WRONLY | O_NONBLOCK);
  const empty = block(reader, 16);
  queued(aio.aio_read(empty));
  assert.deepEqual(collected(empty), failed('EAGAIN'));
  fs.writeSync(writer, Buffer.alloc(65_536));
  const full = writing(writer, 'more');
  queued(aio.aio_write(full));
  assert.deepEqual(collected(full), failed('EAGAIN'));
  const there = block(reader, 16);
  queued(aio.aio_read(there));
  assert.deepEqual(collected(there), succeeded(16));
});

covers(
  'X24',
  'O_NONBLOCK: EAGAIN behind a blocked read and a blocked write of other descriptors too',
  (t) => {
    const pipe = openPipe(t);
    const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
    const path = `/proc/self/fd/${pipe.read}`;
    const reading = blockedRead(pipe);
    const empty = block(opened(t, path, O_RDONLY | O_NONBLOCK), 16);
    queued(aio.aio_read(empty));
    assert.deepEqual(collected(empty), failed('EAGAIN'));
    cancelled(pipe.read);
    over(reading);
    fillPipe(pipe);
    const written = writing(pipe.write, 'more');
    queued(aio.aio_write(written));
    const full = writing(opened(t, path, O_WRONLY | O_NONBLOCK), 'more');
    queued(aio.aio_write(full));
    assert.deepEqual(collected(full), failed('EAGAIN'));
    cancelled(pipe.write);
    over(written);
  },
);

covers('X24', 'O_NONBLOCK: a socket of Node’s is EAGAIN until there is something', async (t) => {
  const [a, b] = await socketPair(t);
  const cb = block(a, 16);
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), failed('EAGAIN'));
  fs.writeSync(b, 'data');
  await until(() => {
    queued(aio.aio_read(cb));
    over(cb);
    const error = nameOf(aio.aio_error(cb));
    if (error !== '0') assert.equal(error, 'EAGAIN');
    return aio.aio_return(cb) === 4;
  });
});

covers('X23', 'the end of a pipe and of a socket is success with 0', async (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  fs.closeSync(pipe.write);
  pipe.write = -1;
  assert.deepEqual(collected(cb), succeeded(0));
});

covers('X4', 'a hundred blocked reads of pipes hold up nothing', (t) => {
  // Twenty are enough to stop every request of a glibc process.
  const pipes = openPipes(t, 100);
  const reads = pipes.map((pipe) => blockedRead(pipe));
  const fd = opened(t, patternFile(t, 1 << 16), 'r+');
  for (let i = 0; i < 50; i++) {
    const file = block(fd, 1 << 16);
    queued(aio.aio_read(file));
    assert.deepEqual(collected(file), succeeded(1 << 16));
    queued(aio.aio_fsync(aio.O_DSYNC, file));
    assert.deepEqual(collected(file), succeeded(0));
  }
  fails(aio.aio_suspend(reads, reads.length, NOW), 'EAGAIN');
  for (const pipe of pipes) fs.writeSync(pipe.write, 'x');
  for (const cb of reads) assert.deepEqual(collected(cb), succeeded(1));
});

covers('X4', 'blocked reads of one pipe through two descriptors are cancelled by descriptor', (t) => {
  const pipe = openPipe(t);
  const again = opened(t, `/proc/self/fd/${pipe.read}`, 'r');
  const [one, two] = [blockedRead(pipe), block(again, 4)];
  queued(aio.aio_read(two));
  assert.equal(aio.aio_cancel(again, null), aio.AIO_CANCELED);
  assert.deepEqual(collected(two), failed('ECANCELED'));
  assert.equal(nameOf(aio.aio_error(one)), 'EINPROGRESS');
  cancelled(pipe.read);
});
