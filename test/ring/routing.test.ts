// Beside io_uring a pool serves what it serves better (src/ring/routing.ts). Callers see one ring.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { open, Ring } from 'linux-aio';
import { refusal } from '../support/engines.js';
import { CTL, coreOf, ioUring, routing, slots } from '../support/internals.js';
import { occupyPool } from '../support/occupied-pool.js';
import { runProgram } from '../support/program.js';
import { errno, openRing, result, started } from '../support/ring.js';
import {
  directFile,
  NO_DIRECT,
  openDescriptors,
  opened,
  openPipe,
  temporaryDirectory,
  temporaryFile,
} from '../support/temp.js';
import { startWorker } from '../support/worker.js';

const skip = refusal('io_uring');
const { OP } = ioUring;
const { TRAIT } = slots;
const { FileKinds, KIND, Router } = routing;

function routingRing(t: TestContext, options = {}): Ring {
  return openRing(t, { engine: 'io_uring', ...options });
}

/** Requests that io_uring and the pool have been given. */
function served(ring: Ring): [ioUring: number, pool: number] {
  const [primary, companion] = coreOf(ring).ports.all;
  return [primary.submitted, companion?.submitted ?? 0];
}

const stat = (ring: Ring, path: string, out = Buffer.alloc(256)) =>
  result((done) => ring.statx(-100, path, 0, 0xfff, out, done));

/** A path in memory, where cached data waits for a worker of the kernel; null where there is none. */
function fileInMemory(t: TestContext, bytes: number): string | null {
  if (!fs.existsSync('/dev/shm')) return null;
  const dir = fs.mkdtempSync('/dev/shm/linux-aio-');
  t.after(() => fs.rmSync(dir, { recursive: true }));
  const path = join(dir, 'file');
  fs.writeFileSync(path, Buffer.alloc(bytes, 7));
  return path;
}

