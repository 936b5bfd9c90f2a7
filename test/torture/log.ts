// What the torture writes down: a line of JSON for each part and engine, appended to a log, and the totals of such logs,
// which are docs/torture-totals.json.
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import process from 'node:process';
import type { EngineName } from 'linux-aio';
import { packageRoot } from '../support/program.js';
import { addCases, type Cases } from './cases.js';
import { add } from './part.js';

/** One part on one engine. */
export interface Result {
  part: string;
  /** null where the part does not depend on one */
  engine: EngineName | null;
  /** of the first round; each further one has the next */
  seed: number;
  rounds: number;
  seconds: number;
  counts: Record<string, number>;
  /** of a part that tries faults */
  cases?: Cases;
  /** why there were no rounds */
  skipped?: string;
  failure?: { seed: number; error: string };
}

/** Where, with what, and when. */
export interface Surroundings {
  commit: string;
  node: string;
  kernel: string;
  cpus: number;
  date: string;
}

export type Line = Surroundings & Result;

export function surroundings(): Surroundings {
  return {
    commit: commit(),
    node: process.versions.node,
    kernel: release(),
    cpus: cpus().length,
    date: new Date().toISOString(),
  };
}

/** With a `+` where sources of the package have been changed since. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'native') !== '';
    return git('rev-parse', '--short=10', 'HEAD').trim() + (changed ? '+' : '');
  } catch {
    return 'unknown'; // no clone
  }
}

export function appendToLog(path: string, line: Line): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

export function readLog(path: string): Line[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

/** The sum of all lines about one part on one engine, and which these were: enough to run each of them again. */
export interface Total {
  part: string;
  engine: EngineName | null;
  rounds: number;
  seconds: number;
  failures: number;
  counts: Record<string, number>;
  cases?: Cases;
  runs: (Surroundings & { seed: number; rounds: number })[];
}

export function totalsOf(lines: readonly Line[]): Total[] {
  const totals = new Map<string, Total>();
  for (const line of lines) {
    const { part, engine, seed, rounds, seconds, counts, cases, skipped, failure, ...where } = line;
    if (skipped !== undefined) continue;
    const key = `${part} ${engine}`;
    const total: Total = totals.get(key) ?? {
      part,
      engine,
      rounds: 0,
      seconds: 0,
      failures: 0,
      counts: {},
      runs: [],
    };
    totals.set(key, total);
    total.rounds += rounds;
    total.seconds = Math.round((total.seconds + seconds) * 10) / 10;
    total.failures += failure === undefined ? 0 : 1;
    add(total.counts, counts);
    if (cases !== undefined) {
      total.cases ??= {};
      addCases(total.cases, cases);
    }
    const { commit, node, kernel, cpus, date } = where;
    total.runs.push({ commit, node, kernel, cpus, date, seed, rounds });
  }
  return [...totals.values()].sort((a, b) => (a.part < b.part ? -1 : a.part > b.part ? 1 : 0));
}
