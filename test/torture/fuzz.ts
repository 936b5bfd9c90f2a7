// The pool's entry decoder under libFuzzer (fuzz-pool.c), with AddressSanitizer and UndefinedBehaviorSanitizer, and with
// ThreadSanitizer. A round fuzzes for some seconds from its seed; what it finds interesting stays for the next one.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../support/program.js';
import type { Counts, Part, Trial } from './part.js';

const run = promisify(execFile);
const SECONDS = 10;
const SOURCES = [
  'test/torture/fuzz-pool.c',
  'native/pool.c',
  'native/memory-files.c',
  'native/pool-operations.c',
  'native/pool-poller.c',
  'native/pool-transfer.c',
  'native/pool-whole-file.c',
  'native/pool-workers.c',
].map((file) => join(packageRoot, file));
const FLAGS = '-std=gnu11 -O1 -g -pthread'.split(' ');

let reason: string | false | undefined;

/** Why there is no libFuzzer here; false where there is. */
function noFuzzer(): string | false {
  reason ??= compile('/dev/null', ['-fsanitize=fuzzer,address'], []);
  return reason;
}

function compile(program: string, flags: string[], sources: string[]): string | false {
  const input = 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return !d && n; }';
  const args = [...FLAGS, ...flags, '-o', program, ...(sources.length > 0 ? sources : ['-x', 'c', '-'])];
  try {
    execFileSync('clang', args, { input, stdio: ['pipe', 'pipe', 'pipe'] });
    return false;
  } catch (error) {
    return `clang with libFuzzer (libclang-rt) is not here: ${(error as Error).message.split('\n')[0]}`;
  }
}

function part(name: string, promise: string, flags: string[]): Part {
  return {
    name,
    promise,
    rounds: { sample: 0, full: 18 },
    engines: 'none',
    unavailable: noFuzzer,
    open({ directory }): Trial {
      const program = join(directory, 'fuzz');
      const corpus = join(directory, 'corpus');
      mkdirSync(corpus);
      assert.equal(compile(program, flags, SOURCES), false);
      return {
        async round(_random, seed): Promise<Counts> {
          const limits = [
            `-max_total_time=${SECONDS}`,
            '-max_len=4096',
            `-seed=${seed}`,
            '-print_final_stats=1',
          ];
          const { stderr } = await run(program, [...limits, corpus], { cwd: directory, maxBuffer: 1 << 26 });
          const executed = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1]);
          assert.ok(executed > 0, stderr);
          const coverage = [...stderr.matchAll(/cov: (\d+)/g)].map(([, edges]) => Number(edges));
          return { executions: executed, crashes: 0, 'max edges covered': Math.max(0, ...coverage) };
        },
      };
    },
  };
}

export const fuzz: readonly Part[] = [
  part(
    'fuzz/memory',
    'no submission entry makes the pool touch memory that is not its own, or lose a completion',
    ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined'],
  ),
  part('fuzz/threads', 'no sequence of submission entries makes the pool’s threads race', [
    '-fsanitize=fuzzer,thread',
  ]),
];
