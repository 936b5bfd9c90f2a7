// read, write, readv, writev, fsync, nop: what the system call would have returned.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { errno, nextTurn, openRing, result } from '../support/ring.js';
import { opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';

describe('a transfer fails with', () => {
  test('EBADF when the descriptor is not open', async (t) => {
    const ring = openRing(t);
    const buffer = new Uint8Array(8);
    for (const fd of [1_000_000, 19_999]) {
      assert.equal(await result((done) => ring.read(fd, buffer, 0, done)), errno.EBADF);
      assert.equal(await result((done) => ring.write(fd, buffer, 0, done)), errno.EBADF);
      assert.equal(await result((done) => ring.readv(fd, [buffer], 0, done)), errno.EBADF);
      assert.equal(await result((done) => ring.writev(fd, [buffer], 0, done)), errno.EBADF);
      assert.equal(await result((done) => ring.fsync(fd, false, done)), errno.EBADF);
      assert.equal(await result((done) => ring.read(fd, buffer, -1, done)), errno.EBADF);
    }
  });

  test('EBADF when the descriptor is the largest there is, without taking memory for all below it', async (t) => {
    // Counters per descriptor are arrays: one entry must not allocate two gigabytes.
    const ring = openRing(t);
    const before = process.memoryUsage().arrayBuffers;
    assert.equal(await result((done) => ring.write(0x7fffffff, new Uint8Array(8), 0, done)), errno.EBADF);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 << 20);
  });

  test('EBADF when the file is not open for it', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t, 'text');
    const reading = opened(t, path, 'r');
    const writing = opened(t, path, 'a');
    assert.equal(await result((done) => ring.write(reading, new Uint8Array(4), 0, done)), errno.EBADF);
    assert.equal(await result((done) => ring.read(writing, new Uint8Array(4), 0, done)), errno.EBADF);
  });

  test('EISDIR when it is a directory', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryDirectory(t));
    assert.equal(await result((done) => ring.read(fd, new Uint8Array(4), 0, done)), -21);
  });

  test('EINVAL when there are more than 1024 buffers, or the position and the length pass 2^63', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'text'), 'r+');
    const many = Array.from({ length: 1025 }, () => new Uint8Array(1));
    assert.equal(await result((done) => ring.readv(fd, many, 0, done)), errno.EINVAL);
    const buffer = new Uint8Array(16);
    const past = await result((done) => ring.write(fd, buffer, 2n ** 63n - 1n, done));
    assert.ok(
      past === errno.EINVAL || past === -27 /* EFBIG */ || past === -75 /* EOVERFLOW */,
      String(past),
    );
  });

  test('EPIPE when nobody reads', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fs.closeSync(pipe.read);
    pipe.read = -1;
    assert.equal(await result((done) => ring.write(pipe.write, new Uint8Array(4), -1, done)), errno.EPIPE);
  });
});

describe('read', () => {
  test('returns the bytes it read into the view, and touches nothing around it', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'hello, world'));
    const memory = new Uint8Array(16).fill(0xee);
    assert.equal(await result((done) => ring.read(fd, memory.subarray(4, 9), 7, done)), 5);
    assert.equal(Buffer.from(memory.subarray(4, 9)).toString(), 'world');
    assert.deepEqual([...memory.subarray(0, 4), ...memory.subarray(9)], new Array(11).fill(0xee));
  });

  test('returns fewer at the end of the file, 0 after it and 0 for an empty view', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'abc'));
    assert.equal(await result((done) => ring.read(fd, new Uint8Array(8), 1, done)), 2);
    assert.equal(await result((done) => ring.read(fd, new Uint8Array(8), 3, done)), 0);
    assert.equal(await result((done) => ring.read(fd, new Uint8Array(8), 2n ** 40n, done)), 0);
    assert.equal(await result((done) => ring.read(fd, new Uint8Array(0), 0, done)), 0);
  });

  test('reads at positions beyond 2^32 and 2^53, given as numbers and as bigints', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    for (const position of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 12_345]) {
      const text = Buffer.from(`at ${position}`);
      assert.equal(await result((done) => ring.write(fd, text, position, done)), text.length);
      const back = Buffer.alloc(text.length);
      assert.equal(fs.readSync(fd, back, 0, back.length, position), back.length);
      assert.deepEqual(back, text);
      back.fill(0);
      assert.equal(await result((done) => ring.read(fd, back, BigInt(position), done)), text.length);
      assert.deepEqual(back, text);
    }
    assert.equal(await result((done) => ring.read(fd, Buffer.alloc(1), 2n ** 62n + 1n, done)), 0);
  });

  test('at position -1 goes on where the last one ended', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'abcdef'));
    const first = Buffer.alloc(4);
    const second = Buffer.alloc(4);
    assert.equal(await result((done) => ring.read(fd, first, -1, done)), 4);
    assert.equal(await result((done) => ring.read(fd, second, -1n, done)), 2);
    assert.equal(first.toString() + second.toString('latin1', 0, 2), 'abcdef');
  });

  test('takes every kind of view', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, Buffer.from(new Float64Array([1.5, -2, 3e300, 0]).buffer)));
    const floats = new Float64Array(4);
    assert.equal(await result((done) => ring.read(fd, floats, 0, done)), 32);
    assert.deepEqual([...floats], [1.5, -2, 3e300, 0]);
    const view = new DataView(new ArrayBuffer(40), 8, 16);
    assert.equal(await result((done) => ring.read(fd, view, 8, done)), 16);
    assert.equal(view.getFloat64(0, true), -2);
    const big = new BigInt64Array(1);
    assert.equal(await result((done) => ring.read(fd, big, 0, done)), 8);
    assert.equal(big[0], 0x3ff8000000000000n);
  });

  test('of a large range has every byte in its place', async (t) => {
    const ring = openRing(t);
    const content = Buffer.alloc(3_000_001);
    for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(i, Math.min(i, content.length - 4));
    const fd = opened(t, temporaryFile(t, content));
    const buffer = Buffer.alloc(content.length + 100);
    assert.equal(await result((done) => ring.read(fd, buffer, 0, done)), content.length);
    assert.ok(buffer.subarray(0, content.length).equals(content));
  });
});

