// The native engine: what is its own. All that it shares with the others is tested by the other files, which run on
// every engine (LINUX_AIO_ENGINE); here what goes to io_submit and what does not, its errors, and its reservation.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ring, type RingOptions } from 'linux-aio';
import { addressOf, CTL, coreOf } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { errno, openRing, result, started } from '../support/ring.js';
import { alignedView, directFile, NO_DIRECT, opened, openPipe, temporaryFile } from '../support/temp.js';
import { startWorker } from '../support/worker.js';

const { O_APPEND, O_DIRECT, O_RDWR, O_WRONLY } = fs.constants;
const native: RingOptions = { engine: 'native' };
const RESERVED = 512; // completion entries of a ring of the default size
/** For programs and worker threads, which align buffers themselves. */
const memoryModule = new URL('../../../dist/ring/memory.js', import.meta.url).href;
const MAX_NR = '/proc/sys/fs/aio-max-nr';

/** Requests that io_submit has taken over for this ring. */
function submitted(ring: Ring): number {
  return coreOf(ring).ports.primary.queues.control[CTL.AIO_SUBMITTED];
}

function aioNr(): number {
  return Number(fs.readFileSync('/proc/sys/fs/aio-nr', 'latin1'));
}

/** Contexts of io_setup in this process: each has its event ring mapped under this name. */
function contexts(): number {
  return fs.readFileSync('/proc/self/maps', 'latin1').split('/[aio]').length - 1;
}

const block = (): Uint8Array => alignedView(4096, addressOf);
const isAll = (view: Uint8Array, byte: number): boolean => view.every((b) => b === byte);

/** The file of `fd` opened once more. */
const again = (t: TestContext, fd: number, flags: number): number =>
  opened(t, `/proc/self/fd/${fd}`, flags | O_DIRECT);

/** A ring and an O_DIRECT file of `blocks` blocks, each full of its number from 1 on; null where there is none. */
function fixture(t: TestContext, blocks: number, options: RingOptions = native) {
  const readOnly = directFile(t, blocks);
  if (readOnly === null) {
    t.skip(NO_DIRECT);
    return null;
  }
  return { ring: openRing(t, options), fd: again(t, readOnly, O_RDWR) };
}

/** Prefix of a program under strace, with `what` injected; null where strace is missing or not allowed. */
function straced(what: string): string | null {
  const options = `-f -qq -o /dev/null -e trace=io_setup,io_submit -e inject=${what}`;
  const { status } = spawnSync('strace', [...options.split(' '), 'true'], { stdio: 'ignore' });
  return status === 0 ? `set -- strace ${options} "$@"` : null;
}

const NO_STRACE = 'strace is not here, or not allowed';

