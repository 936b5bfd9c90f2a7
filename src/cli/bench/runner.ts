// Runs a plan: for every depth the engines take turns, round by round; in a round burst follows burst until its
// time is over; and between two bursts what was read is checked.
//
//   depth 1    io_uring node   node io_uring   io_uring node     three rounds, every second one in reverse
//   depth 32   io_uring node   …
import { open } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Interrupt } from '../interrupt.js';
import type { Progress } from '../progress.js';
import { formatRate } from '../units.js';
import type { BenchFile } from './bench-file.js';
import { checkBlock, stampBlock, wordsOf } from './block.js';
import { Burst, runBurst } from './burst.js';
import type { VerifyFailure } from './layout.js';
import { VerifyError } from './layout.js';
import { Measurement } from './measurement.js';
import type { BenchEngine, Plan } from './plan.js';
import { ROUNDS } from './plan.js';
import { Positions } from './positions.js';
import type { Target } from './target.js';

/** This part of each round warms up caches and compilers; it is not counted, but checked all the same. */
const WARM_UP = 0.1;

/** A transfer that failed, or that was shorter than a block. */
export class TransferError extends Error {
  override name = 'TransferError';
}

export interface RunnerOptions {
  plan: Pick<Plan, 'blockSize' | 'depths' | 'direct' | 'random' | 'readPercent' | 'runtime'>;
  file: BenchFile;
  targets: readonly Target[];
  /** The memory that the targets transfer to and from. */
  slots: readonly Uint8Array[];
  interrupt: Interrupt;
  progress: Progress;
}

export class Runner {
  /** Blocks read and compared with what was written. */
  blocksChecked = 0;
  readonly #plan: RunnerOptions['plan'];
  readonly #file: BenchFile;
  readonly #targets: readonly Target[];
  readonly #words: readonly Int32Array[];
  readonly #burst: Burst;
  readonly #interrupt: Interrupt;
  readonly #progress: Progress;
  /** Each engine visits the same blocks in the same order. */
  readonly #positions: ReadonlyMap<BenchEngine, Positions>;
  /** Adds up readPercent, so that the mix is exact without chance. */
  #mix = 0;
  /** Of the runtime of the rounds that have not begun; for the progress line. */
  #secondsLeft = 0;
  /** performance.now() at the end of the last burst. */
  #pausedSince = 0;

  constructor({ plan, file, targets, slots, interrupt, progress }: RunnerOptions) {
    this.#plan = plan;
    this.#file = file;
    this.#targets = targets;
    this.#words = slots.map(wordsOf);
    this.#burst = new Burst(slots.length);
    this.#interrupt = interrupt;
    this.#progress = progress;
    this.#positions = new Map(
      targets.map((target) => [target.engine, new Positions(file.blocks, plan.random)]),
    );
    interrupt.onStop(() => this.#burst.cut());
  }

  /** One measurement per depth and engine. Throws a VerifyError, a TransferError, or Interrupted. */
  async run(): Promise<Measurement[]> {
    const all: Measurement[] = [];
    this.#secondsLeft = this.#plan.depths.length * this.#targets.length * this.#plan.runtime;
    for (const depth of this.#plan.depths) {
      const turns = this.#targets.map((target) => ({
        target,
        measurement: new Measurement(target.engine, depth),
      }));
      all.push(...turns.map((turn) => turn.measurement));
      for (let round = 0; round < ROUNDS; round++) {
        for (const { target, measurement } of round % 2 === 0 ? turns : turns.toReversed()) {
          await this.#round(target, measurement);
          this.#secondsLeft -= this.#plan.runtime / ROUNDS;
        }
      }
    }
    return all;
  }

  async #round(target: Target, measurement: Measurement): Promise<void> {
    const ms = (this.#plan.runtime * 1000) / ROUNDS;
    const start = performance.now();
    const counted = start + ms * WARM_UP;
    const end = start + ms;
    while (performance.now() < counted) await this.#oneBurst(target, measurement, false, counted);
    measurement.startRound();
    this.#pausedSince = performance.now();
    measurement.loopDelay.start();
    try {
      // At least one burst, however slow the device and short the time.
      do await this.#oneBurst(target, measurement, true, end);
      while (performance.now() < end);
    } finally {
      measurement.loopDelay.stop();
    }
    measurement.endRound();
    // What one engine has written must not be flushed in another's time.
    if (this.#plan.readPercent < 100 && !this.#plan.direct) await flush(this.#file.path);
  }

  async #oneBurst(
    target: Target,
    measurement: Measurement,
    counted: boolean,
    deadline: number,
  ): Promise<void> {
    const burst = this.#burst;
    this.#prepare(target.engine);
    const cpuBefore = process.cpuUsage();
    const begin = performance.now();
    measurement.loopDelay.exclude(begin - this.#pausedSince);
    await runBurst(burst, target, measurement.depth, deadline);
    this.#pausedSince = performance.now();
    const ms = this.#pausedSince - begin;
    const cpu = process.cpuUsage(cpuBefore);
    this.#interrupt.throwIfRequested();
    this.#check(target.engine);
    if (counted) measurement.addBurst(burst, ms, cpu);
    this.#progress.update(
      () =>
        `depth ${measurement.depth}, ${target.engine}: ${formatRate((burst.count * 1000) / ms)} IOPS, ` +
        `${Math.ceil(this.#secondsLeft)} s to go`,
    );
  }

  /** Draws the positions of the next burst and stamps the blocks that it writes. */
  #prepare(engine: BenchEngine): void {
    const { readPercent, blockSize } = this.#plan;
    const positions = this.#positions.get(engine)!;
    const burst = this.#burst;
    burst.reset();
    // With writes no block may be twice in a burst: two writes in flight to one block have no order, and a read
    // beside a write may see half of it. Within a pass every block comes once.
    const count = readPercent === 100 ? burst.capacity : Math.min(burst.capacity, positions.remainingInPass);
    for (let i = 0; i < count; i++) {
      const number = positions.next();
      burst.positions[i] = number * blockSize;
      burst.transferred[i] = -1;
      this.#mix += readPercent;
      const read = this.#mix >= 100;
      if (read) this.#mix -= 100;
      burst.writes[i] = read ? 0 : 1;
      if (!read) stampBlock(this.#words[i], number, (this.#file.sequences![number] + 1) >>> 0);
    }
    burst.count = count;
  }

  /** Compares every block that was read with what was written, and remembers what was written. */
  #check(engine: BenchEngine): void {
    const { blockSize } = this.#plan;
    const { sequences, checked } = this.#file;
    const burst = this.#burst;
    if (burst.failure) {
      const { write, position, error } = burst.failure;
      throw new TransferError(
        `${engine}: ${write ? 'writing' : 'reading'} at offset ${position}: ${error.message}`,
        {
          cause: error,
        },
      );
    }
    const failures: VerifyFailure[] = [];
    for (let i = 0; i < burst.count; i++) {
      const position = burst.positions[i];
      const number = position / blockSize;
      const write = burst.writes[i] === 1;
      if (burst.transferred[i] !== blockSize) {
        throw new TransferError(
          `${engine}: ${write ? 'wrote' : 'read'} ${burst.transferred[i]} of ${blockSize} bytes at offset ${position}`,
        );
      }
      if (write) {
        sequences![number]++;
      } else if (checked) {
        this.blocksChecked++;
        const reason = checkBlock(this.#words[i], number, sequences === null ? null : sequences[number]);
        if (reason !== null) failures.push({ position, reason });
      }
    }
    if (failures.length > 0) throw new VerifyError(`read by ${engine}`, failures, failures.length);
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
