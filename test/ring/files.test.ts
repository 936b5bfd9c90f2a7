// Operations on paths and on files as a whole: results, errors, and that they do what the system call does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { errno, openRing, result } from '../support/ring.js';
import { opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';

const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC = 0x7ff;
const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_DIRECTORY } = fs.constants;
const O_CLOEXEC = 0o2000000; // node:fs has no name for it

describe('openat and close', () => {
  test('fail with the errors of the system call', async (t) => {
    const ring = openRing(t);
    const dir = temporaryDirectory(t);
    const file = join(dir, 'file');
    fs.writeFileSync(file, '');
    const open = (path: string, flags: number) =>
      result((done) => ring.openat(AT_FDCWD, path, flags, 0o600, done));
    assert.equal(await open(join(dir, 'none'), O_RDONLY), errno.ENOENT);
    assert.equal(await open(join(file, 'x'), O_RDONLY), errno.ENOTDIR);
    assert.equal(await open(file, O_CREAT | O_EXCL | O_RDWR), errno.EEXIST);
    assert.equal(await open('', O_RDONLY), errno.ENOENT);
    assert.equal(await open('x'.repeat(5000), O_RDONLY), -36); // ENAMETOOLONG
    assert.equal(await result((done) => ring.close(1_000_000, done)), errno.EBADF);
  });

  test('open a file with mode, from the current directory or from a descriptor, and close it', async (t) => {
    const ring = openRing(t);
    const dir = temporaryDirectory(t);
    const path = join(dir, 'naïve – ファイル');
    const flags = O_CREAT | O_RDWR | O_CLOEXEC;
    const fd = await result((done) => ring.openat(AT_FDCWD, path, flags, 0o640, done));
    assert.ok(fd >= 3);
    assert.equal(fs.writeSync(fd, 'text'), 4);
    assert.equal(await result((done) => ring.close(fd, done)), 0);
    assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
    assert.equal(fs.readFileSync(path, 'utf8'), 'text');
    assert.equal(fs.statSync(path).mode & 0o777, 0o640 & ~process.umask());

    const dirfd = await result((done) => ring.openat(AT_FDCWD, dir, O_DIRECTORY | O_CLOEXEC, 0, done));
    const inside = await result((done) =>
      ring.openat(dirfd, Buffer.from('naïve – ファイル'), O_RDONLY | O_CLOEXEC, 0, done),
    );
    assert.ok(inside >= 3);
    assert.equal(fs.readFileSync(inside, 'utf8'), 'text');
    fs.closeSync(inside);
    fs.closeSync(dirfd);
  });
});

describe('statx', () => {
  test('fails with ENOENT, ENOTDIR and EBADF', async (t) => {
    const ring = openRing(t);
    const file = temporaryFile(t);
    const out = Buffer.alloc(256);
    const stat = (dirfd: number, path: string, flags = 0) =>
      result((done) => ring.statx(dirfd, path, flags, STATX_BASIC, out, done));
    assert.equal(await stat(AT_FDCWD, `${file}-none`), errno.ENOENT);
    assert.equal(await stat(AT_FDCWD, `${file}/x`), errno.ENOTDIR);
    assert.equal(await stat(1_000_000, 'x'), errno.EBADF);
    assert.equal(await stat(1_000_000, '', AT_EMPTY_PATH), errno.EBADF);
  });

  test('fills in struct statx, by path and by descriptor', async (t) => {
    const ring = openRing(t);
    const file = temporaryFile(t, 'x'.repeat(1234));
    const fd = opened(t, file);
    const { ino, mode } = fs.statSync(file);
    for (const [dirfd, path, flags] of [
      [AT_FDCWD, file, 0],
      [fd, '', AT_EMPTY_PATH],
    ] as const) {
      const out = Buffer.alloc(264, 0xee);
      assert.equal(
        await result((done) => ring.statx(dirfd, path, flags, STATX_BASIC, out.subarray(0, 256), done)),
        0,
      );
      assert.equal(out.readUInt16LE(28), mode);
      assert.equal(Number(out.readBigUInt64LE(32)), ino);
      assert.equal(Number(out.readBigUInt64LE(40)), 1234);
      assert.deepEqual(out.subarray(256), Buffer.alloc(8, 0xee));
    }
  });
});

