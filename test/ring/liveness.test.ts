// An idle ring holds nothing; requests in flight keep the process alive until unref() (rule 6).
// Guards queues_sync_reference() and clear_event() in native/queues.c.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { runProgram } from '../support/program.js';
import { temporaryFile } from '../support/temp.js';

/** Runs a program and expects it to end by itself, long before anything times out, having printed `stdout`. */
async function ends(source: string, stdout: string, args: string[] = []): Promise<void> {
  const outcome = await runProgram(source, { timeoutMs: 10_000, args });
  assert.deepEqual(
    { stdout: outcome.stdout, stderr: outcome.stderr, code: outcome.code, signal: outcome.signal },
    { stdout, stderr: '', code: 0, signal: null },
  );
}

describe('the process ends', () => {
  test('with an open ring that was never used', () => ends(`Ring.open(); console.log('end');`, 'end\n'));

  test('with an open ring that has been used', () =>
    ends(
      `const ring = Ring.open(); await result((done) => ring.nop(done));
       await result((done) => ring.timeout(5, done)); console.log('end');`,
      'end\n',
    ));

  test('with the default ring', () =>
    ends(`await result((done) => defaultRing().timeout(1, done)); console.log('end');`, 'end\n'));

  test('with requests in flight on a ring that was unref’d before or after they were made', () =>
    ends(
      `const before = Ring.open().unref();
       before.timeout(60_000, () => console.log('no'));
       const after = Ring.open();
       after.timeout(60_000, () => console.log('no'));
       await new Promise((resolve) => setTimeout(resolve, 5));
       after.unref(); console.log('end');`,
      'end\n',
    ));

  test('when the ring has been closed or disposed of with requests in flight', () =>
    ends(
      `const ring = Ring.open(); ring.timeout(60_000, (value) => console.log(value)); await ring.close();
       const other = Ring.open(); other.timeout(60_000, (value) => console.log(value)); other[Symbol.dispose]();
       console.log('end');`,
      '-125\n-125\nend\n',
    ));
});

describe('the process goes on', () => {
  test('until a request in flight has been delivered', () =>
    ends(`Ring.open().timeout(100, (value) => console.log(value));`, '-62\n'));

  test('until requests that completed at once have been delivered', () =>
    ends(
      `const ring = Ring.open(); let n = 0;
       for (let i = 0; i < 20_000; i++) ring.nop(() => { if (++n === 20_000) console.log(n); });`,
      '20000\n',
    ));

  test('until requests that wait in user space have been delivered', () =>
    ends(
      `import { execFileSync } from 'node:child_process';
       import { tmpdir } from 'node:os';
       const pipe = fs.mkdtempSync(tmpdir() + '/linux-aio-') + '/pipe';
       execFileSync('mkfifo', [pipe]);
       const fd = fs.openSync(pipe, 'r+');
       const ring = Ring.open();
       for (const name of ['first', 'second']) {
         const buffer = Buffer.alloc(1);
         ring.read(fd, buffer, -1, (bytes) => console.log(name, bytes, String(buffer)));
       }
       setTimeout(() => {
         fs.writeSync(fd, 'ab');
         fs.rmSync(pipe);
         fs.rmdirSync(pipe.slice(0, -'/pipe'.length));
       }, 50).unref();`,
      'first 1 a\nsecond 1 b\n',
    ));

  // Completions that another thread posts may be there before anybody has looked: they count until they are read.
  for (const options of ['{}', `{ engine: 'threads' }`, `{ sqpoll: { idle: 20 }, entries: 8 }`]) {
    test(`until the last of thousands of requests has been delivered, with ${options}`, (t) =>
      ends(
        `const ring = Ring.open(${options});
         const fd = fs.openSync(process.argv[1], 'r+');
         let left = 10;
         const round = () => {
           if (left-- === 0) return console.log('all');
           let outstanding = 2000;
           for (let i = 0; i < 2000; i++) {
             ring.write(fd, Uint8Array.of(i), i, () => { if (--outstanding === 0) round(); });
           }
         };
         round();`,
        'all\n',
        [temporaryFile(t)],
      ));
  }

  test('until a request on a ring that was ref’d again has been delivered', () =>
    ends(
      `const ring = Ring.open().unref(); ring.timeout(100, (value) => console.log(value)); ring.ref();`,
      '-62\n',
    ));
});

describe('a ring uses no CPU', () => {
  // 700 ms of wall time; a ring that spins takes all of it, a sleeping process a few milliseconds.
  const measure = (before: string, after = '') => `
    const ring = Ring.open();
    await result((done) => ring.nop(done));
    ${before}
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begin = process.cpuUsage();
    const { wakeups } = ring.stats;
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { user, system } = process.cpuUsage(begin);
    console.log((user + system) / 1000 < 200, ring.stats.wakeups - wakeups);
    ${after}
    await ring.close();`;

  test('when it is idle', () => ends(measure(''), 'true 0\n'));

  test('while a request waits in the kernel', () =>
    ends(measure('ring.timeout(60_000, () => {});'), 'true 0\n'));

  test('when there are many', () =>
    ends(measure('const others = Array.from({ length: 20 }, () => Ring.open());'), 'true 0\n'));
});
