// The report for programs: fio's JSON, as far as we have its figures, so that what reads fio's reads ours; and
// what fio does not measure, under names of our own.
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Direction, Measurement, Round } from './measurement.js';
import type { Results } from './report.js';
import { factorAgainstNode } from './report.js';

/** fio's percentile_list, with six decimals as fio writes them. */
const PERCENTILES = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];

/** The report as an object; `version` is the package's. Numbers that were not measured are null. */
export function toFioJson(results: Results, version: string): object {
  const { plan, file, environment, measurements, refusals, blocksChecked, date } = results;
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
      filesystem: environment.fileSystem,
    },
    'global options': { ...plan.given },
    verify: { checked: file.checked, blocks: blocksChecked },
    jobs: measurements.map((measurement) => job(measurement, results)),
    not_available: refusals,
  };
}

function job(measurement: Measurement, { plan, file, measurements }: Results): object {
  const { engine, depth, rounds } = measurement;
  return {
    jobname: `${plan.given['name'] ?? plan.workload}-${engine}-${depth}`,
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
    loop_delay_ms_p99: finite(measurement.loopDelay.percentile(99)),
    factor_against_node: finite(factorAgainstNode(measurement, measurements)),
  };
}

function direction(
  measured: Direction,
  rounds: readonly Round[],
  kind: 'reads' | 'writes',
  measurement: Measurement,
): object {
  const iops = measured.operations === 0 ? 0 : measurement.iops(kind);
  const perRound = rounds.map((round) => round[kind] / round.seconds);
  const bytesPerOperation = measured.operations === 0 ? 0 : measured.bytes / measured.operations;
  return {
    io_bytes: measured.bytes,
    bw_bytes: Math.round(iops * bytesPerOperation),
    iops,
    runtime: Math.round(seconds(rounds) * 1000),
    total_ios: measured.operations,
    iops_min: Math.min(...perRound),
    iops_max: Math.max(...perRound),
    iops_rounds: perRound,
    clat_ns: latency(measured.latency),
  };
}

function latency(histogram: RecordableHistogram): object {
  if (histogram.count === 0) return { min: 0, max: 0, mean: 0, stddev: 0, N: 0, percentile: {} };
  return {
    min: histogram.min,
    max: histogram.max,
    mean: histogram.mean,
    stddev: histogram.stddev,
    N: histogram.count,
    percentile: Object.fromEntries(PERCENTILES.map((p) => [p.toFixed(6), histogram.percentile(p)])),
  };
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