describe('fallocate, ftruncate and fadvise', () => {
  test('fail with EBADF and EINVAL', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t), 'r+');
    assert.equal(await result((done) => ring.fallocate(1_000_000, 0, 0, 1, done)), errno.EBADF);
    assert.equal(await result((done) => ring.fallocate(fd, 0, 0, 0, done)), errno.EINVAL);
    assert.equal(await result((done) => ring.fadvise(1_000_000, 0, 0, 0, done)), errno.EBADF);
    assert.equal(await result((done) => ring.fadvise(fd, 0, 0, 99, done)), errno.EINVAL);
    if (ring.supports('ftruncate')) {
      assert.equal(await result((done) => ring.ftruncate(1_000_000, 0, done)), errno.EBADF);
    }
  });

  test('change the size of a file, and advise on it', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t, 'abc');
    const fd = opened(t, path, 'r+');
    assert.equal(await result((done) => ring.fallocate(fd, 0, 1000, 24n, done)), 0);
    assert.equal(fs.fstatSync(fd).size, 1024);
    const KEEP_SIZE = 1;
    assert.equal(await result((done) => ring.fallocate(fd, KEEP_SIZE, 1n << 16n, 4096, done)), 0);
    assert.equal(fs.fstatSync(fd).size, 1024);
    assert.equal(await result((done) => ring.fadvise(fd, 0, 0, 3, done)), 0);
  });

  test('ftruncate cuts and extends', async (t) => {
    const ring = openRing(t);
    if (!ring.supports('ftruncate')) return t.skip('the kernel has no IORING_OP_FTRUNCATE (Linux 6.9)');
    const fd = opened(t, temporaryFile(t, 'abcdef'), 'r+');
    assert.equal(await result((done) => ring.ftruncate(fd, 2, done)), 0);
    assert.equal(fs.fstatSync(fd).size, 2);
    assert.equal(await result((done) => ring.ftruncate(fd, 5_000_000_000n, done)), 0);
    assert.equal(fs.fstatSync(fd).size, 5_000_000_000);
  });
});

describe('directory entries', () => {
  test('fail with ENOENT, EEXIST and ENOTEMPTY', async (t) => {
    const ring = openRing(t);
    const dir = temporaryDirectory(t);
    fs.mkdirSync(join(dir, 'sub'));
    fs.writeFileSync(join(dir, 'sub/file'), '');
    const at = (name: string) => join(dir, name);
    assert.equal(await result((done) => ring.unlinkat(AT_FDCWD, at('none'), 0, done)), errno.ENOENT);
    assert.equal(
      await result((done) => ring.unlinkat(AT_FDCWD, at('sub'), AT_REMOVEDIR, done)),
      errno.ENOTEMPTY,
    );
    assert.equal(await result((done) => ring.mkdirat(AT_FDCWD, at('sub'), 0o700, done)), errno.EEXIST);
    assert.equal(
      await result((done) => ring.renameat(AT_FDCWD, at('none'), AT_FDCWD, at('x'), 0, done)),
      errno.ENOENT,
    );
    assert.equal(
      await result((done) => ring.linkat(AT_FDCWD, at('none'), AT_FDCWD, at('x'), 0, done)),
      errno.ENOENT,
    );
    assert.equal(await result((done) => ring.symlinkat('x', AT_FDCWD, at('sub'), done)), errno.EEXIST);
    assert.deepEqual(fs.readdirSync(dir), ['sub']);
  });

  test('are made, linked, renamed and removed, from a directory descriptor', async (t) => {
    const ring = openRing(t);
    const dir = temporaryDirectory(t);
    const fd = opened(t, dir);
    assert.equal(await result((done) => ring.mkdirat(fd, 'sub', 0o750, done)), 0);
    assert.equal(fs.statSync(join(dir, 'sub')).mode & 0o777, 0o750 & ~process.umask());
    fs.writeFileSync(join(dir, 'file'), 'text');
    assert.equal(await result((done) => ring.linkat(fd, 'file', fd, 'sub/hard', 0, done)), 0);
    assert.equal(fs.statSync(join(dir, 'file')).nlink, 2);
    assert.equal(await result((done) => ring.symlinkat('../file', fd, 'sub/soft', done)), 0);
    assert.equal(fs.readlinkSync(join(dir, 'sub/soft')), '../file');
    assert.equal(await result((done) => ring.renameat(fd, 'sub/hard', fd, 'moved', 0, done)), 0);
    assert.equal(fs.readFileSync(join(dir, 'moved'), 'utf8'), 'text');
    const NOREPLACE = 1;
    assert.equal(
      await result((done) => ring.renameat(fd, 'moved', fd, 'file', NOREPLACE, done)),
      errno.EEXIST,
    );
    assert.equal(await result((done) => ring.unlinkat(fd, 'sub/soft', 0, done)), 0);
    assert.equal(await result((done) => ring.unlinkat(fd, 'sub', AT_REMOVEDIR, done)), 0);
    assert.deepEqual(fs.readdirSync(dir).sort(), ['file', 'moved']);
  });
});

describe('splice', () => {
  test('fails with EBADF, and with EINVAL when neither end is a pipe', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const path = temporaryFile(t, 'text');
    const from = opened(t, path);
    const to = opened(t, path, 'r+');
    const splice = (fdIn: number, fdOut: number) =>
      result((done) => ring.splice(fdIn, -1, fdOut, -1, 4, 0, done));
    assert.equal(await splice(1_000_000, pipe.write), errno.EBADF);
    assert.equal(await splice(from, 1_000_000), errno.EBADF);
    assert.equal(await splice(from, to), errno.EINVAL);
  });

  test('moves bytes from a file into a pipe and on into a file', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const from = opened(t, temporaryFile(t, 'hello, world'));
    const target = temporaryFile(t);
    const to = opened(t, target, 'r+');
    assert.equal(await result((done) => ring.splice(from, 7, pipe.write, -1, 5, 0, done)), 5);
    assert.equal(await result((done) => ring.splice(pipe.read, -1, to, 3n, 100, 0, done)), 5);
    assert.equal(fs.readFileSync(target, 'latin1'), '\0\0\0world');
  });
});
