// Requests at a descriptor's own position run in call order, one at a time per direction (rule 8).
// Guards Lanes in src/ring/order.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { errno, openRing, result } from '../support/ring.js';
import { socketPair } from '../support/sockets.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';

describe('requests at position -1 run in call order', () => {
  test('when many reads wait on a pipe', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffers = Array.from({ length: 200 }, () => Buffer.alloc(3));
    const delivered: number[] = [];
    const reads = buffers.map((buffer, i) =>
      result((done) =>
        ring.read(pipe.read, buffer, -1, (bytes) => {
          delivered.push(i);
          done(bytes);
        }),
      ),
    );
    const text = buffers.map((_, i) => String(i).padStart(3, '0')).join('');
    for (let at = 0; at < text.length; at += 60) {
      fs.writeSync(pipe.write, text.slice(at, at + 60));
      await result((done) => ring.nop(done));
    }
    assert.deepEqual(new Set(await Promise.all(reads)), new Set([3]));
    assert.equal(Buffer.concat(buffers).toString(), text);
    assert.deepEqual(
      delivered,
      buffers.map((_, i) => i),
    );
  });

  test('when many writes wait for room in a pipe', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const writes = Array.from({ length: 100 }, (_, i) =>
      result((done) => ring.write(pipe.write, Buffer.alloc(4000, i), -1, done)),
    );
    const all: Buffer[] = [];
    for (let total = 0; total < 100 * 4000; ) {
      const buffer = Buffer.alloc(10_000);
      const bytes = await result((done) => ring.read(pipe.read, buffer, -1, done));
      all.push(buffer.subarray(0, bytes));
      total += bytes;
    }
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([4000]));
    const bytes = Buffer.concat(all);
    for (let i = 0; i < bytes.length; i++) assert.equal(bytes[i], Math.floor(i / 4000));
  });

  test('when a file is read and written in sequence, plain and vectored', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'r+');
    const writes = Array.from({ length: 300 }, (_, i) => {
      const buffer = Buffer.alloc(i % 7 ? 10 : 200_000, i % 251);
      return i % 3
        ? result((done) => ring.write(fd, buffer, -1, done))
        : result((done) => ring.writev(fd, [buffer.subarray(0, 4), buffer.subarray(4)], -1, done));
    });
    const sizes = await Promise.all(writes);
    const content = fs.readFileSync(path);
    let at = 0;
    for (const [i, size] of sizes.entries()) {
      assert.equal(size, i % 7 ? 10 : 200_000);
      assert.ok(content.subarray(at, at + size).equals(Buffer.alloc(size, i % 251)), `write ${i}`);
      at += size;
    }
  });

  test('when writes append', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fd = opened(t, path, 'a');
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i} ${'x'.repeat((i * 37) % 300)}\n`);
    await Promise.all(lines.map((line) => result((done) => ring.write(fd, Buffer.from(line), -1, done))));
    assert.equal(fs.readFileSync(path, 'utf8'), lines.join(''));
  });

  test('when sends and writes, and recvs and reads, are mixed on a socket', async (t) => {
    const ring = openRing(t);
    const [a, b] = await socketPair(t);
    const sent = Array.from({ length: 100 }, (_, i) =>
      result((done) =>
        i % 2 ? ring.send(a, Buffer.alloc(50, i), 0, done) : ring.write(a, Buffer.alloc(50, i), -1, done),
      ),
    );
    assert.deepEqual(new Set(await Promise.all(sent)), new Set([50]));
    const buffers = Array.from({ length: 100 }, () => Buffer.alloc(50));
    const MSG_WAITALL = 0x100;
    await Promise.all(
      buffers.map((buffer, i) =>
        result((done) => (i % 2 ? ring.recv(b, buffer, MSG_WAITALL, done) : ring.read(b, buffer, -1, done))),
      ),
    );
    for (const [i, buffer] of buffers.entries())
      assert.ok(buffer.equals(Buffer.alloc(50, i)), `transfer ${i}`);
  });
});

describe('requests do not wait for each other', () => {
  test('in the two directions of a socket', async (t) => {
    const ring = openRing(t);
    const [a, b] = await socketPair(t);
    const buffer = Buffer.alloc(6);
    const received = result((done) => ring.recv(a, buffer, 0, done)); // blocked
    assert.equal(await result((done) => ring.send(a, Buffer.from('ping'), 0, done)), 4);
    assert.equal(fs.writeSync(b, 'answer'), 6);
    assert.equal(await received, 6);
  });

  test('on different descriptors', async (t) => {
    const ring = openRing(t);
    const [blocked, free] = [openPipe(t), openPipe(t)];
    const waiting = result((done) => ring.read(blocked.read, Buffer.alloc(1), -1, done));
    fs.writeSync(free.write, 'x');
    assert.equal(await result((done) => ring.read(free.read, Buffer.alloc(1), -1, done)), 1);
    fs.writeSync(blocked.write, 'x');
    assert.equal(await waiting, 1);
  });

  test('when they have a position of their own', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, '0123456789'));
    const before = ring.stats.systemCalls;
    const buffers = Array.from({ length: 10 }, () => Buffer.alloc(1));
    await Promise.all(buffers.map((buffer, i) => result((done) => ring.read(fd, buffer, i, done))));
    assert.equal(Buffer.concat(buffers).toString(), '0123456789');
    assert.ok(ring.stats.systemCalls - before <= 4, 'they went together');
  });
});

test('a lane goes on after an error', async (t) => {
  const ring = openRing(t);
  const path = temporaryFile(t, 'abc');
  const fd = opened(t, path);
  const results = await Promise.all([
    result((done) => ring.write(fd, Buffer.from('x'), -1, done)),
    result((done) => ring.write(fd, Buffer.from('y'), -1, done)),
    result((done) => ring.read(fd, Buffer.alloc(2), -1, done)),
  ]);
  assert.deepEqual(results, [errno.EBADF, errno.EBADF, 2]);
});
