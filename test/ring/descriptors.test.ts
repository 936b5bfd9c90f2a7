// A descriptor is held, not a number (rule 9): after close and reuse of the number no request reaches another file.
// Guards HeldDescriptors in src/ring/descriptors.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { Ring } from 'linux-aio';
import { fillQueue } from '../support/full-queue.js';
import { openAs, twoFiles } from '../support/reuse.js';
import { errno, nextTurn, openRing, result, started } from '../support/ring.js';
import { openDescriptors, openPipes, temporaryFile } from '../support/temp.js';

describe('a request reaches the file it was made for when its descriptor is closed', () => {
  test('at once, and the number means another file', async (t) => {
    const ring = openRing(t);
    const [mine, other] = twoFiles(t);
    for (let round = 0; round < 100; round++) {
      const fd = fs.openSync(mine, 'r');
      const buffer = Buffer.alloc(100);
      const read = result((done) => ring.read(fd, buffer, 0, done));
      fs.closeSync(fd);
      openAs(fd, other);
      assert.equal(await read, 100);
      assert.equal(buffer.toString('latin1', 0, 1), 'M');
      fs.closeSync(fd);
    }
  });

  test('before the turn ends, and the number means another file', async (t) => {
    const ring = openRing(t);
    const [mine, other] = twoFiles(t);
    const first = result((done) => ring.nop(done));
    const fd = fs.openSync(mine, 'r+');
    const write = result((done) => ring.write(fd, Buffer.from('text'), 0, done));
    fs.closeSync(fd);
    openAs(fd, other, 'r+');
    assert.equal(await write, 4);
    assert.equal(fs.readFileSync(mine, 'latin1').slice(0, 5), 'textM');
    assert.equal(fs.readFileSync(other, 'latin1').slice(0, 5), 'OOOOO');
    await first;
    fs.closeSync(fd);
  });

  test('before the turn ends', async (t) => {
    const ring = openRing(t, { routing: false }); // a pool beside it has descriptors of its own
    const [mine] = twoFiles(t);
    const before = openDescriptors();
    const fd = fs.openSync(mine, 'r');
    const first = result((done) => ring.nop(done));
    const buffers = Array.from({ length: 10 }, () => Buffer.alloc(100));
    const reads = buffers.map((buffer) => result((done) => ring.read(fd, buffer, 0, done)));
    fs.closeSync(fd);
    assert.deepEqual(new Set(await Promise.all(reads)), new Set([100]));
    for (const buffer of buffers) assert.equal(buffer.toString(), 'M'.repeat(100));
    await first;
    assert.equal(openDescriptors(), before, 'the descriptors held meanwhile are closed');
  });

  test('through the ring, in the same turn', async (t) => {
    const ring = openRing(t);
    const [mine] = twoFiles(t);
    for (let round = 0; round < 100; round++) {
      const fd = fs.openSync(mine, 'r+');
      const requests = [
        result((done) => ring.read(fd, Buffer.alloc(100), 0, done)),
        result((done) => ring.write(fd, Buffer.alloc(100, 'M'), 0, done)),
        result((done) => ring.read(fd, Buffer.alloc(100), 0, done)),
      ];
      const closed = result((done) => ring.close(fd, done));
      assert.deepEqual(await Promise.all(requests), [100, 100, 100]);
      assert.equal(await closed, 0);
    }
  });

  test('while it waits in a lane, and the number is used again in a later turn', async (t) => {
    const ring = openRing(t);
    const [pipe, next] = openPipes(t, 2);
    const buffers = [Buffer.alloc(1), Buffer.alloc(1), Buffer.alloc(1)];
    const reads = buffers.map((buffer) => result((done) => ring.read(pipe.read, buffer, -1, done)));
    await nextTurn();
    fs.closeSync(pipe.read);
    openAs(pipe.read, `/proc/self/fd/${next.read}`);
    fs.writeSync(next.write, '---');
    fs.writeSync(pipe.write, 'abc');
    assert.deepEqual(await Promise.all(reads), [1, 1, 1]);
    assert.equal(Buffer.concat(buffers).toString(), 'abc');
  });

  test('while it is queued behind a full queue', async (t) => {
    const ring = openRing(t, { entries: 8 });
    const [mine, other] = twoFiles(t);
    const [pipe] = openPipes(t, 1);
    const blocked = fillQueue(ring, pipe.read);
    await nextTurn();
    const fd = fs.openSync(mine, 'r');
    const buffers = [Buffer.alloc(100), Buffer.alloc(100)];
    const reads = buffers.map((buffer) => result((done) => ring.read(fd, buffer, 0, done)));
    await nextTurn();
    fs.closeSync(fd);
    openAs(fd, other);
    await nextTurn();
    fs.writeSync(pipe.write, Buffer.alloc(blocked.length));
    assert.deepEqual(await Promise.all(reads), [100, 100]);
    for (const buffer of buffers) assert.equal(buffer.toString(), 'M'.repeat(100));
    await Promise.all(blocked);
    fs.closeSync(fd);
  });

  test('while it waits behind a barrier', async (t) => {
    const ring = openRing(t);
    const [pipe] = openPipes(t, 1);
    fs.writeSync(pipe.write, Buffer.alloc(65536));
    const fd = pipe.write;
    const write = result((done) => ring.write(fd, Buffer.from('x'), -1, done));
    const sync = result((done) => ring.fsync(fd, false, done));
    await nextTurn();
    fs.closeSync(fd);
    openAs(fd, temporaryFile(t), 'r+');
    fs.readSync(pipe.read, Buffer.alloc(65536));
    assert.equal(await write, 1);
    assert.equal(await sync, errno.EINVAL, 'the pipe was synced, which cannot be, not the file');
  });

  test('while it waits in a lane it joined from a callback', async (t) => {
    // Nothing but a request that has to wait is made in the callback's turn: its hold must end with that turn.
    const ring = openRing(t);
    const [pipe] = openPipes(t, 1);
    const [, other] = twoFiles(t);
    const fd = pipe.read;
    const buffers = [Buffer.alloc(1), Buffer.alloc(1)];
    const first = result((done) => ring.read(fd, buffers[0], -1, done));
    let second: Promise<number> | undefined;
    await result((done) =>
      ring.timeout(1, (value) => {
        second = result((inner) => ring.read(fd, buffers[1], -1, inner));
        done(value);
      }),
    );
    await nextTurn();
    fs.closeSync(fd);
    openAs(fd, other);
    const fromOther = [Buffer.alloc(100), Buffer.alloc(100)];
    const others = fromOther.map((buffer) => result((done) => ring.read(fd, buffer, 0, done)));
    await nextTurn();
    fs.writeSync(pipe.write, 'ab');
    assert.deepEqual(await Promise.all([first, second]), [1, 1]);
    assert.equal(Buffer.concat(buffers).toString(), 'ab');
    assert.deepEqual(await Promise.all(others), [100, 100]);
    for (const buffer of fromOther) assert.equal(buffer.toString(), 'O'.repeat(100));
  });
});

