// Each thread has rings of its own; a child process has none of its parent's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { Ring } from 'linux-aio';
import { runProgram } from '../support/program.js';
import { nextTurn, result } from '../support/ring.js';
import { openDescriptors, openPipe, temporaryFile } from '../support/temp.js';
import { inWorker } from '../support/worker.js';

describe('worker threads', () => {
  test('have each their own default ring, and use it at the same time', async (t) => {
    const path = temporaryFile(t, Buffer.alloc(1 << 16, 'x'));
    const source = `
      const fd = fs.openSync(data);
      const ring = defaultRing();
      let bytes = 0;
      for (let round = 0; round < 200; round++) {
        const reads = Array.from({ length: 50 }, (_, i) =>
          result((done) => ring.read(fd, Buffer.alloc(1000), i * 1000, done)));
        for (const read of await Promise.all(reads)) bytes += read;
      }
      fs.closeSync(fd);
      post(bytes);`;
    await inWorker('post(1)', null); // what the first worker of a process opens for good
    const before = openDescriptors();
    const ring = Ring.open();
    const main = result((done) => ring.timeout(20, done));
    const workers = await Promise.all([1, 2, 3, 4].map(() => inWorker(source, path)));
    assert.deepEqual(workers, new Array(4).fill(200 * 50 * 1000));
    await main;
    await ring.close();
    for (let i = 0; i < 3; i++) await nextTurn();
    assert.equal(openDescriptors(), before, 'the ends of the threads gave their rings back');
  });

  test('end by themselves with an open, idle ring, and with an unref’d busy one', async (t) => {
    const pipe = openPipe(t);
    await inWorker(`Ring.open(); post(1);`, null);
    await inWorker(`Ring.open().unref().read(data, Buffer.alloc(1), -1, () => {}); post(1);`, pipe.read);
    fs.writeSync(pipe.write, 'x');
    assert.equal(fs.readSync(pipe.read, Buffer.alloc(1)), 1, 'the read ended with its thread');
  });

  test('stay alive for their requests', async () => {
    assert.equal(await inWorker(`Ring.open().timeout(50, (value) => post(value));`, null), -62);
  });
});

describe('a child process', () => {
  test('made by child_process.fork with requests in flight disturbs neither side', async () => {
    const { stdout, stderr, code } = await runProgram(`
      import { fork } from 'node:child_process';
      import { tmpdir } from 'node:os';
      const program = tmpdir() + '/linux-aio-fork-' + process.pid + '.mjs';
      fs.writeFileSync(program, \`
        import { Ring } from \${JSON.stringify(import.meta.resolve('linux-aio'))};
        const ring = Ring.open();
        ring.timeout(20, (value) => process.send(value, () => process.disconnect()));\`);
      const ring = Ring.open();
      const timer = result((done) => ring.timeout(300, done));
      const messages = await Promise.all([1, 2, 3].map(() => new Promise((resolve) => {
        fork(program, { execArgv: [] }).on('message', resolve);
      })));
      fs.rmSync(program);
      console.log(messages.join(), await timer, await result((done) => ring.nop(done)));
      await ring.close();`);
    assert.deepEqual({ stdout, stderr, code }, { stdout: '-62,-62,-62 -62 0\n', stderr: '', code: 0 });
  });

  test('inherits no descriptor of a ring', async () => {
    const { stdout } = await runProgram(`
      import { execFileSync } from 'node:child_process';
      const ring = Ring.open();
      ring.timeout(60_000, () => {});
      const open = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
      console.log(/io_uring|eventfd/.test(open));
      await ring.close();`);
    assert.equal(stdout, 'false\n');
  });
});
