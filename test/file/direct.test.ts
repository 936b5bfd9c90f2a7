// O_DIRECT: alignment found, used and explained; allocate and advise; BufferPool.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { BufferPool, File, open, Ring } from 'linux-aio';
import { addressOf } from '#dist/ring/memory.js';
import { NO_DIRECT, openPipe, temporaryFile } from '../support/temp.js';
import { owned } from './compare.js';

const BLOCK = 4096;

/** A file of `blocks` numbered blocks, opened with O_DIRECT. */
async function directFile(t: TestContext, blocks: number): Promise<File | null> {
  const content = Buffer.alloc(blocks * BLOCK);
  for (let i = 0; i < blocks; i++) content.fill(i + 1, i * BLOCK, (i + 1) * BLOCK);
  try {
    const file = await open(temporaryFile(t, content), 'r+', undefined, { direct: true });
    t.after(() => file.close());
    return file;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EINVAL');
    assert.match(
      (error as Error).message,
      /^EINVAL: invalid argument, open '.*' \(the file system may not support O_DIRECT\)$/,
    );
    return null;
  }
}

describe('a direct file', () => {
  it('tells its alignment; another file has none', async (t) => {
    const file = await directFile(t, 1);
    if (file === null) return t.skip(NO_DIRECT);
    const { memory, offset } = file.alignment!;
    for (const bytes of [memory, offset]) assert.equal(bytes & (bytes - 1), 0);
    assert.ok(offset >= 512 && offset <= 65_536);
    assert.deepEqual(Object.keys(file.alignment!), ['memory', 'offset']);
    const buffered = await open('/dev/null');
    assert.equal(buffered.alignment, null);
    await buffered.close();
  });

  it('reads and writes buffers of a pool', async (t) => {
    const file = await directFile(t, 8);
    if (file === null) return t.skip(NO_DIRECT);
    using pool = new BufferPool({ size: BLOCK, count: 4 });
    const buffer = pool.acquire();
    assert.equal((await file.read(buffer, { position: 3 * BLOCK })).bytesRead, BLOCK);
    assert.ok(buffer.every((byte) => byte === 4));
    assert.equal((await file.write(buffer, { position: 5 * BLOCK })).bytesWritten, BLOCK);
    const list = Array.from({ length: 3 }, (_, i) => ({ buffer: pool.acquire(), position: (i + 4) * BLOCK }));
    assert.deepEqual(await file.readMany(list), [BLOCK, BLOCK, BLOCK]);
    assert.deepEqual(
      list.map((each) => each.buffer[0]),
      [5, 4, 7],
    );
    assert.deepEqual(await file.writeMany(list, { sync: true }), [BLOCK, BLOCK, BLOCK]);
  });

  it('read whole comes in aligned memory', async (t) => {
    const file = await directFile(t, 200);
    if (file === null) return t.skip(NO_DIRECT);
    const content = await file.readFile();
    assert.equal(content.byteLength, 200 * BLOCK);
    for (let i = 0; i < 200; i++) assert.equal(content[i * BLOCK + 17], i + 1, `block ${i}`);
  });

  it('keeps a position of its own, which io_uring does not move', async (t) => {
    const file = await directFile(t, 12);
    if (file === null) return t.skip(NO_DIRECT);
    using pool = new BufferPool({ size: BLOCK, count: 6 });
    const buffers = Array.from({ length: 6 }, () => pool.acquire());
    await Promise.all(buffers.slice(0, 4).map((buffer) => file.read(buffer)));
    assert.deepEqual(
      buffers.slice(0, 4).map((buffer) => buffer[0]),
      [1, 2, 3, 4],
    );
    await file.readv(buffers.slice(4));
    assert.deepEqual(
      buffers.slice(4).map((buffer) => buffer[0]),
      [5, 6],
    );
    await file.readMany([7, 8].map((_, i) => ({ buffer: buffers[i], position: -1 })));
    assert.deepEqual(
      buffers.slice(0, 2).map((buffer) => buffer[0]),
      [7, 8],
    );
    await file.write(buffers[4]);
    await file.writeMany([{ buffer: buffers[5], position: -1 }]);
    await file.writev([buffers[0]], -1);
    assert.equal((await file.read(buffers[1])).bytesRead, BLOCK);
    const content = fs.readFileSync(`/proc/self/fd/${file.fd}`);
    const numbers = Array.from({ length: 12 }, (_, i) => content[i * BLOCK]);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 12]);
    assert.equal((await file.read(buffers[1])).bytesRead, 0);
  });

  it('says what was misaligned: memory, length or position', async (t) => {
    const file = await directFile(t, 2);
    if (file === null) return t.skip(NO_DIRECT);
    const { memory, offset } = file.alignment!;
    using pool = new BufferPool({ size: 2 * BLOCK, count: 1 });
    const whole = pool.acquire();
    const rule = `O_DIRECT needs memory aligned to ${memory} bytes, position and length to ${offset}`;
    const rejects = async (transfer: Promise<unknown>, syscall: string, wrong: string): Promise<void> => {
      await assert.rejects(transfer, {
        code: 'EINVAL',
        errno: -22,
        syscall,
        message: `EINVAL: invalid argument, ${syscall} (${rule}; ${wrong})`,
      });
    };
    await rejects(file.read(whole, 0, 100, 0), 'read', 'the length is 100');
    await rejects(file.read(whole, 0, BLOCK, 100), 'read', 'the position is 100');
    await rejects(file.write(whole, 0, BLOCK, 100), 'write', 'the position is 100');
    const odd = `the buffer begins ${1 % memory || 1} bytes after a multiple, the length is 1`;
    await rejects(file.read(whole, 1, 1, 0), 'read', odd);
    await assert.rejects(file.readMany([{ buffer: whole, position: 1 }]), {
      code: 'EINVAL',
      index: 0,
      message: /the position is 1\)$/,
    });
  });

  it('is recognised by File.fromFd', async (t) => {
    const path = temporaryFile(t, Buffer.alloc(BLOCK));
    let fd: number;
    try {
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
    } catch {
      return t.skip(NO_DIRECT);
    }
    for (const options of [undefined, { direct: true }]) {
      const copy = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
      const file = File.fromFd(copy, options);
      assert.ok(file.alignment!.memory > 0 && file.alignment!.offset > 0);
      await file.close();
    }
    fs.closeSync(fd);
  });

  it('is opened with flags as a number too', async (t) => {
    const path = temporaryFile(t, Buffer.alloc(BLOCK));
    const { O_RDWR, O_DIRECT } = fs.constants;
    try {
      const file = await open(path, O_RDWR | O_DIRECT);
      assert.notEqual(file.alignment, null);
      await file.close();
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EINVAL');
    }
  });
});

