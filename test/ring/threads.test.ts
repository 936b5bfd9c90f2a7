// The threads engine: what is its own. All that it shares with the others is tested by the other files, which run on
// every engine (LINUX_AIO_ENGINE); here its threads, what it serves without one, and the same results as io_uring's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Done, Ring, type RingOptions } from 'linux-aio';
import { addressOf } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { errno, openRing, result, started } from '../support/ring.js';
import {
  alignedView,
  directFile,
  NO_DIRECT,
  opened,
  openPipe,
  openPipes,
  temporaryFile,
} from '../support/temp.js';
import { startWorker } from '../support/worker.js';

const threads: RingOptions = { engine: 'threads' };
const IDLE_MS = 3000; // native/pool-workers.c and pool-poller.c

/** The pool's threads in this process, of all its rings. */
function poolThreads(name: 'aio-worker' | 'aio-poller'): number {
  const tasks = fs.readdirSync('/proc/self/task');
  return tasks.filter((task) => {
    try {
      return fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim() === name;
    } catch {
      return false; // it has just ended
    }
  }).length;
}

describe('the engine is chosen', () => {
  test('by the option, whatever the environment says', async (t) => {
    const ring = openRing(t, threads);
    assert.equal(ring.engine, 'threads');
    const { stdout } = await runProgram(`console.log(Ring.open({ engine: 'threads' }).engine)`, {
      env: { LINUX_AIO_ENGINE: 'io_uring' },
    });
    assert.equal(stdout, 'threads\n');
  });

  test('by the environment variable, without a word', async () => {
    const program = `const ring = Ring.open(); console.log(ring.engine, await result((done) => ring.nop(done)));`;
    const { stdout, stderr, code } = await runProgram(program, { env: { LINUX_AIO_ENGINE: 'threads' } });
    assert.deepEqual({ stdout, stderr, code }, { stdout: 'threads 0\n', stderr: '', code: 0 });
  });

  test('and one that cannot be had is refused with the reason', async () => {
    const program = `
      await Ring.open({ engine: 'threads' }).close(); // the addon is loaded
      for (let i = 0; i < 64; i++) try { fs.openSync('/dev/null'); } catch { break; }
      try { Ring.open({ engine: 'threads' }); } catch (error) { console.log(error.code, error.message); }`;
    const { stdout } = await runProgram(program, { limits: 'ulimit -n 64' });
    assert.match(stdout, /^EMFILE EMFILE: the engine 'threads' is not available/);
  });
});

test('every operation is there', (t) => {
  assert.equal(openRing(t, threads).operations.length, 26);
});

describe('without a thread', () => {
  test('cached data is read inside the call', async (t) => {
    const before = poolThreads('aio-worker');
    const ring = openRing(t, threads);
    const content = Buffer.from('cached');
    const fd = opened(t, temporaryFile(t, content));
    const buffer = Buffer.alloc(6);
    fs.readSync(fd, buffer, 0, 6, 0);
    if (!servesCachedDataAtOnce(fd)) return t.skip('a file system without RWF_NOWAIT');
    for (const length of [6, 100]) {
      const into = Buffer.alloc(length);
      assert.equal(await result((done) => ring.read(fd, into, 0, done)), 6);
      assert.equal(await result((done) => ring.readv(fd, [into], 0, done)), 6);
      assert.equal(into.toString('latin1', 0, 6), 'cached');
    }
    assert.equal(await result((done) => ring.read(fd, buffer, 100, done)), 0, 'behind the end');
    assert.equal(poolThreads('aio-worker'), before);
  });

  test('what waits in a pipe is read, and what fits into it is written', async (t) => {
    const before = poolThreads('aio-worker') + poolThreads('aio-poller');
    const ring = openRing(t, threads);
    const pipe = openPipe(t);
    assert.equal(await result((done) => ring.write(pipe.write, Buffer.from('hello'), -1, done)), 5);
    const into = Buffer.alloc(9);
    assert.equal(await result((done) => ring.read(pipe.read, into, -1, done)), 5);
    assert.equal(poolThreads('aio-worker') + poolThreads('aio-poller'), before);
  });
});