describe('a number that was closed and used again', () => {
  test('within one turn fails with EBADF, and touches nothing', async (t) => {
    const ring = openRing(t);
    const [mine, other] = twoFiles(t);
    const fd = fs.openSync(mine, 'r+');
    const first = result((done) => ring.nop(done));
    const before = Buffer.alloc(100, '-');
    const after = Buffer.alloc(100, '-');
    const requests = [
      result((done) => ring.read(fd, before, 0, done)),
      result((done) => ring.write(fd, Buffer.from('damage'), 0, done)),
    ];
    fs.closeSync(fd);
    openAs(fd, other, 'r+');
    requests.push(
      result((done) => ring.read(fd, after, 0, done)),
      result((done) => ring.write(fd, Buffer.from('damage'), 0, done)),
    );
    assert.deepEqual(await Promise.all(requests), [errno.EBADF, errno.EBADF, errno.EBADF, errno.EBADF]);
    assert.equal(before.toString() + after.toString(), '-'.repeat(200));
    assert.equal(fs.readFileSync(mine, 'latin1').slice(0, 6), 'MMMMMM');
    assert.equal(fs.readFileSync(other, 'latin1').slice(0, 6), 'OOOOOO');
    assert.equal(await first, 0);
    assert.equal(
      await result((done) => ring.read(fd, after, 0, done)),
      100,
      'in the next turn it is the new file',
    );
    assert.equal(after.toString(), 'O'.repeat(100));
    fs.closeSync(fd);
  });

  test('does not make new requests wait for those on the file before', async (t) => {
    // A read of the first pipe never ends; the second pipe got its number.
    const ring = openRing(t);
    const [pipe, next] = openPipes(t, 2);
    const fd = pipe.read;
    void result((done) => ring.read(fd, Buffer.alloc(1), -1, done)).catch(() => {});
    await nextTurn();
    fs.closeSync(fd);
    openAs(fd, `/proc/self/fd/${next.read}`);
    fs.writeSync(next.write, 'x');
    assert.equal(await result((done) => ring.read(fd, Buffer.alloc(1), -1, done)), 1);
  });

  test('does not make an fsync wait for writes to the file before', async (t) => {
    const ring = openRing(t);
    const [pipe] = openPipes(t, 1);
    fs.writeSync(pipe.write, Buffer.alloc(65536));
    const fd = pipe.write;
    void result((done) => ring.write(fd, Buffer.from('x'), -1, done)).catch(() => {});
    await nextTurn();
    fs.closeSync(fd);
    openAs(fd, temporaryFile(t), 'r+');
    assert.equal(await result((done) => ring.fsync(fd, false, done)), 0);
  });

  test('within one turn fails with EBADF behind a full queue as well', async (t) => {
    // One duplicate, of the file before, is all that these have: the read that means the next file must not get it.
    const ring = openRing(t, { entries: 8, routing: false });
    const [mine, other] = twoFiles(t);
    const [pipe] = openPipes(t, 1);
    const blocked = fillQueue(ring, pipe.read);
    await nextTurn();
    const fd = fs.openSync(mine, 'r');
    const [before, after] = [Buffer.alloc(100, '-'), Buffer.alloc(100, '-')];
    const reads = [result((done) => ring.read(fd, before, 0, done))];
    fs.closeSync(fd);
    openAs(fd, other);
    reads.push(result((done) => ring.read(fd, after, 0, done)));
    await nextTurn();
    fs.writeSync(pipe.write, Buffer.alloc(blocked.length));
    assert.deepEqual(await Promise.all(reads), [errno.EBADF, errno.EBADF]);
    assert.equal(`${before}${after}`, '-'.repeat(200));
    await Promise.all(blocked);
    fs.closeSync(fd);
  });
});

