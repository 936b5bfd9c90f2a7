// Two reports of the same benchmark, before and after: row by row, and whether a difference is more than noise.
//
// A report has three rounds of everything. The ratio of two figures is B / A of the values reported; around it lie
// the ratios of the rounds: slowest of one by fastest of the other, and the reverse.
//
//       rounds of A   ├──●─┤               ratio    ├─────●──────┤ 1.07 to 1.31: more than noise
//       rounds of B           ├─●──┤               1
//
// A difference counts when all of these lie beyond what two runs of one and the same program differ by (FIGURES).
import type { BenchDirection, BenchDocument, BenchJob, Conditions, Kind } from './document.js';
import { CONDITIONS, conditionsOf, KINDS, nameOf, percentileKey } from './document.js';

/**
 * For each figure: which of two values is better, and by how much two runs of the same program may differ. That is more
 * than the rounds of either: the memory lies elsewhere, the machine is warmer, a neighbour is busier.
 *
 * Measured: 15 pairs of six runs of one program, io_uring and threads at depths 1 and 32, on 2 CPUs of a shared host.
 * Were it enough for the rounds not to overlap, 23 % of the rows would have been called faster or slower; with these,
 * 3 % in IOPS, p50 and CPU, and 2 % in p99, whose rounds are alike and whose runs are not (with 0.05: 22 %).
 */
export const FIGURES = {
  iops: { better: 'higher', runToRun: 0.05 },
  p50: { better: 'lower', runToRun: 0.05 },
  p99: { better: 'lower', runToRun: 0.3 },
  cpu: { better: 'lower', runToRun: 0.05 },
} as const;
export type Figure = keyof typeof FIGURES;

/** `unclear`: the values differ, but so do the rounds. */
export type Verdict = 'better' | 'worse' | 'same' | 'unclear';

/** One figure in both reports. */
export interface Change {
  a: number;
  b: number;
  /** b / a. */
  ratio: number;
  /** The ratio of the rounds that are least, and most, in favour of B's value being large. */
  ratioMin: number;
  ratioMax: number;
  verdict: Verdict;
}

export interface ComparedRow {
  conditions: Conditions;
  /** Of the job: a section of a job file, or --name; as B has it. */
  name: string;
  engine: string;
  depth: number;
  kind: Kind;
  iops: Change;
  /** Nanoseconds. */
  p50: Change | null;
  p99: Change | null;
  /** Microseconds per operation, reads and writes together. */
  cpu: Change | null;
}

/** Something that was not the same in both runs and may explain a difference. */
export interface Difference {
  what: string;
  a: string;
  b: string;
}

export interface Side {
  path: string;
  version: string;
  /** ISO 8601. */
  time: string;
}

export interface Comparison {
  a: Side;
  b: Side;
  rows: readonly ComparedRow[];
  /** Measured in one of the two only, in words. */
  onlyA: readonly string[];
  onlyB: readonly string[];
  differences: readonly Difference[];
  /**
   * Rows of node:fs/promises that changed although Node and the kernel are the same: then it is the machine that has
   * changed, and what the other rows say of the program is in doubt.
   */
  controlsChanged: readonly ComparedRow[];
}

/** The two reports have no row in common. The message says how they differ. */
export class MismatchError extends Error {
  override name = 'MismatchError';
}

/** One engine at one depth in one direction. */
interface Row {
  conditions: Conditions;
  job: BenchJob;
  kind: Kind;
}

interface Input {
  path: string;
  document: BenchDocument;
}

/** Throws a MismatchError when nothing can be compared. */
export function compareDocuments(a: Input, b: Input): Comparison {
  const rowsOfA = rowsOf(a.document);
  const rowsOfB = rowsOf(b.document);
  const rows: ComparedRow[] = [];
  for (const [key, row] of rowsOfA) {
    const other = rowsOfB.get(key);
    if (other !== undefined) rows.push(comparedRow(row, other));
  }
  if (rows.length === 0) throw new MismatchError(explanation(a, b, rowsOfA, rowsOfB));
  const only = (from: ReadonlyMap<string, Row>, other: ReadonlyMap<string, Row>): string[] =>
    [...from].filter(([key]) => !other.has(key)).map(([, row]) => describeRow(row));
  const differences = differencesBetween(a.document, b.document);
  const sameSystem = !differences.some(({ what }) => what === 'Node' || what === 'kernel');
  return {
    a: sideOf(a),
    b: sideOf(b),
    rows,
    onlyA: only(rowsOfA, rowsOfB),
    onlyB: only(rowsOfB, rowsOfA),
    differences,
    controlsChanged: rows.filter(
      ({ engine, iops }) => sameSystem && engine === 'node' && isSure(iops.verdict),
    ),
  };
}

/** Every row by what it measured. A second job of the same kind, as in a job file, is told apart by its number. */
function rowsOf(document: BenchDocument): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const job of document.jobs) {
    const conditions = conditionsOf(job);
    for (const kind of KINDS) {
      const { total_ios, iops } = job[kind];
      if (!(total_ios > 0 && iops > 0)) continue;
      const { ioengine, iodepth } = job['job options'];
      const key = JSON.stringify([conditions, ioengine, iodepth, kind]);
      let number = 1;
      while (rows.has(`${key} ${number}`)) number++;
      rows.set(`${key} ${number}`, { conditions, job, kind });
    }
  }
  return rows;
}

