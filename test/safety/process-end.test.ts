// The end of the process with requests in flight: at once, with the right exit code, without a crash.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { runProgram } from '../support/program.js';
import { temporaryFile } from '../support/temp.js';

/** Some of everything: reads with and without O_DIRECT, writes, pipes, timers, in the kernel and in user space. */
const BUSY = `
  import { execFileSync } from 'node:child_process';
  const [, path] = process.argv;
  execFileSync('mkfifo', [path + '.pipe']);
  const pipe = fs.openSync(path + '.pipe', 'r+');
  const fd = fs.openSync(path, 'r+');
  let direct = fd;
  try { direct = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT); } catch {}
  const ring = Ring.open({ entries: 32 });
  const start = () => {
    for (let i = 0; i < 300; i++) {
      ring.read(fd, Buffer.alloc(5000), i * 100, () => {});
      ring.read(direct, new Uint8Array(new SharedArrayBuffer(1 << 16)), 0, () => {});
      ring.read(pipe, Buffer.alloc(100), -1, () => {});
      ring.write(fd, Buffer.alloc(200_000), i * 1000, () => {});
      ring.fsync(fd, true, () => {});
      ring.timeout(60_000, () => {});
    }
  };`;

const ENDS: readonly (readonly [name: string, source: string, code: number | null, signal: string | null])[] =
  [
    ['process.exit', `start(); process.exit(3);`, 3, null],
    ['process.exit after the turn', `start(); setTimeout(() => process.exit(4), 5);`, 4, null],
    ['process.exit in a callback', `start(); ring.nop(() => process.exit(5));`, 5, null],
    ['process.exit inside wait', `start(); ring.nop(() => process.exit(6)); ring.wait(10_000);`, 6, null],
    ['process.exitCode on an unref’d ring', `start(); ring.unref(); process.exitCode = 7;`, 7, null],
    ['an uncaught exception', `start(); setImmediate(() => { throw new Error('the end'); });`, 1, null],
    ['a signal', `start(); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 5);`, null, 'SIGTERM'],
    ['process.abort', `start(); process.abort();`, null, 'SIGABRT'],
    [
      'process.exit with rings in worker threads',
      `import { Worker } from 'node:worker_threads';
     let busy = 0;
     for (let i = 0; i < 3; i++) {
       new Worker(\`import(require('node:worker_threads').workerData.url).then(({ Ring }) => {
         const ring = Ring.open();
         for (let i = 0; i < 100; i++) ring.timeout(60_000, () => {});
         require('node:worker_threads').parentPort.postMessage('busy');
       })\`, { eval: true, execArgv: [], workerData: { url: import.meta.resolve('linux-aio') } })
         .on('message', () => { if (++busy === 3) { start(); process.exit(8); } });
     }`,
      8,
      null,
    ],
  ];

describe('a process with requests in flight ends', () => {
  for (const [name, source, code, signal] of ENDS) {
    test(`by ${name}`, async (t) => {
      const outcome = await runProgram(BUSY + source, {
        args: [temporaryFile(t, Buffer.alloc(1 << 20))],
        limits: 'ulimit -c 0',
        timeoutMs: 15_000,
      });
      assert.deepEqual([outcome.code, outcome.signal], [code, signal], outcome.stderr);
      if (name.startsWith('process.exit')) assert.equal(outcome.stderr, '');
    });
  }
});
