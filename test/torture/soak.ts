// A soak: mixed operations through every door, an hour's worth in minutes, with everything that could grow measured
// after each round: heap, resident memory, descriptors, slots, pinned buffers. A round is some thousand operations.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Counts, Part, Trial } from './part.js';
import type { Measured } from './soak-work.js';

const workProgram = fileURLToPath(new URL('soak-work.js', import.meta.url));
/** Rounds after which caches, pools and tables have the size that they keep. */
const WARM_ROUNDS = 3;
/** What one measurement may be above the first warm one: noise of the allocator and of garbage collection. */
const ALLOWANCE = { heap: 6 << 20, rss: 48 << 20, descriptors: 0, slots: 0, pins: 64 } as const;

const soak: Part = {
  name: 'soak/mixed',
  promise:
    'after any amount of work the process is as large as before: heap, memory, descriptors, slots, pinned buffers',
  rounds: { sample: 4, full: 300 },
  engines: 'each',
  open({ engine, directory }): Trial {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--expose-gc', '--no-warnings', workProgram, directory], {
      env: { ...env, LINUX_AIO_ENGINE: engine },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    let rounds = 0;
    let first: Measured | null = null;
    return {
      async round(_random, seed): Promise<Counts> {
        child.stdin.write(`${seed}\n`);
        const { value, done } = await lines.next();
        assert.ok(!done, 'the process has ended');
        const now = JSON.parse(value) as Measured;
        const counts: Record<string, number> = { operations: now.operations };
        if (++rounds === WARM_ROUNDS) first = now;
        for (const what of ['heap', 'rss', 'descriptors', 'slots', 'pins'] as const) {
          if (first === null) continue;
          const growth = now[what] - first[what];
          assert.ok(
            growth <= ALLOWANCE[what],
            `${what} has grown by ${growth} from ${first[what]} since round ${WARM_ROUNDS}`,
          );
          counts[`max growth of ${what}`] = Math.max(0, growth);
        }
        return counts;
      },
      close() {
        child.stdin.end();
      },
    };
  },
};

export const soaks: readonly Part[] = [soak];
