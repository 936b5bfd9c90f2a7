// Reports of `aio bench` made of chosen figures, for what reads them: comparison and page.
import type { BenchDirection, BenchDocument, BenchJob } from '#dist/cli/bench/document.js';
import { percentileKey } from '#dist/cli/bench/document.js';

export interface JobSpec {
  engine: string;
  depth: number;
  /** Reads per second of each round; their middle one is the figure. */
  iops: readonly number[];
  /** Writes per second, the same. */
  writes?: readonly number[];
  /** The median latency in µs; p99 is four times as much, p99.9 eight times. */
  us?: number;
  /** Microseconds per operation. */
  cpu?: number;
  name?: string;
  options?: Partial<BenchJob['job options']>;
}

const PERCENTILES = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];

export function documentOf(jobs: readonly JobSpec[], more: Partial<BenchDocument> = {}): BenchDocument {
  return {
    'linux-aio version': '1.2.3',
    timestamp: 1767323045,
    time: '2026-01-02T03:04:05.000Z',
    environment: {
      kernel: '6.18.44',
      node: 'v22.0.0',
      arch: 'x64',
      cpu: 'A CPU',
      cpus: 2,
      memory_bytes: 8 * 1024 ** 3,
      filesystem: 'ext4',
    },
    'global options': {},
    verify: { checked: true, blocks: 12345 },
    jobs: jobs.map((job) => jobOf(job, jobs)),
    not_available: [],
    not_applied: [],
    ...more,
  };
}

function jobOf(spec: JobSpec, all: readonly JobSpec[]): BenchJob {
  const { engine, depth, iops, writes = [], us = 10, cpu = 5, options = {} } = spec;
  const rw = options.rw ?? (writes.length === 0 ? 'randread' : iops.length === 0 ? 'randwrite' : 'randrw');
  const node = all.find((other) => other.engine === 'node' && other.depth === depth);
  return {
    jobname: `${spec.name ?? rw}-${engine}-${depth}`,
    error: 0,
    'job options': {
      filename: 'data',
      size: '67108864',
      rw,
      rwmixread: writes.length === 0 ? '100' : iops.length === 0 ? '0' : '50',
      bs: '4096',
      iodepth: String(depth),
      ioengine: engine,
      direct: '0',
      runtime: '3',
      ...options,
    },
    read: directionOf(iops, us),
    write: directionOf(writes, us * 1.5),
    usr_cpu: 40,
    sys_cpu: 50,
    cpu_us_per_op: cpu,
    cpu_us_per_op_rounds: [cpu * 0.99, cpu, cpu * 1.01],
    loop_delay_ms_p99: 0.25,
    factor_against_node: node === undefined ? null : middle(iops) / middle(node.iops),
  };
}

function directionOf(rounds: readonly number[], us: number): BenchDirection {
  const iops = rounds.length === 0 ? 0 : middle(rounds);
  const ns = us * 1000;
  const at = (percent: number): number =>
    Math.round(ns * (percent < 50 ? 0.8 : percent < 99 ? 1 : percent < 99.9 ? 4 : 8));
  const total = Math.round(rounds.reduce((sum, rate) => sum + rate, 0));
  return {
    io_bytes: total * 4096,
    bw_bytes: Math.round(iops * 4096),
    iops,
    runtime: 3000,
    total_ios: total,
    iops_min: rounds.length === 0 ? 0 : Math.min(...rounds),
    iops_max: rounds.length === 0 ? 0 : Math.max(...rounds),
    iops_rounds: [...rounds],
    clat_ns:
      total === 0
        ? { min: 0, max: 0, mean: 0, stddev: 0, N: 0, percentile: {} }
        : {
            min: at(1) / 2,
            max: at(99.99) * 2,
            mean: at(50),
            stddev: at(50),
            N: total,
            percentile: Object.fromEntries(
              PERCENTILES.map((percent) => [percentileKey(percent), at(percent)]),
            ),
          },
    clat_ns_rounds: {
      p50: rounds.map((_, i) => at(50) * (1 + (i - 1) / 100)),
      p99: rounds.map((_, i) => at(99) * (1 + (i - 1) / 100)),
    },
  };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
