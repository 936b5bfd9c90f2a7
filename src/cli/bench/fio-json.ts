// The report for programs: fio's JSON, as far as we have its figures, so that what reads fio's reads ours; and
// what fio does not measure, under names of our own.
import type { RecordableHistogram } from 'node:perf_hooks';
import type { BenchDirection, BenchDocument, BenchJob } from './document.js';
import { percentileKey } from './document.js';
import type { Direction, Measurement, Round, RoundLatency } from './measurement.js';
import type { Results } from './report.js';
import { factorAgainstNode } from './report.js';

/** fio's percentile_list, with six decimals as fio writes them. */
const PERCENTILES = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];

/**
 * The report of one run or, with a job file, of several in a row, as an object; `version` is the package's. Numbers
 * that were not measured are null.
 */
export function toFioJson(runs: readonly Results[], version: string): BenchDocument {
  const [{ environment, date, plan }] = runs;
  const unique = (values: string[]): string[] => [...new Set(values)];
  return {
    'linux-aio version': version,
    timestamp: Math.floor(Date.parse(date) / 1000),
    time: date,
    environment: {
      kernel: environment.kernel,
      node: environment.node,
      arch: environment.arch,
      cpu: environment.cpu,
      cpus: environment.cpus,
      memory_bytes: environment.memoryBytes,
      filesystem: unique(runs.map((run) => run.environment.fileSystem)).join(', '),
    },
    'global options': definedValues(plan.given),
    verify: {
      checked: runs.every((run) => run.file.checked),
      blocks: runs.reduce((sum, run) => sum + run.blocksChecked, 0),
    },
    jobs: runs.flatMap((run) => run.measurements.map((measurement) => job(measurement, run))),
    not_available: runs
      .flatMap((run) => run.refusals)
      .filter(({ engine }, i, all) => all.findIndex((other) => other.engine === engine) === i),
    not_applied: unique(runs.flatMap((run) => run.plan.notApplied)),
  };
}

function job(measurement: Measurement, { plan, file, measurements }: Results): BenchJob {
  const { engine, depth, rounds } = measurement;
  return {
    jobname: `${plan.name ?? plan.workload}-${engine}-${depth}`,
    error: 0,
    'job options': {
      filename: file.path,
      size: String(file.size),
      rw: plan.workload,
      rwmixread: String(plan.readPercent),
      bs: String(plan.blockSize),
      iodepth: String(depth),
      ioengine: engine,
      direct: plan.direct ? '1' : '0',
      runtime: String(plan.runtime),
    },
    read: direction(measurement.read, rounds, 'reads', measurement),
    write: direction(measurement.write, rounds, 'writes', measurement),
    usr_cpu: percentOfTime(rounds, 'cpuUserMicroseconds'),
    sys_cpu: percentOfTime(rounds, 'cpuSystemMicroseconds'),
    cpu_us_per_op: finite(measurement.cpuPerOperation),
    cpu_us_per_op_rounds: measurement.cpuPerOperationOfRounds.map(finite),
    loop_delay_ms_p99: finite(measurement.loopDelay.percentile(99)),
    factor_against_node: finite(factorAgainstNode(measurement, measurements)),
  };
}

function direction(
  measured: Direction,
  rounds: readonly Round[],
  kind: 'reads' | 'writes',
  measurement: Measurement,
): BenchDirection {
  const iops = measured.operations === 0 ? 0 : measurement.iops(kind);
  const perRound = rounds.map((round) => round[kind] / round.seconds);
  const bytesPerOperation = measured.operations === 0 ? 0 : measured.bytes / measured.operations;
  const bytesPerSecond = Math.round(iops * bytesPerOperation);
  const ofRounds = (percentile: keyof RoundLatency): (number | null)[] =>
    rounds.map((round) => finite((kind === 'reads' ? round.readLatency : round.writeLatency)[percentile]));
  return {
    io_bytes: measured.bytes,
    io_kbytes: Math.floor(measured.bytes / 1024),
    bw_bytes: bytesPerSecond,
    bw: Math.floor(bytesPerSecond / 1024), // what most scripts for fio read
    iops,
    runtime: Math.round(seconds(rounds) * 1000),
    total_ios: measured.operations,
    iops_min: Math.min(...perRound),
    iops_max: Math.max(...perRound),
    iops_rounds: perRound,
    clat_ns: latency(measured.latency),
    clat_ns_rounds: { p50: ofRounds('p50'), p99: ofRounds('p99') },
  };
}

function latency(histogram: RecordableHistogram): BenchDirection['clat_ns'] {
  if (histogram.count === 0) return { min: 0, max: 0, mean: 0, stddev: 0, N: 0, percentile: {} };
  return {
    min: histogram.min,
    max: histogram.max,
    mean: histogram.mean,
    stddev: histogram.stddev,
    N: histogram.count,
    percentile: Object.fromEntries(PERCENTILES.map((p) => [percentileKey(p), histogram.percentile(p)])),
  };
}

function definedValues(values: Readonly<Partial<Record<string, string>>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => !!entry[1]));
}

function percentOfTime(
  rounds: readonly Round[],
  key: 'cpuUserMicroseconds' | 'cpuSystemMicroseconds',
): number {
  const used = rounds.reduce((sum, round) => sum + round[key], 0);
  return (used / 1e6 / seconds(rounds)) * 100;
}

function seconds(rounds: readonly Round[]): number {
  return rounds.reduce((sum, round) => sum + round.seconds, 0);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