describe('a ring on io_uring gives the pool', { skip }, () => {
  test('nothing, and opens none, while io_uring serves best', async (t) => {
    const ring = routingRing(t);
    const fd = opened(t, temporaryFile(t, 'text'));
    if (coreOf(ring).ports.all.length > 1) assert.fail('a companion before any request');
    const before = openDescriptors();
    if ((new FileKinds().of(fd) & KIND.WAITS) === 0) {
      assert.equal(await result((done) => ring.read(fd, Buffer.alloc(4), 0, done)), 4);
      assert.deepEqual(served(ring), [1, 0]);
    }
    await result((done) => ring.nop(done));
    assert.equal(coreOf(ring).ports.all.length, 1);
    assert.equal(openDescriptors(), before);
  });

  for (const [name, request] of Object.entries<(ring: Ring, dir: string, fd: number) => Promise<number>>({
    statx: (ring, dir) => stat(ring, dir),
    mkdirat: (ring, dir) => result((done) => ring.mkdirat(-100, join(dir, 'made'), 0o700, done)),
    symlinkat: (ring, dir) => result((done) => ring.symlinkat('target', -100, join(dir, 'link'), done)),
    unlinkat: (ring, dir) => result((done) => ring.unlinkat(-100, join(dir, 'file'), 0, done)),
    renameat: (ring, dir) =>
      result((done) => ring.renameat(-100, join(dir, 'file'), -100, join(dir, 'renamed'), 0, done)),
    linkat: (ring, dir) =>
      result((done) => ring.linkat(-100, join(dir, 'file'), -100, join(dir, 'hard'), 0, done)),
    fallocate: (ring, _dir, fd) => result((done) => ring.fallocate(fd, 0, 0, 8192, done)),
    fadvise: (ring, _dir, fd) => result((done) => ring.fadvise(fd, 0, 0, 0, done)),
    'write of 4 KiB': (ring, _dir, fd) =>
      result((done) => ring.write(fd, Buffer.alloc(4096), 0, done)).then((bytes) => bytes - 4096),
    'writev of 4 KiB': (ring, _dir, fd) =>
      result((done) => ring.writev(fd, [Buffer.alloc(96), Buffer.alloc(4000)], 0, done)).then(
        (n) => n - 4096,
      ),
  })) {
    test(`${name}`, async (t) => {
      const ring = routingRing(t);
      const dir = temporaryDirectory(t);
      const path = join(dir, 'file');
      fs.writeFileSync(path, 'text');
      const fd = opened(t, path, 'r+');
      assert.equal(await request(ring, dir, fd), 0);
      assert.deepEqual(served(ring), [0, 1]);
    });
  }

  test('writes, but not the one after an fsync, unless the file is in memory', async (t) => {
    const ring = routingRing(t);
    const fd = opened(t, temporaryFile(t, 'text'), 'r+');
    const write = () => result((done) => ring.write(fd, Buffer.alloc(4096), 0, done));
    const sync = () => result((done) => ring.fsync(fd, true, done));
    await write();
    assert.deepEqual(served(ring), [0, 1]);
    await sync();
    const before = served(ring);
    await write();
    await write();
    const waits = (new FileKinds().of(fd) & KIND.WAITS) !== 0;
    assert.deepEqual(served(ring), waits ? [before[0], before[1] + 2] : [before[0] + 1, before[1] + 1]);
  });

  test('opens that create, not opens of what exists', async (t) => {
    const ring = routingRing(t);
    const path = temporaryFile(t);
    const open = async (flags: number) => {
      const fd = await result((done) => ring.openat(-100, path, flags, 0o600, done));
      assert.ok(fd >= 0);
      fs.closeSync(fd);
    };
    await open(fs.constants.O_RDONLY);
    assert.deepEqual(served(ring), [1, 0]);
    await open(fs.constants.O_RDWR | fs.constants.O_CREAT);
    await open(fs.constants.O_RDWR | fs.constants.O_TRUNC);
    assert.deepEqual(served(ring), [1, 2]);
  });

  test('what is asked of a number anew, when the file it meant was open for writing', async (t) => {
    const path = fileInMemory(t, 1 << 20);
    if (path === null) return t.skip('no /dev/shm');
    const ring = routingRing(t);
    const first = await open(temporaryFile(t, 'on a disk'), 'r+', undefined, { ring });
    await first.read(Buffer.alloc(4), { position: 0 });
    const { fd } = first;
    await first.close();
    const second = await open(path, 'r+', undefined, { ring });
    t.after(() => second.close());
    assert.equal(second.fd, fd, 'the number was not used again');
    const [, before] = served(ring);
    await second.read(Buffer.alloc(4096), { position: 0 });
    assert.equal(served(ring)[1] - before, 1);
  });

  test('cached reads where io_uring would wake a worker for each: tmpfs', async (t) => {
    const path = fileInMemory(t, 1 << 20);
    if (path === null) return t.skip('no /dev/shm');
    const ring = routingRing(t);
    const fd = opened(t, path);
    const read = (bytes: number) => result((done) => ring.read(fd, Buffer.alloc(bytes), 0, done));
    assert.equal(await read(4096), 4096);
    assert.equal(await read(65_536), 65_536);
    assert.equal(await read(65_537), 65_537);
    assert.deepEqual(served(ring), [0, 3]);
    // Of several large ones the first is over inside the call; of the others the pool has one.
    await Promise.all([read(65_537), read(65_537), read(65_537)]);
    assert.deepEqual(served(ring), [1, 5]);
  });

  test('no O_DIRECT transfers, no large ones, no pipes', async (t) => {
    const ring = routingRing(t);
    const pipe = openPipe(t);
    assert.equal(await result((done) => ring.write(pipe.write, Buffer.from('text'), -1, done)), 4);
    const fd = opened(t, temporaryFile(t), 'r+');
    assert.equal(await result((done) => ring.write(fd, Buffer.alloc(65_537), 0, done)), 65_537);
    assert.deepEqual(served(ring), [2, 0]);
    const direct = directFile(t, 4);
    if (direct === null) return t.diagnostic(NO_DIRECT);
    await result((done) => ring.read(direct, Buffer.alloc(4096), 0, done));
    assert.deepEqual(served(ring), [3, 0]);
  });

  test('small writes while few are in flight, none when many are', async (t) => {
    const ring = routingRing(t);
    const fd = opened(t, temporaryFile(t), 'r+');
    const round = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          result((done) => ring.write(fd, Buffer.alloc(64), i * 64, done)),
        ),
      );
    for (let i = 0; i < 10; i++) await round(5);
    assert.deepEqual(served(ring), [0, 50]);
    await round(16);
    const [, pool] = served(ring);
    assert.ok(pool >= 55 && pool < 66, `${pool}`); // the round of 16: five, and one after each that is over at once
    for (let i = 0; i < 10; i++) await round(16);
    assert.equal(served(ring)[1], pool, 'once there were many, all of them go to io_uring');
    for (let i = 0; i < 200; i++) await round(1);
    assert.ok(served(ring)[1] > pool, 'one at a time again');
  });

  test('syncs in memory, and of files with several writes in flight; one at a time is the disk’s pace', async (t) => {
    const ring = routingRing(t);
    const sync = (fd: number) => result((done) => ring.fsync(fd, true, done));
    const onDisk = opened(t, temporaryFile(t), 'r+');
    if ((new FileKinds().of(onDisk) & KIND.WAITS) === 0) {
      assert.equal(await sync(onDisk), 0);
      assert.deepEqual(served(ring), [1, 0]);
      await Promise.all(
        [0, 1, 2].map((i) => result((done) => ring.write(onDisk, Buffer.alloc(64), i * 64, done))),
      );
      assert.equal(await sync(onDisk), 0);
      assert.deepEqual(served(ring), [2, 3]); // the first write after a sync is io_uring's
    }
    const path = fileInMemory(t, 1);
    if (path === null) return;
    for (const flags of ['r+', 'a']) {
      const [, before] = served(ring);
      assert.equal(await sync(opened(t, path, flags)), 0);
      assert.equal(served(ring)[1], before + 1, flags);
    }
  });

  test('nothing when it is told so', async (t) => {
    const path = temporaryFile(t);
    const without = routingRing(t, { routing: false });
    assert.equal(await stat(without, path), 0);
    assert.deepEqual(served(without), [1, 0]);
    const { stdout } = await runProgram(
      `const before = fs.readdirSync('/proc/self/fd').length;
       const ring = Ring.open({ engine: 'io_uring' });
       const open = fs.readdirSync('/proc/self/fd').length;
       await result((done) => ring.statx(-100, '/', 0, 0xfff, new Uint8Array(256), done));
       console.log(fs.readdirSync('/proc/self/fd').length - open);
       await ring.close();`,
      { env: { LINUX_AIO_ROUTING: '0' } },
    );
    assert.equal(stdout, '0\n', 'descriptors of a pool');
    assert.throws(() => Ring.open({ routing: 'no' as never }), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /options\.routing/,
    });
  });
});

