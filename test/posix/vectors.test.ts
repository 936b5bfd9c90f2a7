// aio_readv and aio_writev (FreeBSD), and their opcodes in a list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { addressOf } from '../support/internals.js';
import { aio, block, CLOSED_FD, pattern, patternFile } from '../support/posix.js';
import { setBlocking, socketPair } from '../support/sockets.js';
import { collected, failed, fails, nameOf, queued, succeeded } from '../support/status.js';
import { alignedView, opened, openPipe, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

type Vectored = aio.aiocb & { aio_iov: ArrayBufferView[] };

function vectored(fd: number, aio_iov: ArrayBufferView[], init: Partial<aio.aiocb> = {}): Vectored {
  return Object.assign(block(fd, 0, init), { aio_iov });
}

covers('B9', 'aio_writev and aio_readv move the buffers in their order, at the offset', (t) => {
  const path = patternFile(t, 1000);
  const fd = opened(t, path, 'r+');
  const parts = ['one', '', 'three', 'of them'].map((text) => Buffer.from(text));
  const write = vectored(fd, parts, { aio_offset: 100 });
  queued(aio.aio_writev(write));
  assert.deepEqual(collected(write), succeeded(15));
  const into = [Buffer.alloc(5), Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(9)];
  const read = vectored(fd, into, { aio_offset: 98 });
  queued(aio.aio_readv(read));
  assert.deepEqual(collected(read), succeeded(17));
  assert.deepEqual(Buffer.concat(into), Buffer.concat([pattern(98, 2), Buffer.from('onethreeof them')]));
  assert.deepEqual(fs.readFileSync(path).subarray(115), pattern(115, 885));
});

covers('B9', 'aio_readv is short at the end of the file', (t) => {
  const into = [Buffer.alloc(60), Buffer.alloc(60, '-')];
  const cb = vectored(opened(t, patternFile(t, 70)), into);
  queued(aio.aio_readv(cb));
  assert.deepEqual(collected(cb), succeeded(70));
  assert.deepEqual(into[1], Buffer.concat([pattern(60, 10), Buffer.alloc(50, '-')]));
});

covers('B9', 'a thousand buffers, and more than the kernel takes at once', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  for (const count of [1000, 1024, 1025, 5000]) {
    const buffers = Array.from({ length: count }, (_, i) => Buffer.alloc(3, i));
    const write = vectored(fd, buffers);
    const result = aio.aio_writev(write);
    if (count > 1024 && result === -1) {
      assert.equal(nameOf(aio.errno), 'EINVAL', 'IOV_MAX');
      continue;
    }
    queued(result);
    assert.deepEqual(collected(write), succeeded(3 * count));
    const into = buffers.map(() => Buffer.alloc(3));
    const read = vectored(fd, into);
    queued(aio.aio_readv(read));
    assert.deepEqual(collected(read), succeeded(3 * count));
    assert.deepEqual(Buffer.concat(into), Buffer.concat(buffers));
  }
});

covers('B9', 'odd addresses and lengths', (t) => {
  const fd = opened(t, patternFile(t, 10_000));
  const memory = alignedView(12_000, addressOf);
  const sizes = [1, 2, 3, 511, 513, 4095, 4097];
  let at = 1;
  const into = sizes.map((size) => {
    const view = memory.subarray(at, at + size);
    at += size + 1;
    return view;
  });
  const cb = vectored(fd, into, { aio_offset: 1 });
  queued(aio.aio_readv(cb));
  const total = sizes.reduce((sum, size) => sum + size);
  assert.deepEqual(collected(cb), succeeded(total));
  assert.deepEqual(Buffer.concat(into), pattern(1, total));
  assert.equal(memory[0], 0);
});

covers('B9', 'over a socket and a pipe', async (t) => {
  const [a, b] = await socketPair(t);
  for (const fd of [a, b]) setBlocking(fd);
  const pipe = openPipe(t);
  for (const [from, to] of [
    [a, b],
    [pipe.write, pipe.read],
  ]) {
    const read = vectored(to, [Buffer.alloc(2), Buffer.alloc(6)]);
    queued(aio.aio_readv(read));
    assert.equal(nameOf(aio.aio_error(read)), 'EINPROGRESS');
    const write = vectored(from, [Buffer.from('sca'), Buffer.from('tter!')], { aio_offset: 77 });
    queued(aio.aio_writev(write));
    assert.deepEqual([collected(write), collected(read)], [succeeded(8), succeeded(8)]);
    assert.equal(Buffer.concat(read.aio_iov as Buffer[]).toString(), 'scatter!');
  }
});

covers('B8', 'no buffers, or none with bytes, succeed with 0', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  for (const list of [[], [Buffer.alloc(0)], [Buffer.alloc(0), Buffer.alloc(0)]]) {
    for (const call of [aio.aio_writev, aio.aio_readv]) {
      const cb = vectored(fd, list);
      queued(call(cb));
      assert.deepEqual(collected(cb), succeeded(0));
    }
  }
});

covers('B8', 'what is no list of buffers is a TypeError, and the checks of aio_read hold', (t) => {
  const fd = opened(t, patternFile(t, 100), 'r+');
  for (const wrong of [
    undefined,
    null,
    'text',
    [1],
    ['text'],
    [new ArrayBuffer(4)],
    [Buffer.alloc(1), null],
  ]) {
    for (const call of [aio.aio_readv, aio.aio_writev])
      assert.throws(() => call(vectored(fd, wrong as never)), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  fails(aio.aio_readv(vectored(fd, [Buffer.alloc(1)], { aio_offset: -1 })), 'EINVAL');
  fails(aio.aio_writev(vectored(fd, [Buffer.alloc(1)], { aio_reqprio: -1 })), 'EINVAL');
  const closed = vectored(CLOSED_FD, [Buffer.alloc(1)]);
  queued(aio.aio_readv(closed));
  assert.deepEqual(collected(closed), failed('EBADF'));
});

covers('B12', 'a list of reads, writes and their vectored forms', (t) => {
  const path = patternFile(t, 1000);
  const fd = opened(t, path, 'r+');
  const list = [
    block(fd, 10, { aio_lio_opcode: aio.LIO_READ, aio_offset: 5 }),
    block(fd, 4, { aio_lio_opcode: aio.LIO_WRITE, aio_offset: 500, aio_buf: Buffer.from('even') }),
    vectored(fd, [Buffer.alloc(3), Buffer.alloc(4)], { aio_lio_opcode: aio.LIO_READV, aio_offset: 100 }),
    vectored(fd, [Buffer.from('o'), Buffer.from('dd')], { aio_lio_opcode: aio.LIO_WRITEV, aio_offset: 700 }),
  ];
  assert.equal(aio.lio_listio(aio.LIO_WAIT, list, 4, null), 0);
  assert.deepEqual(list.map(collected), [succeeded(10), succeeded(4), succeeded(7), succeeded(3)]);
  assert.deepEqual(Buffer.concat((list[2] as Vectored).aio_iov as Buffer[]), pattern(100, 7));
  const text = fs.readFileSync(path);
  assert.deepEqual([text.toString('latin1', 500, 504), text.toString('latin1', 700, 703)], ['even', 'odd']);
});