/** tmpfs and overlayfs answer EOPNOTSUPP. ext4, xfs and btrfs do not. */
function servesCachedDataAtOnce(fd: number): boolean {
  const type = Number(
    execFileSync('stat', ['-f', '-c', '0x%t', `/proc/${process.pid}/fd/${fd}`], { encoding: 'latin1' }),
  );
  return [0xef53, 0x58465342, 0x9123683e].includes(type);
}

describe('threads', () => {
  test('start with the first request that needs one, and never more than asked for', async (t) => {
    const before = poolThreads('aio-worker');
    const ring = openRing(t, { ...threads, workers: [3, 1] });
    assert.equal(poolThreads('aio-worker'), before);
    const fd = opened(t, temporaryFile(t), 'r+');
    let most = 0;
    for (let round = 0; round < 20; round++) {
      const syncs = Array.from({ length: 20 }, () => result((done) => ring.fsync(fd, false, done)));
      most = Math.max(most, poolThreads('aio-worker') - before);
      for (const sync of syncs) assert.equal(await sync, 0);
      most = Math.max(most, poolThreads('aio-worker') - before);
    }
    assert.ok(most >= 1 && most <= 3, `${most} workers`);
  });

  test('end when they are idle, and start again', async (t) => {
    const ring = openRing(t, threads);
    const fd = opened(t, temporaryFile(t), 'r+');
    const count = () => poolThreads('aio-worker') + poolThreads('aio-poller');
    const before = count();
    for (let round = 0; round < 2; round++) {
      await result((done) => ring.fsync(fd, false, done));
      await result((done) => ring.timeout(1, done));
      assert.ok(poolThreads('aio-worker') >= 1 && poolThreads('aio-poller') >= 1);
      if (round === 1) break;
      const deadline = performance.now() + 3 * IDLE_MS;
      while (count() > before && performance.now() < deadline) await sleep(100);
      assert.ok(count() <= before);
    }
  });

  test('end with the ring', async (t) => {
    const before = poolThreads('aio-worker') + poolThreads('aio-poller');
    const fd = opened(t, temporaryFile(t), 'r+');
    const rings = Array.from({ length: 5 }, () => Ring.open(threads));
    for (const ring of rings) {
      await Promise.all([
        result((done) => ring.fsync(fd, false, done)),
        result((done) => ring.timeout(1, done)),
      ]);
    }
    assert.ok(poolThreads('aio-worker') > 0);
    await Promise.all(rings.map((ring) => ring.close()));
    await sleep(20); // the memory is given back in a later turn
    assert.ok(poolThreads('aio-worker') + poolThreads('aio-poller') <= before);
  });

  test('are not used up by what is blocked: pipes, sockets and timers by the thousand', async (t) => {
    const before = poolThreads('aio-worker');
    const ring = openRing(t, { ...threads, workers: [2, 1] });
    const pipes = openPipes(t, 50);
    const blocked: { id: number; result: Promise<number> }[] = [];
    for (let i = 0; i < 1000; i++) {
      const { read } = pipes[i % pipes.length];
      if (i % 2) blocked.push(started((done) => ring.pollAdd(read, 1, done)));
      else blocked.push(started((done) => ring.timeout(100_000, done)));
    }
    for (const { read } of pipes) blocked.push(started((done) => ring.read(read, Buffer.alloc(1), -1, done)));
    const fd = opened(t, temporaryFile(t, 'x'), 'r+');
    for (let i = 0; i < 50; i++) assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    assert.ok(poolThreads('aio-worker') - before <= 2);
    for (const { id, result: own } of blocked) {
      assert.equal(await result((done) => ring.cancel(id, done)), 0);
      assert.equal(await own, errno.ECANCELED);
    }
  });

  test('block all signals: they are the program’s', async (t) => {
    const ring = openRing(t, threads);
    const fd = opened(t, temporaryFile(t), 'r+');
    await Promise.all([
      result((done) => ring.fsync(fd, false, done)),
      result((done) => ring.timeout(1, done)),
    ]);
    for (const task of fs.readdirSync('/proc/self/task')) {
      const status = fs.readFileSync(`/proc/self/task/${task}/status`, 'latin1');
      if (!/^Name:\s*aio-/m.test(status)) continue;
      // All but 9 and 19, which cannot be, and 32 and 33, which are libc's own.
      const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(status)?.[1]}`);
      for (const signal of [1, 2, 10, 15, 17, 29, 34, 64])
        assert.ok((blocked >> BigInt(signal - 1)) & 1n, `${signal}`);
    }
  });
});

test('a request that no worker has begun is cancelled at once', async (t) => {
  const ring = openRing(t, { ...threads, workers: [1, 1] });
  const fd = opened(t, temporaryFile(t, Buffer.alloc(1 << 20)), 'r+');
  let stopped = 0;
  for (let round = 0; round < 20; round++) {
    const requests = Array.from({ length: 40 }, (_, i) =>
      started((done) =>
        i % 4 ? ring.write(fd, Buffer.alloc(65536), 0, done) : ring.fallocate(fd, 1, 0, 4096 * i + 1, done),
      ),
    );
    ring.flush();
    const answers = requests.map(({ id }) => result((done) => ring.cancel(id, done)));
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      const own = await requests[i].result;
      if (answer === 0) {
        assert.equal(own, errno.ECANCELED);
        stopped++;
      } else {
        assert.ok(answer === errno.ENOENT || answer === errno.EALREADY, `${answer}`);
        assert.ok(own >= 0 || (answer === errno.EALREADY && own === errno.ECANCELED), `${own}`);
      }
    }
  }
  assert.ok(stopped > 0);
});

test('more completions than the queue holds arrive one after the other', async (t) => {
  const ring = openRing(t, { ...threads, entries: 8 });
  const results = Array.from({ length: 3000 }, (_, i) => result((done) => ring.timeout(i % 5, done)));
  assert.deepEqual(new Set(await Promise.all(results)), new Set([errno.ETIME]));
});

test('O_DIRECT and large transfers arrive whole', async (t) => {
  const fd = directFile(t, 64);
  if (fd === null) return t.skip(NO_DIRECT);
  const ring = openRing(t, threads);
  const views = Array.from({ length: 64 }, () => alignedView(4096, addressOf));
  const reads = views.map((view, i) => result((done) => ring.read(fd, view, i * 4096, done)));
  for (const [i, read] of reads.entries()) {
    assert.equal(await read, 4096);
    assert.ok(views[i].every((byte) => byte === i + 1));
  }
  const all = alignedView(64 * 4096, addressOf);
  assert.equal(await result((done) => ring.read(fd, all, 0, done)), all.length);
});

describe('a program ends', () => {
  const busy = `
    const dir = fs.mkdtempSync((await import('node:os')).tmpdir() + '/linux-aio-');
    const fd = fs.openSync(dir + '/file', 'w+');
    fs.rmSync(dir, { recursive: true });
    const ring = Ring.open({ engine: 'threads', workers: [4, 1] });
    for (let i = 0; i < 200; i++) {
      ring.write(fd, Buffer.alloc(65536), i * 65536, () => {});
      ring.timeout(60000, () => {});
      if (i % 20 === 0) ring.fsync(fd, false, () => {});
    }
    ring.pollAdd(fs.openSync('/dev/ptmx', 'r+'), 1, () => {});
    ring.flush();`;

  test('with process.exit, its pool busy and blocked', async () => {
    for (let i = 0; i < 5; i++) {
      const { code, signal, stderr, ms } = await runProgram(`${busy}\nprocess.exit(7);`);
      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
      assert.ok(ms < 4000, `${ms} ms`);
    }
  });

  test('by itself when nothing is in flight, though threads are idle', async () => {
    const program = `
      const ring = Ring.open({ engine: 'threads' });
      await result((done) => ring.statx(-100, '/', 0, 0x7ff, Buffer.alloc(256), done));
      await result((done) => ring.timeout(1, done));`;
    const { code, ms } = await runProgram(program);
    assert.equal(code, 0);
    assert.ok(ms < 2500, `${ms} ms`);
  });
});

test('worker threads are terminated while their pools are busy and blocked', async (t) => {
  const before = poolThreads('aio-worker') + poolThreads('aio-poller');
  const fd = opened(t, temporaryFile(t), 'r+');
  for (let i = 0; i < 20; i++) {
    const worker = startWorker(
      `const ring = Ring.open({ engine: 'threads' });
       const fill = () => {
         for (let i = 0; i < 30; i++) ring.write(data, Buffer.alloc(65536), i * 65536, () => {});
         ring.timeout(60000, () => {});
         ring.fsync(data, false, fill);
       };
       fill();
       post('ready');`,
      fd,
    );
    await once(worker, 'message');
    if (i % 2) await sleep(i);
    await worker.terminate();
  }
  assert.ok(poolThreads('aio-worker') + poolThreads('aio-poller') <= before);
});

// ── the same results as io_uring's ───────────────────────────────────────────────────────────────────────────────

type Start = (ring: Ring, done: Done) => number;

/** The result, or the word that it waits: then it is cancelled. */
async function outcome(ring: Ring, start: Start): Promise<number | 'waits'> {
  const request = started((done) => start(ring, done));
  const first = await Promise.race([request.result, sleep(60, 'waits' as const)]);
  if (first !== 'waits') return first;
  ring.cancel(request.id, () => {});
  await request.result;
  return 'waits';
}

interface Fixture {
  file: number;
  readOnly: number;
  directory: number;
  fifo: number;
  nonblocking: number;
  socket: number;
  peer: number;
  dir: string;
}

const buffer = Buffer.alloc(20_000);
const large = Buffer.alloc(200_000);
const status = Buffer.alloc(256);
const AT_FDCWD = -100;

/** In order: later ones find what earlier ones have left behind. */
const QUIRKS: Readonly<Record<string, (f: Fixture) => Start>> = {
  'pollAdd of a file': (f) => (ring, done) => ring.pollAdd(f.file, 1, done),
  'pollAdd of a file for what it never reports': (f) => (ring, done) => ring.pollAdd(f.file, 2, done),
  'pollAdd of a file for nothing': (f) => (ring, done) => ring.pollAdd(f.file, 0, done),
  'pollAdd of an empty pipe': (f) => (ring, done) => ring.pollAdd(f.fifo, 1, done),
  'pollAdd of a pipe with room': (f) => (ring, done) => ring.pollAdd(f.fifo, 4, done),
  'read of an empty pipe': (f) => (ring, done) => ring.read(f.fifo, buffer, -1, done),
  'read of an empty pipe at 0': (f) => (ring, done) => ring.read(f.fifo, buffer, 0, done),
  'read of an empty O_NONBLOCK pipe': (f) => (ring, done) => ring.read(f.nonblocking, buffer, -1, done),
  'write to a pipe': (f) => (ring, done) => ring.write(f.fifo, buffer.subarray(0, 10), -1, done),
  'write to a pipe at 5': (f) => (ring, done) => ring.write(f.fifo, buffer.subarray(0, 10), 5, done),
  'read of a pipe at 1000': (f) => (ring, done) => ring.read(f.fifo, buffer.subarray(0, 100), 1000, done),
  'write of more than a pipe holds': (f) => (ring, done) => ring.write(f.fifo, large, -1, done),
  'write to a full pipe': (f) => (ring, done) => ring.write(f.fifo, buffer, -1, done),
  'write to a full O_NONBLOCK pipe': (f) => (ring, done) => ring.write(f.nonblocking, buffer, -1, done),
  'read of more than is in a pipe': (f) => (ring, done) => ring.readv(f.fifo, [large], -1, done),
  'read of nothing': (f) => (ring, done) => ring.read(f.file, buffer.subarray(0, 0), 0, done),
  'write of nothing': (f) => (ring, done) => ring.write(f.file, buffer.subarray(0, 0), 0, done),
  'read up to the end': (f) => (ring, done) => ring.read(f.file, buffer, 5000, done),
  'read behind the end': (f) => (ring, done) => ring.read(f.file, buffer, 50_000, done),
  'read at 2^63-1': (f) => (ring, done) => ring.read(f.file, buffer, 2n ** 63n - 1n, done),
  'write at 2^63-1': (f) => (ring, done) => ring.write(f.file, buffer, 2n ** 63n - 1n, done),
  'write at 2^62': (f) => (ring, done) => ring.write(f.file, buffer, 2n ** 62n, done),
  'write to a read-only descriptor': (f) => (ring, done) => ring.write(f.readOnly, buffer, 0, done),
  'read of a directory': (f) => (ring, done) => ring.read(f.directory, buffer, 0, done),
  'read of a directory at its own position': (f) => (ring, done) => ring.read(f.directory, buffer, -1, done),
  'readv of no buffers': (f) => (ring, done) => ring.readv(f.file, [], 0, done),
  'readv of 1025 buffers': (f) => (ring, done) =>
    ring.readv(f.file, Array(1025).fill(buffer.subarray(0, 1)), 0, done),
  'readv of 1024 buffers': (f) => (ring, done) =>
    ring.readv(f.file, Array(1024).fill(buffer.subarray(0, 1)), 0, done),
  'fsync of a pipe': (f) => (ring, done) => ring.fsync(f.fifo, false, done),
  'fsync of a directory': (f) => (ring, done) => ring.fsync(f.directory, false, done),
  'send to a file': (f) => (ring, done) => ring.send(f.file, buffer, 0, done),
  'recv from a pipe': (f) => (ring, done) => ring.recv(f.fifo, buffer, 0, done),
  'accept on a file': (f) => (ring, done) => ring.accept(f.file, 0, done),
  'accept on a connected socket': (f) => (ring, done) => ring.accept(f.socket, 0, done),
  'accept with unknown flags': (f) => (ring, done) => ring.accept(f.socket, 1, done),
  'connect of a file': (f) => (ring, done) => ring.connect(f.file, Buffer.alloc(16), done),
  'connect of a connected socket': (f) => (ring, done) =>
    ring.connect(f.socket, Buffer.from([2, 0, 0, 1, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), done),
  'shutdown of a file': (f) => (ring, done) => ring.shutdown(f.file, 0, done),
  'recv of an idle socket': (f) => (ring, done) => ring.recv(f.socket, buffer, 0, done),
  'recv with MSG_DONTWAIT': (f) => (ring, done) => ring.recv(f.socket, buffer, 0x40, done),
  'read of an idle socket': (f) => (ring, done) => ring.read(f.socket, buffer, -1, done),
  'write to a socket at 7': (f) => (ring, done) => ring.write(f.peer, Buffer.from('hello'), 7, done),
  'write to a socket at 0': (f) => (ring, done) => ring.write(f.peer, Buffer.from('hello'), 0, done),
  'recv with MSG_PEEK': (f) => (ring, done) => ring.recv(f.socket, buffer, 2, done),
  'recv with MSG_WAITALL of more than there is': (f) => (ring, done) =>
    ring.recv(f.socket, buffer.subarray(0, 10), 0x100, done),
  'fallocate with an unknown mode': (f) => (ring, done) => ring.fallocate(f.file, 0x1000, 0, 20_000, done),
  'fallocate of nothing': (f) => (ring, done) => ring.fallocate(f.file, 0, 0, 0, done),
  'fallocate of a pipe': (f) => (ring, done) => ring.fallocate(f.fifo, 0, 0, 10, done),
  'fadvise with unknown advice': (f) => (ring, done) => ring.fadvise(f.file, 0, 0, 99, done),
  'fadvise of a pipe': (f) => (ring, done) => ring.fadvise(f.fifo, 0, 0, 3, done),
  'ftruncate of a read-only descriptor': (f) => (ring, done) => ring.ftruncate(f.readOnly, 10, done),
  'ftruncate to 2^62': (f) => (ring, done) => ring.ftruncate(f.file, 2n ** 62n, done),
  'statx of a descriptor': (f) => (ring, done) => ring.statx(f.file, '', 0x1000, 0x7ff, status, done),
  'statx of an empty path': (f) => (ring, done) => ring.statx(f.file, '', 0, 0x7ff, status, done),
  'openat of a directory for writing': (f) => (ring, done) => ring.openat(AT_FDCWD, f.dir, 1, 0, done),
  'openat of what exists, exclusively': (f) => (ring, done) =>
    ring.openat(AT_FDCWD, `${f.dir}/file`, fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600, done),
  mkdirat: (f) => (ring, done) => ring.mkdirat(AT_FDCWD, `${f.dir}/made`, 0o755, done),
  'mkdirat again': (f) => (ring, done) => ring.mkdirat(AT_FDCWD, `${f.dir}/made`, 0o755, done),
  'unlinkat of a directory': (f) => (ring, done) => ring.unlinkat(AT_FDCWD, `${f.dir}/made`, 0, done),
  'unlinkat with unknown flags': (f) => (ring, done) => ring.unlinkat(AT_FDCWD, `${f.dir}/made`, 0x400, done),
  'unlinkat with AT_REMOVEDIR': (f) => (ring, done) => ring.unlinkat(AT_FDCWD, `${f.dir}/made`, 0x200, done),
  symlinkat: (f) => (ring, done) => ring.symlinkat('target', AT_FDCWD, `${f.dir}/symbolic`, done),
  linkat: (f) => (ring, done) => ring.linkat(AT_FDCWD, `${f.dir}/file`, AT_FDCWD, `${f.dir}/hard`, 0, done),
  'renameat with RENAME_NOREPLACE': (f) => (ring, done) =>
    ring.renameat(AT_FDCWD, `${f.dir}/hard`, AT_FDCWD, `${f.dir}/symbolic`, 1, done),
  'renameat with unknown flags': (f) => (ring, done) =>
    ring.renameat(AT_FDCWD, `${f.dir}/hard`, AT_FDCWD, `${f.dir}/symbolic`, 99, done),
  'splice of a file into a pipe': (f) => (ring, done) => ring.splice(f.file, 0, f.fifo, -1, 100, 0, done),
  'splice of a pipe into a file': (f) => (ring, done) => ring.splice(f.fifo, -1, f.file, 0, 100, 0, done),
  'splice of an empty pipe': (f) => (ring, done) => ring.splice(f.fifo, -1, f.file, 0, 100, 0, done),
  'splice of an empty pipe with SPLICE_F_NONBLOCK': (f) => (ring, done) =>
    ring.splice(f.fifo, -1, f.file, 0, 100, 2, done),
  'splice of an empty O_NONBLOCK pipe': (f) => (ring, done) =>
    ring.splice(f.nonblocking, -1, f.file, 0, 100, 0, done),
  'splice of a file into a file': (f) => (ring, done) => ring.splice(f.file, 0, f.file, 0, 100, 0, done),
  'splice of a pipe at an offset': (f) => (ring, done) => ring.splice(f.fifo, 5, f.file, 0, 100, 0, done),
  'splice behind the end': (f) => (ring, done) => ring.splice(f.file, 100_000, f.fifo, -1, 10, 0, done),
  'a bad descriptor': () => (ring, done) => ring.read(99_999, buffer, 0, done),
  'pollAdd of a bad descriptor': () => (ring, done) => ring.pollAdd(99_999, 1, done),
  'splice into a bad descriptor': (f) => (ring, done) => ring.splice(f.file, 0, 99_999, -1, 10, 0, done),
  'close of a bad descriptor': () => (ring, done) => ring.close(99_999, done),
};

async function fixture(t: TestContext): Promise<Fixture> {
  const path = temporaryFile(t, 'x'.repeat(10_000));
  const dir = path.slice(0, path.lastIndexOf('/'));
  execFileSync('mkfifo', [`${dir}/fifo`]);
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new net.Socket();
  client.pause();
  client.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  if (client.connecting) await once(client, 'connect');
  t.after(() => {
    client.destroy();
    peer.destroy();
    server.close();
  });
  const number = (socket: object) => (socket as { _handle: { fd: number } })._handle.fd;
  return {
    file: opened(t, path, 'r+'),
    readOnly: opened(t, path),
    directory: opened(t, dir),
    fifo: opened(t, `${dir}/fifo`, 'r+'),
    nonblocking: opened(t, `${dir}/fifo`, fs.constants.O_RDWR | fs.constants.O_NONBLOCK),
    socket: number(client),
    peer: number(peer),
    dir,
  };
}

async function outcomes(
  t: TestContext,
  engine: 'io_uring' | 'threads',
): Promise<Record<string, number | 'waits'>> {
  const ring = openRing(t, { engine });
  const f = await fixture(t);
  const found: Record<string, number | 'waits'> = {};
  for (const [name, start] of Object.entries(QUIRKS)) found[name] = await outcome(ring, start(f));
  return found;
}

test('results are those of io_uring, its quirks included', async (t) => {
  let expected: Record<string, number | 'waits'>;
  try {
    expected = await outcomes(t, 'io_uring');
  } catch (error) {
    return t.skip(`io_uring is not available: ${(error as Error).message}`);
  }
  assert.deepEqual(await outcomes(t, 'threads'), expected);
});
