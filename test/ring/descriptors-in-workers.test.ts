// Rule 9 where the kernel looks a descriptor up late: requests that it hands to a worker (large transfers, fsync,
// fallocate, statx, splice, everything with SQPOLL) find their file when the worker begins, not when they are
// submitted (liburing issue 782). So "it is with the kernel" does not mean "it has the file".
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import type { Ring } from 'linux-aio';
import { openAs, twoFiles } from '../support/reuse.js';
import { openRing, result } from '../support/ring.js';
import { openPipe } from '../support/temp.js';

const ROUNDS = 200;

/** Makes a request as the first of a turn, closes its descriptor and opens another file under the number. */
async function closedAndReused(
  [mine, other]: [string, string],
  request: (fd: number, done: (value: number) => void) => unknown,
  check: (value: number) => void,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const fd = fs.openSync(mine, 'r+');
    const done = result((delivered) => request(fd, delivered));
    fs.closeSync(fd);
    openAs(fd, other, 'r+');
    check(await done);
    fs.closeSync(fd);
  }
}

describe('a request that a kernel worker serves reaches its own file when the descriptor is closed at once', () => {
  test('a large read', async (t) => {
    const ring = openRing(t);
    const buffer = Buffer.alloc(1 << 20);
    await closedAndReused(
      twoFiles(t),
      (fd, done) => ring.read(fd, buffer.fill('-'), 0, done),
      (bytes) => assert.deepEqual([bytes, buffer.toString('latin1', 0, 1)], [1 << 20, 'M']),
    );
  });

  test('a large write', async (t) => {
    const ring = openRing(t);
    const files = twoFiles(t);
    const buffer = Buffer.alloc(1 << 20, 'W');
    await closedAndReused(
      files,
      (fd, done) => ring.write(fd, buffer, 0, done),
      (bytes) => assert.equal(bytes, 1 << 20),
    );
    assert.equal(fs.readFileSync(files[1], 'latin1').slice(0, 1), 'O', 'the other file has been written to');
  });

  test('fsync', async (t) => {
    const ring = openRing(t);
    const [mine] = twoFiles(t);
    for (let round = 0; round < ROUNDS; round++) {
      const fd = fs.openSync(mine, 'r+');
      const synced = result((done) => ring.fsync(fd, true, done));
      fs.closeSync(fd);
      assert.equal(await synced, 0);
    }
  });

  test('fallocate', async (t) => {
    const ring = openRing(t);
    const files = twoFiles(t);
    await closedAndReused(
      files,
      (fd, done) => ring.fallocate(fd, 0, 0, 3 << 20, done),
      (value) => assert.equal(value, 0),
    );
    assert.equal(fs.statSync(files[1]).size, 2 << 20, 'the other file has grown');
  });

  test('statx of a descriptor', async (t) => {
    const ring = openRing(t);
    const files = twoFiles(t);
    const { ino } = fs.statSync(files[0]);
    const out = Buffer.alloc(256);
    await closedAndReused(
      files,
      (fd, done) => ring.statx(fd, '', 0x1000, 0x7ff, out, done),
      (value) => assert.deepEqual([value, Number(out.readBigUInt64LE(32))], [0, ino]),
    );
  });

  test('openat in a directory', async (t) => {
    const ring = openRing(t);
    const [mine] = twoFiles(t);
    const folder = mine.slice(0, mine.lastIndexOf('/'));
    for (let round = 0; round < ROUNDS; round++) {
      const dirfd = fs.openSync(folder, 'r');
      const first = result((done) => ring.nop(done));
      const open = result((done) => ring.openat(dirfd, 'mine', 0o2000000, 0, done));
      fs.closeSync(dirfd);
      const fd = await open;
      assert.ok(fd >= 0, String(fd));
      fs.closeSync(fd);
      await first;
    }
  });

  test('splice', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const bytes = Buffer.alloc(1);
    await closedAndReused(
      twoFiles(t),
      (fd, done) => ring.splice(fd, 0, pipe.write, -1, 1, 0, done),
      (value) => {
        assert.equal(value, 1);
        fs.readSync(pipe.read, bytes);
        assert.equal(bytes.toString(), 'M');
      },
    );
  });

  test('any, with a submission thread', async (t) => {
    const ring: Ring = openRing(t, { sqpoll: true });
    const buffer = Buffer.alloc(100);
    await closedAndReused(
      twoFiles(t),
      (fd, done) => ring.read(fd, buffer.fill('-'), 0, done),
      (bytes) => assert.deepEqual([bytes, buffer.toString('latin1', 0, 1)], [100, 'M']),
    );
  });
});