describe('the engine is refused when', () => {
  const program = `
    try { console.log(Ring.open().engine); } catch ({ code, errno, syscall, message }) {
      console.log(JSON.stringify({ code, errno, syscall, message }));
    }`;
  const env = { LINUX_AIO_ENGINE: 'native' };
  for (const [code, number, message] of [
    ['ENOSYS', -38, /CONFIG_AIO/],
    ['EPERM', -1, /seccomp/],
    ['ENOMEM', -12, /512 requests/],
  ] as const) {
    test(`io_setup answers ${code}`, async (t) => {
      const limits = straced(`io_setup:error=${code}`);
      if (limits === null) return t.skip(NO_STRACE);
      const { stdout, stderr } = await runProgram(program, { env, limits });
      const error = JSON.parse(stdout);
      assert.deepEqual([error.code, error.errno, error.syscall, stderr], [code, number, 'io_setup', '']);
      assert.match(error.message, new RegExp(`^${code}: the engine 'native' is not available, io_setup: `));
      assert.match(error.message, message);
    });
  }

  test('aio-max-nr leaves no room', (t) => {
    const max = fs.readFileSync(MAX_NR, 'latin1');
    try {
      fs.writeFileSync(MAX_NR, max);
    } catch {
      return t.skip('not root, or a read-only /proc');
    }
    const before = contexts();
    let error: unknown;
    // Other processes must not notice: nothing here takes longer than the attempt itself.
    try {
      fs.writeFileSync(MAX_NR, String(aioNr() + RESERVED - 1));
      Ring.open(native);
    } catch (thrown) {
      error = thrown;
    } finally {
      fs.writeFileSync(MAX_NR, max);
    }
    const { code, errno: number, syscall, message } = error as NodeJS.ErrnoException;
    assert.deepEqual([code, number, syscall], ['EAGAIN', -11, 'io_setup']);
    assert.match(message, /io_setup: aio-nr \d+ \+ 512 > aio-max-nr \d+ \(/);
    assert.equal(contexts(), before);
  });

  test('descriptors are short', async () => {
    const { stdout } = await runProgram(
      `await Ring.open().close(); // the addon is loaded
       for (let i = 0; i < 64; i++) try { fs.openSync('/dev/null'); } catch { break; }
       ${program}`,
      { env, limits: 'ulimit -n 64' },
    );
    assert.equal(JSON.parse(stdout).code, 'EMFILE');
  });
});

describe('the engine is chosen', () => {
  test('by its name only, and never by itself', async () => {
    const program = `const engines = [Ring.open().engine, Ring.open({ engine: 'native' }).engine];
      console.log(engines.join(' '));`;
    for (const value of ['', 'auto', 'native']) {
      const { stdout, stderr } = await runProgram(program, { env: { LINUX_AIO_ENGINE: value } });
      const [first, second] = stdout.trim().split(' ');
      assert.equal(first === 'native', value === 'native', stdout);
      assert.equal(second, 'native');
      if (value === 'native') assert.equal(stderr, '');
    }
  });

  test('and has every operation of the pool', (t) => {
    assert.deepEqual(openRing(t, native).operations, openRing(t, { engine: 'threads' }).operations);
  });
});

describe('aio-nr', () => {
  test('counts the completion queue from opening to close', async () => {
    // Other processes may reserve or give back at the same moment: then once more.
    for (let attempt = 0; ; attempt++) {
      const before = aioNr();
      const ring = Ring.open(native);
      const during = aioNr();
      assert.equal(contexts() > 0, true);
      await ring.close();
      const after = aioNr();
      if (during - before === RESERVED && after === before) break;
      assert.ok(attempt < 20, `${before} ${during} ${after}`);
    }
    assert.equal(contexts(), 0);
  });
});

describe('io_submit serves', () => {
  test('O_DIRECT reads and writes, vectors too', async (t) => {
    const f = fixture(t, 16);
    if (!f) return;
    const { ring, fd } = f;
    const views = Array.from({ length: 16 }, block);
    const reads = views.map((view, i) => result((done) => ring.read(fd, view, i * 4096, done)));
    for (const [i, read] of reads.entries()) {
      assert.equal(await read, 4096);
      assert.ok(isAll(views[i], i + 1));
    }
    assert.equal(submitted(ring), 16);
    assert.equal(await result((done) => ring.write(fd, block().fill(99), 4096, done)), 4096);
    assert.equal(await result((done) => ring.writev(fd, [views[6], views[7]], 0x8000, done)), 8192);
    const [a, b] = [block(), block()];
    assert.equal(await result((done) => ring.readv(fd, [a, b], 4096n, done)), 8192);
    assert.ok(isAll(a, 99) && isAll(b, 3));
    assert.equal(await result((done) => ring.readv(fd, [a, b], 0x8000, done)), 8192);
    assert.ok(isAll(a, 7) && isAll(b, 8));
    assert.equal(await result((done) => ring.read(fd, a, 16 * 4096, done)), 0, 'at the end');
    assert.equal(submitted(ring), 21);
  });

  test('large O_DIRECT transfers', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const all = alignedView(64 * 4096, addressOf);
    assert.equal(await result((done) => f.ring.read(f.fd, all, 0, done)), all.length);
    assert.ok(isAll(all.subarray(63 * 4096), 64));
    assert.equal(submitted(f.ring), 1);
  });

  test('fsync and fdatasync of any file', async (t) => {
    const ring = openRing(t, native);
    const fd = opened(t, temporaryFile(t, 'x'), 'r+');
    assert.equal(await result((done) => ring.fsync(fd, false, done)), 0);
    assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    assert.equal(submitted(ring), 2);
  });

  test('more than the queue at once', async (t) => {
    const f = fixture(t, 8, { ...native, entries: 8 });
    if (!f) return;
    const { ring, fd } = f;
    const views = Array.from({ length: 5000 }, block);
    const reads = views.map((view, i) => result((done) => ring.read(fd, view, (i % 8) * 4096, done)));
    for (const [i, read] of reads.entries()) {
      assert.equal(await read, 4096);
      assert.ok(views[i][0] === (i % 8) + 1 && views[i][4095] === (i % 8) + 1);
    }
    assert.equal(submitted(ring), 5000);
  });

  test('a thread that waits for it', (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const { ring, fd } = f;
    const results: number[] = [];
    for (let i = 0; i < 64; i++) ring.read(fd, block(), i * 4096, (value) => results.push(value));
    ring.timeout(5, (value) => results.push(value)); // the pool's
    assert.equal(ring.wait(65, 10_000), 65);
    assert.deepEqual(new Set(results), new Set([4096, errno.ETIME]));
    assert.equal(ring.wait(1, 10), 0);
  });
});

