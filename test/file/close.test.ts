// Closing a File: by hand, twice, with operations in flight, with `await using`, and by the garbage collector.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { type FileHandle, open as nodeOpen } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { File, open, Ring } from 'linux-aio';
import { openPipe, temporaryFile } from '../support/temp.js';
import { outcome, owned } from './compare.js';

/** All that FileHandle has without --experimental-stream-iter. */
type Members = Exclude<keyof FileHandle, 'pull' | 'pullSync' | 'writer' | keyof NodeJS.EventEmitter>;

const isOpen = (fd: number): boolean => fs.existsSync(`/proc/self/fd/${fd}`);
const METHODS = [
  'appendFile', 'chmod', 'chown', 'datasync', 'read', 'readFile', 'readv', 'stat', 'sync', 'truncate', 'utimes',
  'write', 'writeFile', 'writev',
] as const; // biome-ignore format: a list

describe('a closed File', () => {
  it('refuses every method as FileHandle does', async (t) => {
    const path = temporaryFile(t);
    const theirs = await nodeOpen(path);
    const ours = await open(path);
    await Promise.all([theirs.close(), ours.close()]);
    for (const method of METHODS) {
      const call = (handle: FileHandle) => outcome(() => (handle[method] as () => unknown)());
      assert.deepStrictEqual(await call(ours as unknown as FileHandle), await call(theirs), method);
    }
    for (const method of [
      'createReadStream',
      'createWriteStream',
      'readLines',
      'readableWebStream',
    ] as const) {
      const call = (handle: FileHandle) => outcome(() => handle[method]());
      assert.deepStrictEqual(await call(ours as unknown as FileHandle), await call(theirs), method);
    }
  });

  it('refuses the methods that FileHandle lacks in the same way', async (t) => {
    const file = await open(temporaryFile(t));
    await file.close();
    const closed = (syscall: string) => ({ code: 'EBADF', message: 'file closed', syscall });
    await assert.rejects(file.readMany([]), closed('readMany'));
    await assert.rejects(file.writeMany([]), closed('writeMany'));
    await assert.rejects(file.allocate(0, 1), closed('fallocate'));
    await assert.rejects(file.advise(0, 0, 'normal'), closed('fadvise'));
  });

  it('has the descriptor -1, is closed again without an error, and emitted close once', async (t) => {
    const file = await open(temporaryFile(t));
    const { fd } = file;
    let closes = 0;
    file.on('close', () => closes++);
    const first = file.close();
    assert.equal(file.fd, -1);
    assert.equal(closes, 1);
    await first;
    assert.equal(isOpen(fd), false);
    assert.equal(await file.close(), undefined);
    assert.equal(closes, 1);
  });
});

describe('close', () => {
  it('waits for the operations in flight, and meanwhile gives the same promise', async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'read');
    const { fd } = file;
    const reading = file.read(Buffer.alloc(10));
    let isClosed = false;
    const closing = file.close().then(() => {
      isClosed = true;
    });
    assert.equal(file.close(), file.close());
    await sleep(20);
    assert.equal(isClosed, false);
    assert.ok(isOpen(fd));
    fs.writeSync(pipe.write, 'data');
    assert.equal((await reading).bytesRead, 4);
    await closing;
    assert.equal(file.fd, -1);
    assert.equal(isOpen(fd), false);
  });

  it('lets a stream that still writes finish, as FileHandle does', async (t) => {
    const path = temporaryFile(t);
    const file = await open(path, 'w');
    const stream = file.createWriteStream();
    const data = Buffer.alloc(1_000_000, 'x');
    stream.write(data);
    stream.write(data);
    await file.close();
    assert.equal(fs.statSync(path).size, 2_000_000);
  });

  it('may be passed on without its File', async (t) => {
    const { close } = await open(temporaryFile(t));
    await close();
  });

  it('rejects with EBADF when somebody else has closed the descriptor', async (t) => {
    const file = await open(temporaryFile(t));
    fs.closeSync(file.fd);
    await assert.rejects(file.close(), {
      code: 'EBADF',
      errno: -9,
      syscall: 'close',
      message: 'EBADF: bad file descriptor, close',
    });
    await file.close();
  });

  it('works after the ring is closed; everything else says that it is', async (t) => {
    const ring = Ring.open();
    const file = await open(temporaryFile(t, 'x'), 'r+', undefined, { ring });
    const { fd } = file;
    await ring.close();
    await assert.rejects(file.read(Buffer.alloc(1)), { code: 'ERR_USE_AFTER_CLOSE' });
    await assert.rejects(file.write(Buffer.alloc(1)), { code: 'ERR_USE_AFTER_CLOSE' });
    await assert.rejects(file.readMany([{ buffer: Buffer.alloc(1), position: 0 }]), {
      code: 'ERR_USE_AFTER_CLOSE',
    });
    await assert.rejects(file.sync(), { code: 'ERR_USE_AFTER_CLOSE' });
    await file.close();
    assert.equal(isOpen(fd), false);
  });

  it('is what Symbol.asyncDispose does', async (t) => {
    const file = await open(temporaryFile(t));
    const { fd } = file;
    await file[Symbol.asyncDispose]();
    assert.equal(isOpen(fd), false);
  });
});

