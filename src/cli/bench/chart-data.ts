// The report as what charts and tables show: groups of jobs under the same conditions, and in each, for reads and for
// writes, a row per engine and depth. Every number is one of the JSON report, or the quotient of two.
import type { BenchDirection, BenchDocument, BenchJob, Conditions, Kind } from './document.js';
import { conditionsOf, KINDS, nameOf } from './document.js';
import { BENCH_ENGINES } from './plan.js';

export interface Group {
  name: string;
  conditions: Conditions;
  /** Reads, writes, or both. */
  measured: readonly Measured[];
}

export interface Measured {
  kind: Kind;
  /** By depth, then in the order measured. */
  rows: readonly Row[];
}

export interface Row {
  engine: string;
  depth: number;
  iops: number;
  iopsRange: readonly [low: number, high: number];
  bytesPerSecond: number;
  /** Microseconds, by percent; 0 and 100 are the least and the greatest. */
  latency: ReadonlyMap<number, number>;
  /** Of reads and writes together; null: not measured. */
  cpuPerOperation: number | null;
  cpuRange: readonly [low: number, high: number] | null;
  loopDelayMs: number | null;
  /** IOPS against those of node:fs/promises at the same depth; null for itself, and where it was not measured. */
  timesNode: number | null;
}

const NS_PER_US = 1000;

export function groupsOf(document: BenchDocument): Group[] {
  const groups = new Map<string, BenchJob[]>();
  for (const job of document.jobs) {
    const key = JSON.stringify([nameOf(job), conditionsOf(job)]);
    const jobs = groups.get(key);
    if (jobs === undefined) groups.set(key, [job]);
    else jobs.push(job);
  }
  return [...groups.values()].map((jobs) => ({
    name: nameOf(jobs[0]),
    conditions: conditionsOf(jobs[0]),
    measured: KINDS.filter((kind) => jobs.some((job) => job[kind].total_ios > 0)).map((kind) => ({
      kind,
      rows: jobs.filter((job) => job[kind].total_ios > 0).map((job) => rowOf(job, job[kind])),
    })),
  }));
}

function rowOf(job: BenchJob, direction: BenchDirection): Row {
  const { ioengine, iodepth } = job['job options'];
  const { min, max, percentile } = direction.clat_ns;
  const percentiles = Object.entries(percentile).map(([key, ns]) => [Number(key), ns / NS_PER_US] as const);
  return {
    engine: ioengine,
    depth: Number(iodepth),
    iops: direction.iops,
    iopsRange: rangeOf(direction.iops_rounds) ?? [direction.iops, direction.iops],
    bytesPerSecond: direction.bw_bytes,
    latency: new Map([[0, min / NS_PER_US], ...percentiles, [100, max / NS_PER_US]]),
    cpuPerOperation: job.cpu_us_per_op,
    cpuRange: rangeOf(job.cpu_us_per_op_rounds),
    loopDelayMs: job.loop_delay_ms_p99,
    timesNode: ioengine === 'node' ? null : job.factor_against_node,
  };
}

function rangeOf(rounds: readonly (number | null)[]): [number, number] | null {
  const values = rounds.filter((value) => value !== null);
  return values.length === 0 ? null : [Math.min(...values), Math.max(...values)];
}

/** The engines of `rows`, always in the same order. */
export function enginesOf(rows: readonly { engine: string }[]): string[] {
  const known: readonly string[] = BENCH_ENGINES;
  return [...new Set(rows.map((row) => row.engine))].sort((a, b) => known.indexOf(a) - known.indexOf(b));
}

/** From least to greatest. */
export function depthsOf(rows: readonly { depth: number }[]): number[] {
  return [...new Set(rows.map((row) => row.depth))].sort((a, b) => a - b);
}

/** Which colour and mark an engine has, on every page: 1 to 5. */
export function numberOf(engine: string): number {
  const known: readonly string[] = BENCH_ENGINES;
  return known.indexOf(engine) + 1 || known.length + 1;
}

export function percentileOf(row: Row, percent: number): number | null {
  return row.latency.get(percent) ?? null;
}