describe('with requests at both', { skip }, () => {
  test('each can be cancelled', async (t) => {
    const ring = routingRing(t, { workers: [1, 1] });
    const release = occupyPool(t, ring);
    const pipe = openPipe(t);
    const path = temporaryFile(t);
    const atPool = started((done) => ring.statx(-100, path, 0, 0xfff, Buffer.alloc(256), done));
    const atUring = started((done) => ring.read(pipe.read, Buffer.alloc(1), -1, done));
    ring.flush();
    assert.equal(await result((done) => ring.cancel(atPool.id, done)), 0);
    assert.equal(await result((done) => ring.cancel(atUring.id, done)), 0);
    assert.deepEqual([await atPool.result, await atUring.result], [errno.ECANCELED, errno.ECANCELED]);
    assert.ok((await release()) >= 0);
  });

  test('wait returns for whichever completes', async (t) => {
    const ring = routingRing(t, { workers: [1, 1] });
    const pipe = openPipe(t);
    const order: string[] = [];
    const release = occupyPool(t, ring);
    ring.read(pipe.read, Buffer.alloc(1), -1, () => order.push('read'));
    assert.equal(ring.wait(1, 30), 0, 'neither');
    fs.writeSync(pipe.write, 'x');
    assert.equal(ring.wait(1, 20_000), 1);
    ring.read(pipe.read, Buffer.alloc(1), -1, () => order.push('never'));
    const opened = release();
    await opened;
    ring.statx(-100, '/', 0, 0xfff, Buffer.alloc(256), () => order.push('stat'));
    assert.equal(ring.wait(1, 20_000), 1);
    assert.deepEqual(order, ['read', 'stat']);
  });

  test('wait for many returns when all are there', (t) => {
    const ring = routingRing(t);
    const fd = opened(t, temporaryFile(t, 'text'));
    let over = 0;
    for (let i = 0; i < 500; i++) {
      ring.statx(-100, '/', 0, 0xfff, Buffer.alloc(256), () => over++);
      ring.read(fd, Buffer.alloc(4), 0, () => over++);
    }
    assert.equal(ring.wait(1000), 1000);
    assert.equal(over, 1000);
    assert.equal(ring.inFlight, 0);
  });

  test('ten thousand at once all complete, and are counted', async (t) => {
    const ring = routingRing(t, { entries: 8 });
    const fd = opened(t, temporaryFile(t, 'text'));
    const answers = await Promise.all(
      Array.from({ length: 5000 }, () => [
        stat(ring, '/'),
        result((done) => ring.read(fd, Buffer.alloc(4), 0, done)),
      ]).flat(),
    );
    assert.deepEqual([...new Set(answers)].sort(), [0, 4]);
    assert.equal(coreOf(ring).staleCompletions, 0);
    const { submitted, completed } = ring.stats;
    assert.deepEqual([submitted, completed], [10_000, 10_000]);
  });

  test('closing ends both, and gives everything back', async () => {
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) {
      const ring = Ring.open({ engine: 'io_uring' });
      const answers: number[] = [];
      ring.timeout(60_000, (value) => answers.push(value));
      for (let k = 0; k < 50; k++)
        ring.statx(-100, '/', 0, 0xfff, Buffer.alloc(256), (value) => answers.push(value));
      await ring.close();
      assert.equal(answers.length, 51);
      assert.equal(
        answers.filter((value) => value !== 0).every((value) => value === errno.ECANCELED),
        true,
      );
    }
    assert.equal(openDescriptors(), before);
  });

  test('an fsync waits for the writes before it, wherever they are', async (t) => {
    const ring = routingRing(t);
    const fd = opened(t, temporaryFile(t), 'r+');
    const order: string[] = [];
    // Many writes: the first go to the pool, the rest to io_uring, the fsync to the pool.
    const writes = Array.from({ length: 64 }, (_, i) =>
      result((done) => ring.write(fd, Buffer.alloc(4096, i), i * 4096, done)).then(() => order.push('write')),
    );
    await result((done) => ring.fsync(fd, false, done));
    order.push('fsync');
    await Promise.all(writes);
    assert.equal(order.indexOf('fsync'), 64);
    const [uring, pool] = served(ring);
    assert.ok(uring > 32 && pool > 1, `${uring} ${pool}`);
  });

  test('a number that is closed and used again does not lead to the other file', async (t) => {
    const ring = routingRing(t, { workers: [1, 1] });
    const release = occupyPool(t, ring);
    const [first, second] = [temporaryFile(t), temporaryFile(t)];
    const fd = fs.openSync(first, 'r+');
    const written = result((done) => ring.write(fd, Buffer.from('first'), 0, done));
    await null; // the turn's requests are handed over; the pool's worker is busy
    fs.closeSync(fd);
    const again = fs.openSync(second, 'r+');
    assert.equal(again, fd);
    await release();
    assert.equal(await written, 5);
    fs.closeSync(again);
    assert.deepEqual([fs.readFileSync(first, 'latin1'), fs.readFileSync(second, 'latin1')], ['first', '']);
  });

  test('unref and ref are about both', async (t) => {
    const unreferenced = (ring: Ring) =>
      coreOf(ring).ports.all.map(({ queues }) => queues.control[CTL.UNREF]);
    const early = routingRing(t).unref();
    await stat(early.ref(), '/');
    assert.deepEqual(unreferenced(early), [0, 0]);
    assert.deepEqual(unreferenced(early.unref()), [1, 1]);
    const late = routingRing(t).unref();
    const kept = setTimeout(() => {}, 20_000); // nothing else keeps the process
    await stat(late, '/');
    clearTimeout(kept);
    assert.deepEqual(unreferenced(late), [1, 1]);
    assert.deepEqual(unreferenced(late.ref()), [0, 0]);
  });

  test('a thread that ends leaves nothing behind', async () => {
    const before = openDescriptors();
    for (let i = 0; i < 10; i++) {
      const worker = startWorker(
        `const ring = Ring.open({ engine: 'io_uring' });
        ring.timeout(60_000, () => {});
        const out = new Uint8Array(256);
        for (let i = 0; i < 300; i++) ring.statx(-100, '/', 0, 0xfff, out, () => {});
        process.exit(0);`,
        null,
      );
      assert.deepEqual(await once(worker, 'exit'), [0]);
    }
    assert.equal(openDescriptors(), before);
  });
});