describe('a File that is never closed', () => {
  it('is closed by the garbage collector, with a warning', {
    skip: !globalThis.gc && 'needs --expose-gc',
  }, async (t) => {
    const path = temporaryFile(t);
    const fd = await (async () => (await open(path)).fd)();
    const warned = once(process, 'warning');
    for (let i = 0; i < 50 && isOpen(fd); i++) {
      await sleep(5);
      globalThis.gc!();
    }
    const [warning] = (await warned) as [Error];
    assert.equal(warning.message, `Closing file descriptor ${fd} on garbage collection`);
    await sleep(5);
    assert.equal(isOpen(fd), false);
  });

  it('stays open while an operation of it is in flight', {
    skip: !globalThis.gc && 'needs --expose-gc',
  }, async (t) => {
    const pipe = openPipe(t);
    const { read } = pipe;
    pipe.read = -1; // the File's, which the test must not refer to
    const reading = (() => File.fromFd(read).read(Buffer.alloc(10)))();
    const warned = once(process, 'warning');
    for (let i = 0; i < 10; i++) {
      await sleep(2);
      globalThis.gc!();
    }
    fs.writeSync(pipe.write, 'data');
    assert.equal((await reading).bytesRead, 4);
    await warned;
  });
});

describe('File', () => {
  it('is shown with its descriptor', async (t) => {
    const { inspect } = await import('node:util');
    const file = await open(temporaryFile(t));
    assert.equal(inspect(file), `File { fd: ${file.fd} }`);
    await file.close();
    assert.equal(inspect(file), 'File { fd: -1 }');
  });

  it('has an async id of its own, which does not change', async (t) => {
    const path = temporaryFile(t);
    const [a, b] = [await open(path), await open(path)];
    assert.equal(typeof a.getAsyncId(), 'number');
    assert.equal(a.getAsyncId(), a.getAsyncId());
    assert.notEqual(a.getAsyncId(), b.getAsyncId());
    await a.close();
    await b.close();
    assert.equal(typeof a.getAsyncId(), 'number');
  });

  it('cannot be posted to another thread by accident', async (t) => {
    const file = await open(temporaryFile(t));
    assert.throws(() => structuredClone(file), { name: 'DataCloneError' });
    await file.close();
  });

  it('has every member of FileHandle', async (t) => {
    const path = temporaryFile(t);
    const [theirs, ours] = [await nodeOpen(path), await open(path)];
    const typed: Pick<FileHandle, Members> = ours; // in TypeScript too
    assert.equal(typed, ours);
    const prototype = Object.getPrototypeOf(theirs);
    const missing = [...Object.getOwnPropertyNames(prototype), ...Object.keys(theirs)].filter(
      (name) => !(name in ours) && !name.startsWith('_'),
    );
    assert.deepEqual(missing, []);
    await Promise.all([theirs.close(), ours.close()]);
  });
});