test('a child that is started while descriptors are held inherits none of them', async (t) => {
  const ring = openRing(t);
  const [pipe] = openPipes(t, 1);
  const [mine] = twoFiles(t);
  const fd = fs.openSync(mine, 'r');
  const before = openDescriptors();
  // The second read waits in its lane for as long as the pipe is empty, the file's for the end of the turn.
  const reads = [1, 2].map(() => result((done) => ring.read(pipe.read, Buffer.alloc(1), -1, done)));
  reads.push(result((done) => ring.read(fd, Buffer.alloc(1), 0, done)));
  assert.ok(openDescriptors() >= before + 2, 'both files are held');
  const listing = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  for (const held of [pipe.read, fd]) {
    const name = fs.readlinkSync(`/proc/self/fd/${held}`);
    assert.ok(!listing.includes(name), `${name} in ${listing}`);
  }
  assert.doesNotMatch(listing, /anon_inode/, 'nor anything of the ring');
  fs.writeSync(pipe.write, 'ab');
  assert.deepEqual(await Promise.all(reads), [1, 1, 1]);
  fs.closeSync(fd);
});

test('a hundred requests in one turn on one descriptor hold one duplicate', async (t) => {
  const ring = openRing(t, { routing: false });
  const [mine] = twoFiles(t);
  const fd = fs.openSync(mine, 'r');
  const before = openDescriptors();
  const reads = Array.from({ length: 100 }, () => result((done) => ring.read(fd, Buffer.alloc(1), 0, done)));
  assert.ok(openDescriptors() <= before + 1);
  await Promise.all(reads);
  assert.equal(openDescriptors(), before);
  fs.closeSync(fd);
});

describe('a request that is alone on its number', () => {
  test('has closed its duplicate when its result is seen', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t);
    const fds = Array.from({ length: 20 }, () => fs.openSync(path, 'r+'));
    await result((done) => ring.ftruncate(fds[0], 0, done)); // the pool has its descriptors now
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const sizes = fds.map((fd, i) => result((done) => ring.ftruncate(fd, i, done)));
      const writes = fds.map((fd, i) => result((done) => ring.write(fd, Buffer.from('text'), 4 * i, done)));
      assert.deepEqual(new Set(await Promise.all(sizes)), new Set([0]));
      assert.deepEqual(new Set(await Promise.all(writes)), new Set([4]));
      assert.equal(openDescriptors(), before);
    }
    for (const fd of fds) fs.closeSync(fd);
  });

  test('reaches its file, whatever the number means by then', async (t) => {
    const ring = openRing(t);
    const [mine, other] = twoFiles(t);
    for (let round = 0; round < 50; round++) {
      const first = result((done) => ring.nop(done));
      const fd = fs.openSync(mine, 'r+');
      const size = result((done) => ring.ftruncate(fd, 100 + round, done));
      fs.closeSync(fd);
      openAs(fd, other, 'r+');
      assert.deepEqual(await Promise.all([first, size]), [0, 0]);
      fs.closeSync(fd);
      assert.deepEqual([fs.statSync(mine).size, fs.statSync(other).size], [100 + round, 2 << 20]);
    }
  });

  test('shares one with those that come before it is over', async (t) => {
    const ring = openRing(t);
    const fd = fs.openSync(temporaryFile(t), 'r+');
    const before = openDescriptors();
    const sizes = Array.from({ length: 100 }, (_, i) => result((done) => ring.ftruncate(fd, i, done)));
    // Beside what the pool of a ring opens with its first request.
    assert.ok(openDescriptors() < before + 20, `${openDescriptors() - before} more descriptors`);
    assert.deepEqual(new Set(await Promise.all(sizes)), new Set([0]));
    fs.closeSync(fd);
  });

  test('leaves none behind when it is taken back', async (t) => {
    const path = temporaryFile(t);
    const [pipe] = openPipes(t, 1);
    const fds = Array.from({ length: 20 }, () => fs.openSync(path, 'r+'));
    const before = openDescriptors();
    const ring = Ring.open({ entries: 8, engine: 'threads' }); // beside io_uring the pool has a queue of its own
    const blocked = fillQueue(ring, pipe.read);
    const sizes = fds.map((fd, i) => started((done) => ring.ftruncate(fd, i, done)));
    for (const { id } of sizes.slice(10)) ring.cancel(id, () => {});
    await ring.close();
    for (const { result: answer } of sizes) assert.ok([0, errno.ECANCELED].includes(await answer));
    await Promise.all(blocked);
    assert.equal(openDescriptors(), before);
    for (const fd of fds) fs.closeSync(fd);
  });
});
