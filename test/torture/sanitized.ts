// The whole test suite with an addon that the compiler has instrumented: AddressSanitizer and UndefinedBehaviorSanitizer
// watch what it does with memory, ThreadSanitizer what its threads do with each other. A round is one file of the suite,
// with all processes that it starts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot, runNode } from '../support/program.js';
import { ADDRESS, missing, Sanitized, type Sanitizer, THREADS } from '../support/sanitizers.js';
import type { Counts, Part, Trial } from './part.js';
import { APART, mayFail } from './sanitized-exceptions.js';
import { checkPlants } from './sanitized-plants.js';

interface Suite {
  testFiles(): string[];
  isDependent(file: string): boolean;
}
const suite = (await import(pathToFileURL(join(packageRoot, 'scripts', 'suite.mjs')).href)) as Suite;
const FILES = suite.testFiles().filter((file) => !(file in APART));

const HANG_MS = 600_000;

/** Runs one file of the suite. Throws when a test fails, or a sanitizer reports anything of any process. */
export async function runFile(
  file: string,
  sanitized: Sanitized,
  environment: Record<string, string> = {},
): Promise<Counts> {
  const { code, signal, stdout, stderr, timedOut } = await runNode(
    ['--enable-source-maps', '--test-reporter=tap', join('build', 'test', file)],
    { env: { ...environment, ...sanitized.environment }, timeoutMs: HANG_MS },
  );
  const reports = sanitized.reports();
  assert.equal(reports.length, 0, `${reports.length} reports in ${file}:\n${reports.join('\n')}`);
  const failed = failures(stdout);
  const surprising = failed.filter(({ name }) => !mayFail(file, name, sanitized.sanitizer));
  const ended = code === 0 || (code === 1 && failed.length > 0);
  assert.ok(
    ended && surprising.length === 0,
    `${file} ${timedOut ? 'hangs' : `ended with ${code ?? signal}`}\n` +
      `${surprising.map(({ text }) => text).join('\n')}\n${stderr}`,
  );
  return {
    'test files': 1,
    'tests passed': total(stdout, 'pass'),
    skipped: total(stdout, 'skipped'),
    excepted: failed.length,
    reports: 0,
  };
}

const total = (tap: string, what: string): number => {
  const found = new RegExp(`^# ${what} (\\d+)$`, 'm').exec(tap);
  assert.ok(found, `the file did not end with its totals: ${tap.slice(-2000)}`);
  return Number(found[1]);
};

/** The tests that failed, without those that only have such a test in them. */
function failures(tap: string): { name: string; text: string }[] {
  return tap
    .split(/^ *(?=(?:not )?ok \d+ )/m)
    .filter((text) => text.startsWith('not ok ') && !text.includes("failureType: 'subtestsFailed'"))
    .map((text) => ({ name: /^not ok \d+ - (.*)/.exec(text)![1], text }));
}

function part(name: string, sanitizer: Sanitizer, engines: Part['engines'], promise: string): Part {
  const files = FILES.filter((file) => suite.isDependent(file) === (engines === 'each'));
  return {
    name: `sanitized/${name}`,
    promise,
    rounds: { sample: 0, full: files.length },
    engines,
    unavailable: () => missing(sanitizer),
    async open({ engine, directory, note }): Promise<Trial> {
      await checkPlants(sanitizer, engine, directory);
      // Some tests become another user, who could not write below the round's own directory.
      const reports = mkdtempSync(join(tmpdir(), 'linux-aio-reports-'));
      const sanitized = new Sanitized(sanitizer, reports);
      return {
        round(_random, seed) {
          const file = files[seed % files.length];
          note(file);
          return runFile(file, sanitized, engines === 'each' ? { LINUX_AIO_ENGINE: engine } : {});
        },
        close: () => rmSync(reports, { recursive: true }),
      };
    },
  };
}

const MEMORY = 'no test makes the addon touch memory that is not its own, or do what C leaves undefined';
const RACES = 'no test makes two threads race in the addon';
const ONCE = '; those that do not depend on the engine';

export const sanitized: readonly Part[] = [
  part('address', ADDRESS, 'each', MEMORY),
  part('once-address', ADDRESS, 'none', MEMORY + ONCE),
  part('threads', THREADS, 'each', RACES),
  part('once-threads', THREADS, 'none', RACES + ONCE),
];