describe('allocate', () => {
  it('refuses what is no range or no option', async (t) => {
    const file = await open(temporaryFile(t), 'r+');
    await assert.rejects(file.allocate(-1, 5), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.allocate(0, 0), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.allocate('0' as never, 5), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(file.allocate(0, 2n ** 63n), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.allocate(0, 5, null as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(file.allocate(0, 5, { keepSize: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(file.allocate(0, 5, { punchhole: true } as never), /keepSize, punchHole, zeroRange/);
    await assert.rejects(file.allocate(0, 5, { punchHole: true, zeroRange: true }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    await file.close();
  });

  it('makes a file longer, or with keepSize only its blocks', async (t) => {
    const file = await open(temporaryFile(t, 'content'), 'r+');
    await file.allocate(0, 100_000, { keepSize: true });
    let stats = await file.stat();
    assert.equal(stats.size, 7);
    assert.ok(stats.blocks * 512 >= 100_000);
    await file.allocate(0n, 100_000n);
    stats = await file.stat();
    assert.equal(stats.size, 100_000);
    assert.equal((await file.readFile()).subarray(0, 7).toString(), 'content');
    await file.close();
  });

  it('punches holes and zeros ranges, at the same size', async (t) => {
    for (const options of [{ punchHole: true }, { zeroRange: true }]) {
      const path = temporaryFile(t, Buffer.alloc(64 * 1024, 'x'));
      const file = await open(path, 'r+');
      await file.allocate(8192, 16_384, options);
      const content = fs.readFileSync(path);
      assert.equal(content.byteLength, 64 * 1024);
      assert.deepEqual([content[8191], content[8192], content[24_575], content[24_576]], [120, 0, 0, 120]);
      await file.close();
    }
  });

  it('reports the system’s error', async (t) => {
    const path = temporaryFile(t);
    const file = await open(path, 'r');
    await assert.rejects(file.allocate(0, 10), {
      code: 'EBADF',
      errno: -9,
      syscall: 'fallocate',
      message: 'EBADF: bad file descriptor, fallocate',
    });
    await file.close();
    const writable = await open(path, 'r+');
    await assert.rejects(writable.allocate(2n ** 62n, 10), { code: 'EFBIG', syscall: 'fallocate' });
    await writable.close();
  });
});

describe('advise', () => {
  it('refuses what is no range or no advice', async (t) => {
    const file = await open(temporaryFile(t));
    await assert.rejects(file.advise(-1, 0, 'normal'), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.advise(0, -1, 'normal'), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.advise(5, 2n ** 63n - 5n, 'normal'), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(file.advise(0, 0, 5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(file.advise(0, 0, 'toString' as never), /must be one of: 'normal', 'random'/);
    await file.close();
  });

  it('takes every advice, for short ranges, long ones and all', async (t) => {
    const file = await open(temporaryFile(t, 'x'.repeat(100_000)));
    for (const advice of ['normal', 'sequential', 'random', 'willneed', 'dontneed', 'noreuse'] as const) {
      assert.equal(await file.advise(0, 0, advice), undefined);
      await file.advise(4096, 8192n, advice);
      await file.advise(5n, 5 * 2 ** 30, advice);
      await file.advise(5n, 2n ** 62n, advice);
    }
    assert.equal((await file.readFile()).byteLength, 100_000);
    await file.close();
  });

  it('reports the system’s error', async (t) => {
    const file = owned(t, openPipe(t), 'read');
    await assert.rejects(file.advise(0, 0, 'random'), {
      code: 'ESPIPE',
      errno: -29,
      syscall: 'fadvise',
      message: 'ESPIPE: invalid seek, fadvise',
    });
  });
});

describe('BufferPool', () => {
  const state = (pattern: RegExp) => ({ code: 'ERR_INVALID_STATE', message: pattern });

  it('refuses options that make no pool', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what this test is about
    const make = (options: any) => () => new BufferPool(options);
    assert.throws(make(undefined), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ size: 4096 }), { code: 'ERR_INVALID_ARG_TYPE', message: /options\.count/ });
    assert.throws(make({ size: 0, count: 1 }), { code: 'ERR_OUT_OF_RANGE', message: /options\.size/ });
    assert.throws(make({ size: 1.5, count: 1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(make({ size: 1, count: -1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(make({ size: 1, count: 1, alignment: 3 }), {
      code: 'ERR_OUT_OF_RANGE',
      message: /power of two/,
    });
    assert.throws(make({ size: 1, count: 1, ring: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ size: 1, count: 1, aligment: 512 }), { message: /options\.aligment.*alignment/ });
    assert.throws(make({ size: 2 ** 40, count: 2 ** 10 }), RangeError);
  });

  it('gives buffers of its size, aligned and apart from each other', () => {
    for (const alignment of [undefined, 64, 512, 4096, 2 ** 20]) {
      using pool = new BufferPool({ size: 1000, count: 5, alignment });
      const buffers = Array.from({ length: 5 }, () => pool.acquire());
      for (const [i, buffer] of buffers.entries()) {
        assert.equal(buffer.byteLength, 1000);
        assert.equal(addressOf(buffer) % (alignment ?? 4096), 0);
        buffer.fill(i);
      }
      for (const [i, buffer] of buffers.entries()) assert.ok(buffer.every((byte) => byte === i));
    }
  });

  it('counts what is available, and throws when nothing is', () => {
    using pool = new BufferPool({ size: 10, count: 2 });
    assert.equal(pool.available, 2);
    const first = pool.acquire();
    pool.acquire();
    assert.equal(pool.available, 0);
    assert.throws(() => pool.acquire(), state(/all 2 buffers of the pool are in use/));
    pool.release(first);
    assert.equal(pool.available, 1);
    pool.acquire();
  });

  it('refuses a second release, even when the buffer is in use again by somebody else', () => {
    using pool = new BufferPool({ size: 10, count: 1 });
    const buffer = pool.acquire();
    pool.release(buffer);
    const wrong = { code: 'ERR_INVALID_ARG_VALUE', message: /was released already/ };
    assert.throws(() => pool.release(buffer), wrong);
    const next = pool.acquire();
    assert.equal(next.byteOffset, buffer.byteOffset);
    assert.throws(() => pool.release(buffer), wrong);
    assert.throws(() => pool.release(next.subarray(1)), wrong);
    pool.release(next);
  });

  it('refuses what is not its own', () => {
    using pool = new BufferPool({ size: 10, count: 1 });
    using other = new BufferPool({ size: 10, count: 1 });
    const foreign = { code: 'ERR_INVALID_ARG_VALUE', message: /not a buffer of this pool/ };
    assert.throws(() => pool.release(other.acquire()), foreign);
    assert.throws(() => pool.release(new Uint8Array(10)), foreign);
    assert.throws(() => pool.release('x' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('is of no use once disposed', () => {
    const pool = new BufferPool({ size: 10, count: 2 });
    const buffer = pool.acquire();
    buffer[0] = 7;
    pool[Symbol.dispose]();
    pool[Symbol.dispose]();
    assert.equal(pool.available, 0);
    assert.throws(() => pool.acquire(), state(/the pool is disposed/));
    assert.throws(() => pool.release(buffer), state(/the pool is disposed/));
    assert.equal(buffer[0], 7, 'memory in use stays valid');
  });

  it('notices that its memory was transferred away', () => {
    using pool = new BufferPool({ size: 10, count: 2 });
    const buffer = pool.acquire();
    structuredClone(buffer, { transfer: [buffer.buffer as ArrayBuffer] });
    assert.throws(() => pool.acquire(), state(/memory of the pool was transferred away/));
    pool.release(buffer);
  });

  it('works with a ring of its own, and outlives it', async (t) => {
    const ring = Ring.open();
    using pool = new BufferPool({ size: 8, count: 1, ring });
    const file = await open(temporaryFile(t, 'contents'), 'r', undefined, { ring });
    const buffer = pool.acquire();
    assert.equal((await file.read(buffer, { position: 0 })).bytesRead, 8);
    assert.equal(Buffer.from(buffer).toString(), 'contents');
    await file.close();
    await ring.close();
    pool.release(buffer);
  });
});