function comparedRow(a: Row, b: Row): ComparedRow {
  const { ioengine, iodepth } = a.job['job options'];
  const inA = a.job[a.kind];
  const inB = b.job[b.kind];
  return {
    conditions: a.conditions,
    name: nameOf(b.job),
    engine: ioengine,
    depth: Number(iodepth),
    kind: a.kind,
    iops: changeOf('iops', inA.iops, inA.iops_rounds, inB.iops, inB.iops_rounds)!,
    p50: latencyChange('p50', inA, inB),
    p99: latencyChange('p99', inA, inB),
    cpu: changeOf(
      'cpu',
      a.job.cpu_us_per_op,
      a.job.cpu_us_per_op_rounds,
      b.job.cpu_us_per_op,
      b.job.cpu_us_per_op_rounds,
    ),
  };
}

function latencyChange(which: 'p50' | 'p99', a: BenchDirection, b: BenchDirection): Change | null {
  const value = ({ clat_ns }: BenchDirection): number | null =>
    clat_ns.percentile[percentileKey(which === 'p50' ? 50 : 99)] ?? null;
  return changeOf(which, value(a), a.clat_ns_rounds[which], value(b), b.clat_ns_rounds[which]);
}

/** null where one of the two has no such figure. */
export function changeOf(
  figure: Figure,
  a: number | null,
  roundsOfA: readonly (number | null)[],
  b: number | null,
  roundsOfB: readonly (number | null)[],
): Change | null {
  if (!isMeasured(a) || !isMeasured(b)) return null;
  // The value is among them: a percentile of all rounds need not lie between those of the rounds.
  const inA = [...roundsOfA.filter(isMeasured), a];
  const inB = [...roundsOfB.filter(isMeasured), b];
  const ratio = b / a;
  const ratioMin = Math.min(...inB) / Math.max(...inA);
  const ratioMax = Math.max(...inB) / Math.min(...inA);
  // One round alone says nothing about noise.
  const enough = inA.length > 2 && inB.length > 2;
  return {
    a,
    b,
    ratio,
    ratioMin,
    ratioMax,
    verdict: enough ? verdictOn(figure, ratio, ratioMin, ratioMax) : 'unclear',
  };
}

function verdictOn(figure: Figure, ratio: number, ratioMin: number, ratioMax: number): Verdict {
  const { better, runToRun } = FIGURES[figure];
  const limit = 1 + runToRun;
  if (Math.max(ratio, 1 / ratio) < limit) return 'same';
  if (ratioMin > limit) return better === 'higher' ? 'better' : 'worse';
  if (ratioMax < 1 / limit) return better === 'lower' ? 'better' : 'worse';
  return 'unclear';
}

function isSure(verdict: Verdict): boolean {
  return verdict === 'better' || verdict === 'worse';
}

function isMeasured(value: number | null): value is number {
  return value !== null && Number.isFinite(value) && value > 0;
}

function sideOf({ path, document }: Input): Side {
  return { path, version: document['linux-aio version'], time: document.time };
}

function differencesBetween(a: BenchDocument, b: BenchDocument): Difference[] {
  const texts = (document: BenchDocument): Record<string, string> => ({
    'linux-aio': document['linux-aio version'],
    Node: document.environment.node,
    kernel: document.environment.kernel,
    architecture: document.environment.arch,
    CPU: document.environment.cpu,
    CPUs: String(document.environment.cpus),
    memory: `${Math.round(document.environment.memory_bytes / 1024 ** 2)} MiB`,
    'file system': document.environment.filesystem,
    'blocks checked': document.verify.checked ? 'yes' : 'no',
    runtime: [...new Set(document.jobs.map((job) => `${job['job options'].runtime} s`))].join(', '),
  });
  const inA = texts(a);
  const inB = texts(b);
  return Object.keys(inA)
    .filter((what) => inA[what] !== inB[what])
    .map((what) => ({ what, a: inA[what], b: inB[what] }));
}

/** Why the two have no row in common, as far as possible in terms of options. */
function explanation(
  a: Input,
  b: Input,
  rowsOfA: ReadonlyMap<string, Row>,
  rowsOfB: ReadonlyMap<string, Row>,
): string {
  for (const [{ path }, rows] of [
    [a, rowsOfA],
    [b, rowsOfB],
  ] as const) {
    if (rows.size === 0) return `${path} has no measurements`;
  }
  const valuesOf = (rows: ReadonlyMap<string, Row>, option: keyof BenchJob['job options']): string =>
    [...new Set([...rows.values()].map((row) => row.job['job options'][option]))].join(',');
  const options = [...CONDITIONS, 'ioengine', 'iodepth'] as const;
  const lines = options
    .map((option) => ({ option, a: valuesOf(rowsOfA, option), b: valuesOf(rowsOfB, option) }))
    .filter(({ a, b }) => a !== b)
    .map(({ option, a, b }) => `  --${option}: ${a} and ${b}`);
  return `${a.path} and ${b.path} measured different things, no row is in both:\n${lines.join('\n')}`;
}

function describeRow({ job, kind }: Row): string {
  const { ioengine, iodepth } = job['job options'];
  return `${nameOf(job)}: ${ioengine}, depth ${iodepth}, ${kind}s`;
}