describe('the pool serves', () => {
  test('buffered transfers, pipes, own positions, and fsync of what is no file', async (t) => {
    const ring = openRing(t, native);
    const fd = opened(t, temporaryFile(t, 'buffered'), 'r+');
    const buffer = Buffer.alloc(8);
    assert.equal(await result((done) => ring.read(fd, buffer, 0, done)), 8);
    assert.equal(buffer.toString(), 'buffered');
    assert.equal(await result((done) => ring.write(fd, Buffer.from('B'), 0, done)), 1);
    assert.equal(await result((done) => ring.read(fd, buffer, -1, done)), 8);
    assert.equal(buffer.toString(), 'Buffered');
    const pipe = openPipe(t);
    const read = result((done) => ring.read(pipe.read, buffer, 0, done));
    assert.equal(await result((done) => ring.write(pipe.write, Buffer.from('hello'), 0, done)), 5);
    assert.equal(await read, 5);
    assert.equal(await result((done) => ring.fsync(pipe.read, false, done)), errno.EINVAL);
    assert.equal(submitted(ring), 0);
  });

  test('O_DIRECT at the file’s own position', async (t) => {
    const f = fixture(t, 2);
    if (!f) return;
    const view = block();
    assert.equal(await result((done) => f.ring.read(f.fd, view, -1, done)), 4096);
    assert.equal(await result((done) => f.ring.read(f.fd, view, -1, done)), 4096);
    assert.ok(isAll(view, 2));
    assert.equal(submitted(f.ring), 0);
  });

  test('writes that make a file longer: io_submit would wait for them', async (t) => {
    const f = fixture(t, 4);
    if (!f) return;
    const { ring, fd } = f;
    const appending = again(t, fd, O_RDWR | O_APPEND);
    const four = [block(), block()].map((view) => view.fill(77));
    assert.equal(await result((done) => ring.writev(fd, four, 3 * 4096, done)), 8192);
    assert.equal(await result((done) => ring.write(fd, four[0], 8 * 4096, done)), 4096);
    assert.equal(await result((done) => ring.write(appending, four[0], 0, done)), 4096);
    assert.equal(submitted(ring), 0);
    assert.equal(fs.fstatSync(fd).size, 10 * 4096);
    assert.equal(await result((done) => ring.write(fd, four[0], 9 * 4096, done)), 4096);
    assert.equal(submitted(ring), 1);
  });
});

describe('errors', () => {
  test('a buffer, a length or a position that is not aligned', async (t) => {
    const f = fixture(t, 2);
    if (!f) return;
    const { ring, fd } = f;
    const two = alignedView(8192, addressOf);
    assert.equal(await result((done) => ring.read(fd, two.subarray(1, 4097), 0, done)), errno.EINVAL);
    assert.equal(await result((done) => ring.read(fd, two.subarray(0, 100), 0, done)), errno.EINVAL);
    assert.equal(await result((done) => ring.read(fd, two, 7, done)), errno.EINVAL);
    assert.equal(await result((done) => ring.read(fd, two, 0, done)), 8192);
  });

  test('a request that io_submit refuses fails alone', async (t) => {
    const f = fixture(t, 16);
    if (!f) return;
    const { ring, fd } = f;
    const writeOnly = again(t, fd, O_WRONLY);
    for (const isBad of [(i: number) => i === 7, (i: number) => i % 3 === 0, () => true]) {
      const before = submitted(ring);
      const views = Array.from({ length: 100 }, block);
      const reads = views.map((view, i) =>
        result((done) => ring.read(isBad(i) ? writeOnly : fd, view, (i % 16) * 4096, done)),
      );
      let good = 0;
      for (const [i, read] of reads.entries()) {
        assert.equal(await read, isBad(i) ? errno.EBADF : 4096, `${i}`);
        assert.ok(isAll(views[i], isBad(i) ? 0 : (i % 16) + 1));
        if (!isBad(i)) good++;
      }
      assert.equal(submitted(ring) - before, good);
    }
  });

  test('EAGAIN of io_submit: requests wait, or with nothing to wait for the pool takes them', async (t) => {
    const f = fixture(t, 16);
    if (!f) return;
    for (const when of ['1+2', '2+2', '2+1']) {
      const limits = straced(`io_submit:error=EAGAIN:when=${when}`);
      if (limits === null) return t.skip(NO_STRACE);
      const { stdout, stderr } = await runProgram(
        `const { O_RDONLY, O_DIRECT } = fs.constants;
         const fd = fs.openSync(process.argv[1], O_RDONLY | O_DIRECT);
         const ring = Ring.open({ engine: 'native' });
         const buffer = new ArrayBuffer(1 << 20);
         const { addressOf } = await import(process.argv[2]);
         const first = -addressOf(new Uint8Array(buffer)) & 4095;
         const reads = (i) => result((done) =>
           ring.read(fd, new Uint8Array(buffer, first + (i % 128) * 4096, 4096), (i % 16) * 4096, done));
         const results = new Set();
         for (let round = 0; round < 5; round++) {
           for (const value of await Promise.all(Array.from({ length: 300 }, (_, i) => reads(i)))) results.add(value);
         }
         console.log([...results].join(), ring.inFlight);
         await ring.close();`,
        {
          limits,
          args: [fs.readlinkSync(`/proc/self/fd/${f.fd}`), memoryModule],
        },
      );
      assert.deepEqual([stdout, stderr], ['4096 0\n', '']);
    }
  });
});

