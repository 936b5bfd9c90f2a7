// What blocks does not keep anything else waiting: neither the ring's own requests nor Node's pool.
import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import dns from 'node:dns/promises';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { promisify } from 'node:util';
import { openRing, result } from '../support/ring.js';
import { opened, openPipes, temporaryFile } from '../support/temp.js';

describe('with a thousand reads blocked on empty pipes', () => {
  // On node:fs four such reads stop all of it. Each of these ends by itself or hangs: the guard is in `result`.
  test('a file is read and written, a name looked up and a key derived', async (t) => {
    const ring = openRing(t);
    const pipes = openPipes(t, 1000);
    const reads = pipes.map((pipe) => result((done) => ring.read(pipe.read, Buffer.alloc(8), -1, done)));
    ring.flush();
    const fd = opened(t, temporaryFile(t, 'text'), 'r+');
    const buffer = Buffer.alloc(4);
    assert.equal(await result((done) => ring.read(fd, buffer, 0, done)), 4);
    assert.equal(await result((done) => ring.write(fd, Buffer.from('more'), 4, done)), 4);
    assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    assert.equal(await result((done) => ring.statx(fd, '', 0x1000, 0x7ff, Buffer.alloc(256), done)), 0);
    assert.ok((await dns.lookup('127.0.0.1')).address);
    assert.equal((await promisify(pbkdf2)('password', 'salt', 10, 16, 'sha256')).length, 16);
    assert.equal((await fs.promises.readFile(`/proc/self/fd/${fd}`)).length, 8);
    for (const [i, pipe] of pipes.entries()) fs.writeSync(pipe.write, `${i}`);
    assert.deepEqual(
      await Promise.all(reads),
      pipes.map((_, i) => `${i}`.length),
    );
  });
});

describe('pipes that are empty do not keep others from being read', () => {
  test('with buffers so large that a worker would serve them', async (t) => {
    const ring = openRing(t);
    const pipes = openPipes(t, 100);
    const size = 256 * 1024;
    const reads = pipes.map((pipe) => result((done) => ring.read(pipe.read, Buffer.alloc(size), -1, done)));
    ring.flush();
    fs.writeSync(pipes[99].write, 'x');
    assert.equal(await reads[99], 1);
    for (const pipe of pipes.slice(0, 99)) fs.writeSync(pipe.write, 'x');
    await Promise.all(reads);
  });

  test('when they are read at a position, which pipes do not have', async (t) => {
    const ring = openRing(t, { entries: 8 });
    const [pipe] = openPipes(t, 1);
    const reads = Array.from({ length: 600 }, () =>
      result((done) => ring.read(pipe.read, Buffer.alloc(1), 0, done)),
    );
    const fd = opened(t, temporaryFile(t, 'text'));
    let bytes = 0;
    ring.read(fd, Buffer.alloc(4), 0, (value) => {
      bytes = value;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const inTime = bytes;
    fs.writeSync(pipe.write, Buffer.alloc(600));
    await Promise.all(reads);
    assert.equal(inTime, 4, 'the file was read only when the pipe had data');
  });

  test('when they are spliced, which occupies a kernel worker each', async (t) => {
    const ring = openRing(t);
    const pipes = openPipes(t, 40);
    const fd = opened(t, temporaryFile(t, 'text'), 'r+');
    const splices = pipes
      .slice(0, 20)
      .map((pipe, i) => result((done) => ring.splice(pipe.read, -1, pipes[20 + i].write, -1, 1, 0, done)));
    ring.flush();
    assert.equal(await result((done) => ring.write(fd, Buffer.from('text'), 0, done)), 4);
    assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    const read = result((done) => ring.read(pipes[39].read, Buffer.alloc(1), -1, done));
    fs.writeSync(pipes[39].write, 'x');
    assert.equal(await read, 1);
    for (const pipe of pipes.slice(0, 20)) fs.writeSync(pipe.write, 'x');
    assert.deepEqual(new Set(await Promise.all(splices)), new Set([1]));
  });
});
