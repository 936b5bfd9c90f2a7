// Node's own tests of fs, each run twice by the same binary, without and with `--import linux-aio/register`: the same
// outcome. The tests are not part of this package: see docs/drop-in-tests.md for where they come from.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXPECTED, type ExpectedDifference } from './expected-differences.js';
import { testFiles } from './select.js';

/** What a test file did, in a form in which two runs of the same test are equal. */
export interface Outcome {
  /** exit code, signal, or `timeout` */
  end: string;
  /** both streams, without what differs from run to run: numbers, stack frames, temporary paths */
  output: string;
  /** as it was, for the reader of a report */
  raw: string;
}

export interface Comparison {
  test: string;
  plain: Outcome;
  registered: Outcome;
  verdict: 'same' | 'same, but fails without register too' | 'different' | 'expected';
  expected?: ExpectedDifference;
}

export interface SuiteOptions {
  /** a folder that has `test/parallel`, `test/common` and `test/fixtures` */
  folder: string;
  /** the binary that runs the tests */
  node: string;
  /** its major version, which chooses the expected differences */
  major: number;
  /** URL of the module given to --import */
  register: string;
  /** only tests whose path contains this */
  filter?: string;
  /** added to the environment of both runs */
  env?: Record<string, string>;
  progress?(done: number, of: number): void;
}

const TIMEOUT_MS = 60_000;

interface Run extends SuiteOptions {
  /** where the tests make their files */
  scratch: string;
}

/** The flags that a test asks for in its first lines, as Node's own runner reads them. */
function flagsOf(path: string): string[] {
  const found = /\/\/ Flags: (.*)/.exec(readFileSync(path, 'utf8'));
  return found ? found[1].trim().split(/\s+/) : [];
}

function runOnce(options: Run, test: string, imports: string[], lane: number): Promise<Outcome> {
  const path = join(options.folder, 'test', test);
  // Of the same name in all runs: some tests print it.
  const directory = join(options.scratch, `lane-${lane}`);
  mkdirSync(directory);
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(options.node, [...imports, ...flagsOf(path), path], {
      cwd: options.folder,
      env: {
        ...inherited,
        ...options.env,
        NODE_TEST_DIR: directory,
        TEST_THREAD_ID: String(lane),
        TEST_SERIAL_ID: String(lane),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group: what a hanging test has started ends with it
    });
    let raw = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid!, 'SIGKILL');
    }, TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (raw.length < 1 << 20) raw += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
      const end = late ? 'timeout' : (signal ?? `code ${code}`);
      resolve({ end, output: comparable(raw), raw });
    });
  });
}

/** Streams are not in step with each other, so lines are compared as a set; frames and numbers differ by nature. */
function comparable(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s+at |^\s*$|Warning: |node --trace-warnings/.test(line))
    .map((line) => line.replace(/0x[0-9a-f]+/g, 'X').replace(/\d+/g, 'N'));
  return [...new Set(lines)].sort().join('\n');
}

const equal = (a: Outcome, b: Outcome) => a.end === b.end && a.output === b.output;

/** With any `--import`, be it empty, Node reports an uncaught exception in other words than without. */
const NOTHING = 'data:text/javascript,';

/**
 * A difference counts when it is there three times out of three. Where only the outputs differ, they must differ from
 * those with an empty module in place of ours, too.
 */
async function compare(options: Run, test: string, lane: number): Promise<Comparison> {
  let plain: Outcome;
  let registered: Outcome;
  let attempts = 0;
  do {
    plain = await runOnce(options, test, [], lane);
    registered = await runOnce(options, test, ['--import', options.register], lane);
    if (plain.end === registered.end && !equal(plain, registered)) {
      plain = await runOnce(options, test, ['--import', NOTHING], lane);
    }
  } while (!equal(plain, registered) && ++attempts < 3);
  const expected = EXPECTED.find(
    (each) => test.endsWith(`/${each.test}`) && each.majors.includes(options.major),
  );
  if (!equal(plain, registered)) {
    return { test, plain, registered, verdict: expected ? 'expected' : 'different', expected };
  }
  const passed = plain.end === 'code 0';
  return { test, plain, registered, verdict: passed ? 'same' : 'same, but fails without register too' };
}

/** All tests of the folder, as many at a time as there are cores. */
export async function runSuite(options: SuiteOptions): Promise<Comparison[]> {
  const tests = testFiles(options.folder).filter((test) => !options.filter || test.includes(options.filter));
  const run: Run = { ...options, scratch: mkdtempSync(join(tmpdir(), 'node-suite-')) };
  const results: Comparison[] = [];
  let next = 0;
  async function lane(number: number): Promise<void> {
    while (next < tests.length) {
      results.push(await compare(run, tests[next++], number));
      options.progress?.(results.length, tests.length);
    }
  }
  await Promise.all(Array.from({ length: cpus().length }, (_, i) => lane(i + 1)));
  rmSync(run.scratch, { recursive: true, force: true });
  return results.sort((a, b) => (a.test < b.test ? -1 : 1));
}

/** Tests that are expected to differ and no longer do: the list is out of date. */
export function outdated(results: readonly Comparison[], major: number): string[] {
  const listed = EXPECTED.filter(({ majors }) => majors.includes(major)).map(({ test }) => test);
  return results
    .filter(({ test, verdict }) => verdict !== 'expected' && listed.some((name) => test.endsWith(`/${name}`)))
    .map(({ test }) => test);
}