describe('cancelling', () => {
  test('a transfer that the kernel has: it goes on to its own result', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const { ring, fd } = f;
    const reads = Array.from({ length: 64 }, (_, i) =>
      started((done) => ring.read(fd, block(), i * 4096, done)),
    );
    ring.flush();
    const answers = reads.map(({ id }) => result((done) => ring.cancel(id, done)));
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      const own = await reads[i].result;
      if (answer === 0) assert.equal(own, errno.ECANCELED);
      else {
        assert.ok(answer === errno.EALREADY || answer === errno.ENOENT, `${answer}`);
        assert.equal(own, 4096);
      }
    }
  });

  test('a request of the pool', async (t) => {
    const ring = openRing(t, native);
    const { id, result: own } = started((done) => ring.timeout(100_000, done));
    assert.equal(await result((done) => ring.cancel(id, done)), 0);
    assert.equal(await own, errno.ECANCELED);
    assert.equal(await result((done) => ring.cancel(id, done)), errno.ENOENT);
  });
});

describe('the end', () => {
  test('close waits for what the kernel has', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const ring = Ring.open(native);
    const results: number[] = [];
    const views = Array.from({ length: 1000 }, block);
    for (const [i, view] of views.entries()) {
      ring.read(f.fd, view, (i % 64) * 4096, (value) => results.push(value));
    }
    ring.timeout(100_000, (value) => results.push(value));
    await ring.close();
    assert.equal(results.length, 1001);
    assert.ok(results.every((value) => value === 4096 || value === errno.ECANCELED));
    assert.ok(results.includes(4096));
  });

  test('so does the end of its scope', (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const before = contexts();
    const results: number[] = [];
    {
      using ring = Ring.open(native);
      for (let i = 0; i < 200; i++) ring.read(f.fd, block(), (i % 64) * 4096, (value) => results.push(value));
    }
    assert.equal(results.length, 200);
    assert.equal(contexts(), before);
  });

  test('worker threads are terminated with O_DIRECT transfers in flight', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const before = contexts();
    for (let i = 0; i < 10; i++) {
      const worker = startWorker(
        `const ring = Ring.open({ engine: 'native' });
         const { addressOf } = await import(data.memory);
         const buffer = new ArrayBuffer(65 * 65536);
         const first = -addressOf(new Uint8Array(buffer)) & 4095;
         const go = (i) => {
           const view = new Uint8Array(buffer, first + i * 65536, 65536);
           ring.read(data.fd, view, (i % 4) * 65536, () => go(i));
         };
         for (let i = 0; i < 64; i++) go(i);
         ring.timeout(60000, () => {});
         post('ready');`,
        { fd: f.fd, memory: memoryModule },
      );
      await once(worker, 'message');
      if (i % 2) await sleep(i);
      await worker.terminate();
    }
    assert.equal(contexts(), before);
  });

  test('a program ends with process.exit and transfers in flight', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    for (let i = 0; i < 3; i++) {
      const { code, signal, stderr, ms } = await runProgram(
        `const fd = fs.openSync(process.argv[1], fs.constants.O_RDONLY | fs.constants.O_DIRECT);
         const ring = Ring.open({ engine: 'native' });
         const { addressOf } = await import(process.argv[2]);
         const buffer = new ArrayBuffer(401 * 4096);
         const first = -addressOf(new Uint8Array(buffer)) & 4095;
         for (let i = 0; i < 400; i++) ring.read(fd, new Uint8Array(buffer, first + i * 4096, 4096), 0, () => {});
         ring.fsync(fd, false, () => {});
         ring.timeout(60000, () => {});
         ring.flush();
         process.exit(7);`,
        { args: [fs.readlinkSync(`/proc/self/fd/${f.fd}`), memoryModule] },
      );
      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
      assert.ok(ms < 4000, `${ms} ms`);
    }
  });

  test('a program ends by itself when nothing is in flight, and not before', async (t) => {
    const f = fixture(t, 64);
    if (!f) return;
    const { code, stdout } = await runProgram(
      `const fd = fs.openSync(process.argv[1], fs.constants.O_RDWR);
       const ring = Ring.open({ engine: 'native' });
       ring.fsync(fd, false, (value) => console.log('synced', value));`,
      { args: [fs.readlinkSync(`/proc/self/fd/${f.fd}`)] },
    );
    assert.deepEqual([code, stdout], [0, 'synced 0\n']);
  });
});
