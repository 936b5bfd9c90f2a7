// A few rounds of every part of `npm run torture`, so that each is known to work and none of its promises is broken by
// a change. The seed is another one in every run, and in the message of a failure.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { randomOf } from '../differential/random.js';
import { engineUnderTest } from '../support/engines.js';
import { PARTS, QUICK_ENGINE } from './parts.js';

const engine = engineUnderTest();
const seedBase = Number(process.env['LINUX_AIO_SEED'] ?? Date.now() % 1e9);

describe('torture, a sample', () => {
  for (const part of PARTS) {
    const elsewhere =
      part.engines === 'none' && engine !== QUICK_ENGINE ? `does not depend on the engine` : false;
    const tooLong = part.rounds.sample === 0 && 'takes too long for a sample: npm run torture';
    const skip = elsewhere || tooLong || (part.unavailable?.() ?? false);
    test(`${part.name}: ${part.promise}`, { skip, timeout: 120_000 }, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'linux-aio-torture-'));
      t.after(() => rmSync(directory, { recursive: true, force: true }));
      const trial = await part.open({ engine, directory, note: () => {}, tries: () => {} });
      try {
        for (let i = 0; i < part.rounds.sample; i++) {
          const seed = seedBase + i;
          try {
            await trial.round(randomOf(seed), seed);
          } catch (error) {
            const again = `npm run torture -- --engine ${engine} --seed ${seed} --rounds 1 ${part.name}`;
            // Not every reporter shows the cause.
            throw new Error(`round ${i + 1} failed: ${error}; again: ${again}`, { cause: error });
          }
        }
      } finally {
        await trial.close?.();
      }
    });
  }
});
