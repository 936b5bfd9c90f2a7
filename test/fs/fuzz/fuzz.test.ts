// A sample of the differential fuzzer: `npm run torture -- differential/fs` plays 100,000 calls on each engine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import type { Step } from './calls.js';
import { compareSeed, compareSteps, ours } from './fuzz.js';

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

/** What became of the fuzzer's own mistakes. */
describe('a sequence', () => {
  test('reads no empty pipe, whatever was written to it and whatever Node makes of the position', async () => {
    const steps = (['handle', 'descriptor', 'promises', 'callbacks'] as const).flatMap((through) =>
      [0, 1, 12, 100, 101, 9000].flatMap((bytes) =>
        [0, 7n].map((position): Step => ({ kind: 'fifo', fifo: 'fifo1', bytes, through, position })),
      ),
    );
    await compareSteps(steps, await ours(), 'every way through a FIFO');
  });

  test('leaves nothing where the fuzzer was started: a relative path is in its directory', async () => {
    const args = [() => 'written-by-the-fuzzer', () => 'text'];
    await compareSteps([{ kind: 'callbacks', name: 'appendFile', args }], await ours(), 'a relative path');
    assert.equal(fs.existsSync('written-by-the-fuzzer'), false);
  });
});