describe('write', () => {
  test('returns the bytes it wrote from the view', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t, '..........');
    const fd = opened(t, path, 'r+');
    const memory = Buffer.from('xxhelloxx');
    assert.equal(await result((done) => ring.write(fd, memory.subarray(2, 7), 3, done)), 5);
    assert.equal(fs.readFileSync(path, 'utf8'), '...hello..');
    assert.equal(await result((done) => ring.write(fd, new Uint8Array(0), 0, done)), 0);
  });

  test('of a large buffer arrives whole', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    const content = Buffer.alloc(2_500_003, 'abcdefghijk');
    assert.equal(await result((done) => ring.write(fd, content, 0, done)), content.length);
    assert.ok(fs.readFileSync(path).equals(content));
  });
});

describe('readv and writev', () => {
  test('have a vector each, until they are complete', async (t) => {
    // The second waits behind the first, and the third is made when both are under way.
    const ring = openRing(t);
    const pipe = openPipe(t);
    const views = Array.from({ length: 3 }, () => [Buffer.alloc(2), Buffer.alloc(2)]);
    const reads = views.map((parts) => result((done) => ring.readv(pipe.read, parts, -1, done)));
    for (const text of ['aaaa', 'bbbb', 'cccc']) {
      await nextTurn();
      fs.writeSync(pipe.write, text);
    }
    assert.deepEqual(await Promise.all(reads), [4, 4, 4]);
    assert.deepEqual(
      views.map((parts) => String(Buffer.concat(parts))),
      ['aaaa', 'bbbb', 'cccc'],
    );
  });

  test('spread one transfer over several buffers, in their order', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    const parts = [Buffer.from('one'), Buffer.alloc(0), Buffer.from(' two'), Buffer.from(' three')];
    assert.equal(await result((done) => ring.writev(fd, parts, 2, done)), 13);
    assert.equal(fs.readFileSync(path, 'latin1'), '\0\0one two three');
    const into = [Buffer.alloc(4), Buffer.alloc(5), Buffer.alloc(50, '.')];
    assert.equal(await result((done) => ring.readv(fd, into, 2, done)), 13);
    assert.equal(Buffer.concat(into).toString('latin1', 0, 14), 'one two three.');
    assert.equal(await result((done) => ring.readv(fd, [], 0, done)), 0);
  });

  test('take 1024 buffers', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    const parts = Array.from({ length: 1024 }, (_, i) => Buffer.from([i & 0xff, i >> 8]));
    assert.equal(await result((done) => ring.writev(fd, parts, 0, done)), 2048);
    assert.ok(fs.readFileSync(path).equals(Buffer.concat(parts)));
  });
});

describe('fsync and nop', () => {
  test('return 0', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'text'), 'r+');
    assert.equal(await result((done) => ring.fsync(fd, false, done)), 0);
    assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    assert.equal(await result((done) => ring.nop(done)), 0);
  });

  test('fsync of a pipe fails as the system call does', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    assert.equal(await result((done) => ring.fsync(pipe.write, false, done)), errno.EINVAL);
  });
});