describe('when the pool', { skip }, () => {
  test('cannot be opened, io_uring serves', async () => {
    const { stdout, stderr } = await runProgram(
      `const ring = Ring.open({ engine: 'io_uring' });
       await result((done) => ring.nop(done));
       const fds = [];
       try { for (;;) fds.push(fs.openSync('/dev/null')); } catch {}
       console.log(await result((done) => ring.statx(-100, '/', 0, 0xfff, new Uint8Array(256), done)));
       for (const fd of fds) fs.closeSync(fd);
       await ring.close();`,
      { limits: 'ulimit -n 64' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: '0\n', stderr: '' });
  });

  test('cannot hold a descriptor, io_uring takes the transfer', async () => {
    const { stdout, stderr } = await runProgram(
      `const path = '/tmp/linux-aio-' + process.pid;
       const fd = fs.openSync(path, 'w+');
       fs.unlinkSync(path);
       const ring = Ring.open({ engine: 'io_uring' });
       console.log(await result((done) => ring.write(fd, Buffer.from('text'), 0, done)));
       const fds = [];
       try { for (;;) fds.push(fs.openSync('/dev/null')); } catch {}
       console.log(await result((done) => ring.write(fd, Buffer.from('text'), 4, done)));
       for (const each of fds) fs.closeSync(each);
       console.log(fs.fstatSync(fd).size);
       await ring.close();`,
      { limits: 'ulimit -n 64' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: '4\n4\n8\n', stderr: '' });
  });

  test('has what the kernel’s io_uring has not, it serves that', () => {
    const ports = {
      routes: true,
      companion: {},
      primary: { engine: { operations: new Set([OP.READ, OP.SHUTDOWN]) } },
    };
    const router = new Router(ports as never, { isSpread: false });
    assert.equal(router.ofOperation(OP.ACCEPT, -1, 0), TRAIT.POOL);
    assert.equal(router.ofOperation(OP.SHUTDOWN, -1, 0), 0);
  });
});

