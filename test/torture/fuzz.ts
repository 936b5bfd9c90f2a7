// The pool's entry decoder (fuzz-pool.c) and the functions that the addon exports (fuzz-addon.c) under libFuzzer, with
// AddressSanitizer and UndefinedBehaviorSanitizer, the pool with ThreadSanitizer too. A round fuzzes for some seconds from
// its seed; what it finds interesting stays for the next one.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { POOL_SOURCES } from '../support/pool-sources.js';
import { packageRoot } from '../support/program.js';
import { isSanitized } from '../support/sanitizers.js';
import type { Counts, Part, Trial } from './part.js';

const run = promisify(execFile);
const FLAGS = '-std=gnu11 -O1 -g -pthread -fno-strict-aliasing'.split(' ');
const MEMORY = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined'];

/** Without counters of coverage in what many threads run: they are no atomic ones, so they would be the race. */
const THREADS = '-fsanitize=fuzzer,thread';

const files = (...names: string[]): string[] => names.map((name) => join(packageRoot, name));
const poolSources = (): string[] => [...files('test/torture/fuzz-pool.c'), ...POOL_SOURCES];
const addonSources = (): string[] => [
  ...files(...['fuzz-addon', 'fuzz-values', 'fake-v8', 'fake-node'].map((name) => `test/torture/${name}.c`)),
  ...readdirSync(join(packageRoot, 'native'))
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(packageRoot, 'native', name)),
];
const headers = (): string => createRequire(import.meta.url)('node-api-headers').include_dir;

let reason: string | false | undefined;

/** Why there is no libFuzzer here; false where there is. */
function noFuzzer(): string | false {
  if (isSanitized()) return 'this runs under a sanitizer itself';
  reason ??= compile('/dev/null', ['-fsanitize=fuzzer,address'], []);
  return reason;
}

function compile(program: string, flags: readonly string[], sources: string[]): string | false {
  const input = 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return !d && n; }';
  const args = [...FLAGS, ...flags, '-o', program, ...(sources.length > 0 ? sources : ['-x', 'c', '-'])];
  try {
    execFileSync('clang', args, { input, stdio: ['pipe', 'pipe', 'pipe'] });
    return false;
  } catch (error) {
    return `clang with libFuzzer (libclang-rt) is not here: ${(error as Error).message.split('\n')[0]}`;
  }
}

interface Fuzzed {
  readonly flags: readonly string[];
  readonly sources: () => string[];
  /** of a round */
  readonly seconds: number;
  readonly rounds: Part['rounds'];
}

function part(name: string, promise: string, { flags, sources, seconds, rounds }: Fuzzed): Part {
  return {
    name,
    promise,
    rounds,
    engines: 'none',
    unavailable: noFuzzer,
    open({ directory }): Trial {
      const program = join(directory, 'fuzz');
      const corpus = join(directory, 'corpus');
      mkdirSync(corpus);
      const uncounted = join(directory, 'uncounted');
      writeFileSync(uncounted, 'src:*/native/*\n');
      const all = flags.includes(THREADS) ? [...flags, `-fsanitize-coverage-ignorelist=${uncounted}`] : flags;
      assert.equal(compile(program, all, sources()), false);
      return {
        async round(_random, seed): Promise<Counts> {
          const limits = [
            `-max_total_time=${seconds}`,
            '-len_control=0',
            '-max_len=4096',
            `-seed=${seed}`,
            '-print_final_stats=1',
          ];
          const { stderr } = await run(program, [...limits, corpus], {
            cwd: directory,
            maxBuffer: 1 << 26,
            // One pool serves all inputs, and is there to the end.
            env: { ...process.env, TSAN_OPTIONS: 'report_thread_leaks=0' },
          });
          const executed = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1]);
          assert.ok(executed > 0, stderr);
          const coverage = [...stderr.matchAll(/cov: (\d+)/g)].map(([, edges]) => Number(edges));
          return { executions: executed, crashes: 0, 'max edges covered': Math.max(0, ...coverage) };
        },
      };
    },
  };
}

const ofPool = { sources: poolSources, seconds: 10, rounds: { sample: 0, full: 18 } };

export const fuzz: readonly Part[] = [
  part(
    'fuzz/memory',
    'no submission entry makes the pool touch memory that is not its own, or lose a completion',
    { ...ofPool, flags: MEMORY },
  ),
  part('fuzz/threads', 'no sequence of submission entries makes the pool’s threads race', {
    ...ofPool,
    flags: [THREADS],
  }),
  part(
    'fuzz/addon',
    'no sequence of calls makes the addon touch memory that is not its own, or leave anything behind',
    {
      sources: addonSources,
      get flags() {
        return [...MEMORY, '-I', headers()];
      },
      seconds: 3,
      rounds: { sample: 1, full: 60 },
    },
  ),
];
