// The addon under AddressSanitizer: out of bounds, freed, freed twice; and under ThreadSanitizer. (What the kernel writes
// they do not see: that is what the canaries of the other files are for.)
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageRoot, packageUrl, runNode } from '../support/program.js';
import { ADDRESS, missing, Sanitized, THREADS } from '../support/sanitizers.js';
import { temporaryDirectory } from '../support/temp.js';

const skip = missing(ADDRESS);
const program = (name: string) => join(packageRoot, 'build', 'test', 'safety', name);

async function runSanitized(t: TestContext, args: string[], sanitizer = ADDRESS) {
  const sanitized = new Sanitized(sanitizer, temporaryDirectory(t));
  const outcome = await runNode(args, { env: sanitized.environment, timeoutMs: 60_000 });
  assert.deepEqual(sanitized.reports(), []);
  return outcome;
}

for (const end of ['idle', 'busy']) {
  test(`the addon makes no invalid access, in a process that ends ${end}`, { skip }, async (t) => {
    const outcome = await runSanitized(t, [program('exercise.js'), end]);
    assert.deepEqual([outcome.stdout, outcome.code], ['exercised\n', 0], outcome.stderr.slice(0, 4000));
  });
}

test('nor at any stage of a request, whatever happens to its buffer', { skip }, async (t) => {
  const { code, stdout, stderr } = await runSanitized(t, [program('buffer-stages.test.js')]);
  assert.equal(code, 0, stdout.slice(-4000) + stderr.slice(0, 4000));
  assert.match(stdout, /^# pass [1-9]/m);
});

test('nor race two threads that catch signals', { skip: missing(THREADS) }, async (t) => {
  // Receivers stand in a list, the newest first: a thread that looks for its own passes those of threads that began later.
  // A message would order the two threads; atomics in JavaScript are none that the sanitizer sees. Node may order them all
  // the same: one round in three has shown nothing.
  const posix = new URL('posix/index.js', packageUrl).href;
  const program = `
    import { Worker } from 'node:worker_threads';
    import * as aio from '${posix}';
    const worker = \`
      const { workerData } = require('node:worker_threads');
      import('${posix}').then((aio) => {
        aio.sigaction(aio.SIGRTMIN + 2, { sa_sigaction() {} });
        Atomics.store(workerData, 0, 1);
        setInterval(() => {}, 1000);
      });\`;
    const alive = setInterval(() => {}, 1000); // catching a signal keeps no process so
    let caught;
    aio.sigaction(aio.SIGRTMIN + 1, { sa_sigaction: () => caught() });
    for (let round = 0; round < 6; round++) {
      const isCatching = new Int32Array(new SharedArrayBuffer(4));
      new Worker(worker, { eval: true, execArgv: [], workerData: isCatching }).unref();
      while (Atomics.load(isCatching, 0) === 0);
      const signal = new Promise((resolve) => { caught = resolve; });
      process.kill(process.pid, aio.SIGRTMIN + 1);
      await signal;
    }
    clearInterval(alive);
    console.log('caught');`;
  const { code, stdout, stderr } = await runSanitized(t, ['--input-type=module', '-e', program], THREADS);
  assert.deepEqual([stdout, code], ['caught\n', 0], stderr);
});
