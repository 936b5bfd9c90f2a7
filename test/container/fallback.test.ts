// Where io_uring is refused, as in a container by default or under small limits, everything works on the pool, and one
// line on stderr says why.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { DoctorReport } from '../../dist/doctor/report.js';
import { refusal } from '../support/engines.js';
import {
  type Outcome,
  type ProgramOptions,
  packageRoot,
  packageUrl,
  runNode,
  runProgram,
} from '../support/program.js';
import { launched, NO_LAUNCHER, NOT_ROOT } from './launcher.js';

/** The tests' own environment may say something else. */
const AUTO = { LINUX_AIO_ENGINE: '', NODE_NO_WARNINGS: '' };
const NOBODY = '--user=65534';
/** Users of whom there is no other process: the threads of all count together. */
const [SOMEBODY, SOMEBODY_ELSE, A_THIRD] = ['--user=54321', '--user=54322', '--user=54323'];
const aio = join(packageRoot, 'dist', 'cli', 'aio.js');

interface Surroundings {
  options: string[];
  skip: string | false;
  /** what io_uring_setup answers */
  code: string;
  errno: number;
  /** what the line on stderr gives as the reason */
  reason: RegExp;
  seccomp: boolean;
}

const SURROUNDINGS: Readonly<Record<string, Surroundings>> = {
  'a seccomp filter that answers EPERM (Docker, Kubernetes)': {
    options: ['--io-uring=EPERM'],
    skip: NO_LAUNCHER,
    code: 'EPERM',
    errno: -1,
    reason: /seccomp/,
    seccomp: true,
  },
  'a seccomp filter that answers ENOSYS (Podman)': {
    options: ['--io-uring=ENOSYS'],
    skip: NO_LAUNCHER,
    code: 'ENOSYS',
    errno: -38,
    reason: /seccomp/,
    seccomp: true,
  },
  'no locked memory': {
    options: ['--memlock=0', NOBODY],
    skip: NOT_ROOT,
    code: 'ENOMEM',
    errno: -12,
    reason: /locked-memory limit is 0 bytes/,
    seccomp: false,
  },
  'Docker’s filter, and few threads and descriptors': {
    options: ['--io-uring=EPERM', '--nofile=64', '--nproc=40', SOMEBODY],
    skip: NOT_ROOT,
    code: 'EPERM',
    errno: -1,
    reason: /seccomp/,
    seccomp: true,
  },
};

/** A file written and read, a pipe, a blocked read cancelled: on whatever engine there is. */
const WORK = `
  import { execFileSync } from 'node:child_process';
  import { open } from 'linux-aio';
  const dir = fs.mkdtempSync('/tmp/linux-aio-');
  const ring = Ring.open();
  const file = await open(dir + '/file', 'w+', 0o600, { ring });
  const data = Buffer.alloc(100_000, 'abc');
  const { bytesWritten } = await file.write(data, 0, data.length, 0);
  await file.sync();
  const same = data.equals(Buffer.from(await file.readFile()).subarray(0, data.length));
  const missing = await open(dir + '/missing').catch((error) => error.code);
  execFileSync('mkfifo', [dir + '/pipe']);
  const pipe = fs.openSync(dir + '/pipe', 'r+');
  let id;
  const read = result((done) => { id = ring.read(pipe, Buffer.alloc(4), -1, done); });
  const cancelled = [await result((done) => ring.cancel(id, done)), await read];
  await file.close();
  fs.closeSync(pipe);
  fs.rmSync(dir, { recursive: true });
  await ring.close();
  const { engine } = Ring.open();
  console.log(JSON.stringify({ first: ring.engine, second: engine, bytesWritten, same, missing, cancelled }));`;

const WORKED = { bytesWritten: 100_000, same: true, missing: 'ENOENT', cancelled: [0, -125] };

