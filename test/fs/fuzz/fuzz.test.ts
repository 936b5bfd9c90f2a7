// A sample of the differential fuzzer: `npm run torture -- differential/fs` plays 100,000 calls on each engine.
import test, { describe } from 'node:test';
import { compareSeed, ours } from './fuzz.js';

/** LINUX_AIO_SEED=7,8 plays those alone, to see a failure again. */
function seeds(): number[] {
  const wanted = process.env['LINUX_AIO_SEED'];
  if (wanted) return wanted.split(',').map(Number);
  return [...Array.from({ length: 12 }, (_, i) => i + 1), Math.floor(Math.random() * 2 ** 31)];
}

describe('random calls to linux-aio/fs and to node:fs have the same outcome', () => {
  for (const seed of seeds()) {
    test(`LINUX_AIO_SEED=${seed} npm test -- fs/fuzz`, async () => {
      await compareSeed(seed, await ours());
    });
  }
});
