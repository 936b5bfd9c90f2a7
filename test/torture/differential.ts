// The differential fuzzer of test/fs/fuzz at length: random calls to node:fs and to linux-aio/fs, which must come to the
// same. A round is a process of its own, so that one that crashes, hangs or does not end by itself is a failure as well.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { runNode } from '../support/program.js';
import type { Counts, Part, Trial } from './part.js';

const fuzzer = fileURLToPath(new URL('../fs/fuzz/run.js', import.meta.url));
const CALLS = 2000;
/** A call that hangs is reported by the fuzzer itself (watchdog.ts); this is for a process that cannot end. */
const HANG_MS = 120_000;
/** Further apart than the sequences of a round, whose seeds follow each other. */
const SEEDS_APART = 8;

const fuzz: Part = {
  name: 'differential/fs',
  promise:
    'calls to linux-aio/fs, valid and invalid, alone and many at once, come to what they come to in node:fs',
  rounds: { sample: 0, full: 50 }, // the sample is test/fs/fuzz/fuzz.test.ts
  engines: 'each',
  open({ engine }): Trial {
    return {
      async round(_random, seed): Promise<Counts> {
        const args = [fuzzer, '--calls', `${CALLS}`, '--seed', `${seed * SEEDS_APART}`, '--engine', engine];
        const { code, signal, stdout, stderr } = await runNode(args, { timeoutMs: HANG_MS });
        assert.deepEqual({ code, signal }, { code: 0, signal: null }, `${stderr}${stdout}`);
        const calls = Number(/^(\d+) calls without a difference/m.exec(stdout)?.[1]);
        assert.equal(calls, CALLS, stdout);
        return { calls, differences: 0 };
      },
    };
  },
};

export const differential: readonly Part[] = [fuzz];