for (const [name, { options, skip, code, errno, reason, seccomp }] of Object.entries(SURROUNDINGS)) {
  describe(name, { skip }, () => {
    const inside: ProgramOptions = { launcher: launched(...options), env: AUTO };

    /** A line, and no more, whatever it says besides. */
    function oneLine(stderr: string): void {
      assert.match(stderr, new RegExp(`^linux-aio: ${code}: [^\n]*'threads'[^\n]*\n$`));
      assert.match(stderr, reason);
    }

    /** Kernels from 5.12 to before about 6.13 do not count rings: there a ring opens without locked memory. */
    function isAllowed(t: TestContext, engine: string): boolean {
      if (code !== 'ENOMEM' || engine !== 'io_uring') return false;
      t.skip('this kernel does not count the memory of rings');
      return true;
    }

    test('auto works on threads, with one line on stderr and none on stdout', async (t) => {
      const { stdout, stderr, code: exit } = await runProgram(WORK, inside);
      assert.equal(exit, 0, stderr);
      const { first, second, ...work } = JSON.parse(stdout);
      if (isAllowed(t, first)) return;
      assert.deepEqual([first, second, work], ['threads', 'threads', WORKED]);
      oneLine(stderr);
    });

    test('the option io_uring is refused with the code and the reason', async (t) => {
      const program = `
        try { console.log(JSON.stringify([Ring.open({ engine: 'io_uring' }).engine])); }
        catch (error) { console.log(JSON.stringify([error.code, error.errno, error.syscall, error.message])); }`;
      const { stdout, stderr } = await runProgram(program, inside);
      const [first, ...rest] = JSON.parse(stdout);
      if (isAllowed(t, first)) return;
      assert.deepEqual([first, rest[0], rest[1], stderr], [code, errno, 'io_uring_setup', '']);
      assert.match(rest[2], reason);
    });

    test('LINUX_AIO_ENGINE forces one: threads without a word, io_uring not at all', async (t) => {
      const quiet = await runProgram(WORK, { ...inside, env: { ...AUTO, LINUX_AIO_ENGINE: 'threads' } });
      const { first, second, ...work } = JSON.parse(quiet.stdout);
      assert.deepEqual([first, second, work, quiet.stderr], ['threads', 'threads', WORKED, '']);

      const program = `
        try { console.log(Ring.open().engine); } catch (error) { console.log(error.code); }`;
      const refused = await runProgram(program, {
        ...inside,
        env: { ...AUTO, LINUX_AIO_ENGINE: 'io_uring' },
      });
      if (isAllowed(t, refused.stdout.trim())) return;
      assert.deepEqual([refused.stdout, refused.stderr], [`${code}\n`, '']);
    });

    test('worker threads add no line', async (t) => {
      const program = `
        import { once } from 'node:events';
        import { Worker } from 'node:worker_threads';
        const source = "import('${packageUrl}').then(({ Ring }) => { \
          const ring = Ring.open(); \
          ring.nop(() => require('node:worker_threads').parentPort.postMessage(ring.engine)); });";
        const engines = [];
        for (const order of ['before', 'after', 'after']) {
          if (order === 'after') engines.push(Ring.open().engine);
          const worker = new Worker(source, { eval: true, execArgv: [] });
          engines.push((await once(worker, 'message'))[0]);
          await worker.terminate();
        }
        console.log(engines.join());`;
      const { stdout, stderr } = await runProgram(program, inside);
      if (isAllowed(t, stdout.split(',')[0])) return;
      assert.equal(stdout, 'threads,threads,threads,threads,threads\n', stderr);
      oneLine(stderr);
    });

    test('NODE_NO_WARNINGS=1 silences the line', async () => {
      const env = { ...AUTO, NODE_NO_WARNINGS: '1' };
      const { stdout, stderr } = await runProgram('console.log(typeof Ring.open().engine);', {
        ...inside,
        env,
      });
      assert.deepEqual([stdout, stderr], ['string\n', '']);
    });

    test('aio doctor names the cause, and nothing that would give more away than io_uring', async (t) => {
      const { stdout, stderr, code: exit } = await runNode([aio, 'doctor', '--json'], inside);
      assert.equal(exit, 0, stderr);
      const report = JSON.parse(stdout) as DoctorReport;
      if (isAllowed(t, report.chosen)) return;
      assert.equal(report.chosen, 'threads');
      assert.deepEqual([report.engines.io_uring.available, report.engines.io_uring.code], [false, code]);
      assert.equal(report.engines.threads.available, true);
      const said = report.advice.map(({ text, command = '' }) => `${text} ${command}`).join('\n');
      assert.match(said, seccomp ? /seccomp/ : /locked-memory limit is 0 bytes/);
      assert.doesNotMatch(said, seccomp ? /io_uring_disabled=|sysctl/ : /seccomp|sysctl/);
      assert.doesNotMatch(stdout + stderr, /unconfined|privileged|SYS_ADMIN/i);
    });

    test('aio doctor for people exits with 0 and says the same', async (t) => {
      const { stdout, code: exit } = await runNode([aio, 'doctor'], inside);
      if (isAllowed(t, /threads/.test(stdout) ? 'threads' : 'io_uring')) return;
      assert.equal(exit, 0);
      assert.match(stdout, seccomp ? /seccomp/ : /locked-memory/);
      assert.doesNotMatch(stdout, /unconfined|privileged/i);
    });

    test('aio bench measures threads and node', async () => {
      const quick = ['--size', '1m', '--iodepth', '4', '--runtime', '30ms', '--ioengine', 'threads,node'];
      const { stdout, stderr, code: exit } = await runNode([aio, 'bench', ...quick], inside);
      assert.equal(exit, 0, stderr);
      assert.match(stdout, / threads +[\d.]+[kM]? /);
      assert.match(stdout, / node +[\d.]+[kM]? /);
    });
  });
}