test('opening and closing go to the pool while io_uring does not do them at once', () => {
  const engine = { operations: new Set(Object.values(OP)) };
  const router = new Router({ routes: true, companion: {}, primary: { engine } } as never, {
    isSpread: false,
  });
  for (const op of [OP.OPENAT, OP.CLOSE]) {
    assert.equal(router.ofOperation(op, -1, 0), 0);
    for (let i = 0; i < 4; i++) router.observe(op, false);
    const routes = Array.from({ length: 128 }, () => router.ofOperation(op, -1, 0));
    assert.equal(routes.filter((trait) => trait === 0).length, 2, 'now and then io_uring is tried again');
    router.observe(op, true);
    assert.equal(router.ofOperation(op, -1, 0), 0);
  }
});

test('kinds of descriptors', (t) => {
  const kinds = new FileKinds();
  const pipe = openPipe(t);
  assert.equal(kinds.of(pipe.read), KIND.STREAM);
  assert.equal(kinds.of(-1), KIND.UNKNOWN);
  assert.equal(kinds.of(1 << 20), KIND.UNKNOWN);
  const fd = fs.openSync(temporaryFile(t, 'text'), 'r');
  assert.ok(kinds.of(fd) & KIND.FILE);
  fs.closeSync(fd);
  assert.ok(kinds.of(fd) & KIND.FILE, 'remembered');
  kinds.forget(fd);
  assert.equal(kinds.of(fd), KIND.UNKNOWN, 'closed');
  const path = fileInMemory(t, 1);
  if (path === null) return;
  const inMemory = opened(t, path, fs.constants.O_RDONLY);
  assert.equal(kinds.of(inMemory), KIND.FILE | KIND.WAITS | KIND.MEMORY);
  // To look at it has not read it.
  assert.equal(fs.readSync(inMemory, Buffer.alloc(4)), 1);
});
