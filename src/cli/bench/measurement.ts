// What has been measured of one engine at one depth, added up over its rounds.
import type { RecordableHistogram } from 'node:perf_hooks';
import { createHistogram } from 'node:perf_hooks';
import type { Burst } from './burst.js';
import { LoopDelay } from './loop-delay.js';
import type { BenchEngine } from './plan.js';

const NS_PER_MS = 1e6;

/** Reads, or writes. */
export class Direction {
  operations = 0;
  bytes = 0;
  /** From the call to its result, in nanoseconds; of all rounds that have ended. */
  readonly latency: RecordableHistogram = createHistogram();
  /** The same of the round under way. */
  readonly #roundLatency: RecordableHistogram = createHistogram();

  record(bytes: number, latencyMs: number): void {
    this.operations++;
    this.bytes += bytes;
    // A histogram holds whole numbers from 1 on.
    this.#roundLatency.record(Math.max(1, Math.round(latencyMs * NS_PER_MS)));
  }

  /** Adds the round's latencies to those of all rounds; gives its own percentiles, NaN where there are none. */
  endRound(): RoundLatency {
    const round = this.#roundLatency;
    if (round.count === 0) return { p50: Number.NaN, p99: Number.NaN };
    const percentiles = { p50: round.percentile(50), p99: round.percentile(99) };
    this.latency.add(round);
    round.reset();
    return percentiles;
  }
}

/** Percentiles of one round, in nanoseconds: how far the rounds lie apart is what a comparison has to know. */
export interface RoundLatency {
  p50: number;
  p99: number;
}

/** One engine's turn at one depth. */
export interface Round {
  /** Time in bursts: without checking and preparing blocks. */
  seconds: number;
  reads: number;
  writes: number;
  /** User and system time of the whole process, pool and kernel worker threads included. */
  cpuUserMicroseconds: number;
  cpuSystemMicroseconds: number;
  readLatency: RoundLatency;
  writeLatency: RoundLatency;
}

const NOT_MEASURED: RoundLatency = { p50: Number.NaN, p99: Number.NaN };

export class Measurement {
  readonly engine: BenchEngine;
  readonly depth: number;
  readonly read = new Direction();
  readonly write = new Direction();
  readonly loopDelay = new LoopDelay();
  readonly rounds: Round[] = [];

  constructor(engine: BenchEngine, depth: number) {
    this.engine = engine;
    this.depth = depth;
  }

  startRound(): void {
    this.rounds.push({
      seconds: 0,
      reads: 0,
      writes: 0,
      cpuUserMicroseconds: 0,
      cpuSystemMicroseconds: 0,
      readLatency: NOT_MEASURED,
      writeLatency: NOT_MEASURED,
    });
  }

  endRound(): void {
    const round = this.rounds[this.rounds.length - 1];
    round.readLatency = this.read.endRound();
    round.writeLatency = this.write.endRound();
  }

  /** Adds a burst that ran for `ms` milliseconds and took `cpu` to the latest round. */
  addBurst(burst: Burst, ms: number, cpu: NodeJS.CpuUsage): void {
    const round = this.rounds[this.rounds.length - 1];
    round.seconds += ms / 1000;
    round.cpuUserMicroseconds += cpu.user;
    round.cpuSystemMicroseconds += cpu.system;
    for (let i = 0; i < burst.count; i++) {
      const direction = burst.writes[i] === 0 ? this.read : this.write;
      direction.record(burst.transferred[i], burst.latencies[i]);
      if (burst.writes[i] === 0) round.reads++;
      else round.writes++;
    }
  }

  /** Transfers per second: the median of the rounds. */
  iops(kind: 'reads' | 'writes' | 'all'): number {
    return median(this.rounds.map((round) => operationsOf(round, kind) / round.seconds));
  }

  /** Microseconds of CPU per transfer: the median of the rounds. */
  get cpuPerOperation(): number {
    return median(this.cpuPerOperationOfRounds);
  }

  get cpuPerOperationOfRounds(): number[] {
    return this.rounds.map(
      (round) => (round.cpuUserMicroseconds + round.cpuSystemMicroseconds) / operationsOf(round, 'all'),
    );
  }

  /** How far the rounds lie apart: (fastest - slowest) / median. */
  get spread(): number {
    const rates = this.rounds.map((round) => operationsOf(round, 'all') / round.seconds);
    return (Math.max(...rates) - Math.min(...rates)) / median(rates);
  }
}

function operationsOf(round: Round, kind: 'reads' | 'writes' | 'all'): number {
  return kind === 'all' ? round.reads + round.writes : round[kind];
}

export function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
