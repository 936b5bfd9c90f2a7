// node build/test/fs/fuzz/run.js [--calls 100000] [--seed 1] [--engine threads] [--node-itself]
//
// The differential fuzzer at length: random calls, valid and invalid, to node:fs and to linux-aio/fs, with the same
// outcome. A difference is reported with the seed of its sequence and the call; --seed N --calls 1 plays it again. A call
// that hangs is reported so as well, with what the threads of the process wait for, and ends the process with SIGKILL.
// `npm run torture -- differential/fs` runs it on every engine, and writes down how much.
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    engine: { type: 'string' },
    'node-itself': { type: 'boolean', default: false },
  },
});
if (values.engine) process.env['LINUX_AIO_ENGINE'] = values.engine;

const { doing } = await import('./watchdog.js');
const { compareSeed, NODE, ours } = await import('./fuzz.js');
const player = values['node-itself'] ? NODE : await ours();
const wanted = Number(values.calls);
let calls = 0;
let failures = 0;
for (let seed = Number(values.seed); calls < wanted && failures < 10; seed++) {
  try {
    calls += await compareSeed(seed, player);
  } catch (error) {
    failures++;
    console.error((error as Error).message);
  }
}
console.log(`${calls} calls without a difference, ${failures} sequences with one`);
process.exitCode = failures > 0 ? 1 : 0;
doing(`the end of the process, after seed ${values.seed} and those that follow it`);