describe('where a limit leaves no room', () => {
  const opened = (outcome: Outcome) => [outcome.code, outcome.signal, outcome.stdout];

  // The modules are loaded by then, the addon too: what is short is the ring's own.
  test('for a ring’s descriptors, opening one fails with EMFILE, and works again later', {
    skip: NO_LAUNCHER,
  }, async () => {
    const program = `
      await Ring.open({ engine: 'threads' }).close();
      await new Promise((resolve) => setTimeout(resolve, 5));
      const files = [];
      try { for (;;) files.push(fs.openSync('/dev/null')); } catch {}
      const codes = [];
      for (const engine of ['auto', 'io_uring', 'threads']) {
        try { Ring.open({ engine }); codes.push('opened'); } catch (error) { codes.push(error.code); }
      }
      for (const fd of files) fs.closeSync(fd);
      const ring = Ring.open();
      console.log(codes.join(), await result((done) => ring.nop(done)));`;
    const outcome = await runProgram(program, { launcher: launched('--nofile=64'), env: AUTO });
    assert.deepEqual(opened(outcome), [0, null, 'EMFILE,EMFILE,EMFILE 0\n'], outcome.stderr);
  });

  // Node itself needs some eleven. The limit comes down in the running process: to what it has.
  test('for the pool’s threads, every request still ends', { skip: NOT_ROOT }, async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      const dir = fs.mkdtempSync('/tmp/linux-aio-');
      const fd = fs.openSync(dir + '/file', 'w+');
      fs.rmSync(dir, { recursive: true });
      const ring = Ring.open({ engine: 'threads' });
      await new Promise((resolve) => fs.stat('/', resolve)); // libuv's pool has its threads
      execFileSync('prlimit', ['--pid', process.pid, '--nproc=1:1']);
      const all = Array.from({ length: 40 }, (_, i) => i % 2
        ? result((done) => ring.write(fd, Buffer.alloc(100), 100 * i, done))
        : result((done) => ring.fsync(fd, false, done)));
      all.push(result((done) => ring.timeout(5, done)));
      const results = new Set(await Promise.all(all));
      console.log([...results].sort().join());
      await ring.close();`;
    const launcher = launched(SOMEBODY_ELSE, '--nproc=60');
    const outcome = await runProgram(program, { launcher, env: AUTO, timeoutMs: 8000 });
    assert.equal(outcome.signal, null, 'it hangs');
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(outcome.stdout, /^(-\d+|0|100)(,(-\d+|0|100))*\n$/);
  });

  // So is what a profiler does: io_uring gives a worker up that signals interrupted three times while it was made.
  test('for io_uring’s workers, the pool does what it answers ECANCELED for', {
    skip: NOT_ROOT || refusal('io_uring'),
  }, async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { promises } from 'linux-aio/fs';
      const dir = fs.mkdtempSync('/tmp/linux-aio-');
      for (let i = 0; i < 8; i++) fs.writeFileSync(dir + '/' + i, Buffer.alloc(1 << 20, i));
      const ring = defaultRing();
      const fd = fs.openSync(dir + '/0');
      const one = Buffer.alloc(1);
      await new Promise((resolve) => fs.stat('/', resolve)); // libuv's pool has its threads
      await result((done) => ring.statx(-100, '/', 0, 0xfff, Buffer.alloc(256), done)); // and ours one
      execFileSync('prlimit', ['--pid', process.pid, '--nproc=1:1']);
      // To be copied by a worker: more than the first of a batch.
      const large = Array.from({ length: 4 }, () => Buffer.alloc(1 << 20));
      const raw = await Promise.all(large.map((buffer) => result((done) => ring.read(fd, buffer, 0, done))));
      const again = await Promise.all(large.map((buffer) => result((done) => ring.read(fd, buffer, 0, done))));
      const contents = await Promise.all(large.map((_, i) => promises.readFile(dir + '/' + i)));
      fs.rmSync(dir, { recursive: true });
      console.log([...new Set(raw)].sort().join(), [...new Set(again)].join(), contents.every((each, i) => each.every((byte) => byte === i)));`;
    const launcher = launched(A_THIRD, '--nproc=60');
    const outcome = await runProgram(program, { launcher, env: AUTO, timeoutMs: 8000 });
    assert.equal(outcome.signal, null, 'it hangs');
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.equal(outcome.stdout, '-4,1048576 1048576 true\n');
  });
});
