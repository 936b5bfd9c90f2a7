// The job that every model does: read blocks from a slow source, one after the other, and for each block do a fixed
// piece of computing. A model decides in which order and with which system calls; the job takes the times.
import { readFileSync, writeSync } from 'node:fs';
import { native } from '../abi/native.js';
import { checkBlock } from './block.js';
import { clockNs, msSince } from './clock.js';
import type { Mark, Read, Recording, Span, State } from './recording.js';
import { SystemCallCounter } from './system-calls.js';
import { CHECKSUM_START, workUnits } from './work.js';

export interface JobOptions {
  /** Descriptor that the blocks come from. */
  fd: number;
  /** Descriptor that blocks are asked for on; -1 where reading is asking. */
  requests: number;
  buffer: Buffer;
  /** Number of the first block. */
  first: number;
  blocks: number;
  /** Units of work per block. */
  units: number;
  /** A regular file: has positions. */
  seekable: boolean;
}

/** A model that computes and reads in turns does this much between two tries. */
const SLICES = 32;

export class Job {
  readonly fd: number;
  readonly buffer: Buffer;
  readonly blocks: number;
  readonly seekable: boolean;
  eagain = 0;
  readonly #options: JobOptions;
  readonly #reads: Read[] = [];
  readonly #spans: Span[] = [];
  readonly #marks: Mark[] = [];
  readonly #origin = clockNs();
  readonly #cpu = native().cpuTime(false);
  readonly #disturbed = waitedForCpuMs();
  readonly #done: Int32Array;
  /** After all that reads files to begin with: those reads are not the model's. */
  readonly calls = new SystemCallCounter();
  #computeCpu = 0;
  /** Looking at what was read is the experiment's business, not the model's. */
  #checkCpu = 0;
  #checksum = CHECKSUM_START;

  constructor(options: JobOptions) {
    this.#options = options;
    this.fd = options.fd;
    this.buffer = options.buffer;
    this.blocks = options.blocks;
    this.seekable = options.seekable;
    this.#done = new Int32Array(options.blocks);
  }

  /** Milliseconds from the beginning. */
  now(): number {
    return msSince(this.#origin);
  }

  /** Where block `i` stands in a file. */
  position(i: number): number {
    return (this.#options.first + i) * this.buffer.length;
  }

  /** Has the device begin with block `i`. Where reading is asking, the read must follow at once. */
  ask(i: number): void {
    this.#reads[i] = { asked: this.now(), ready: null, taken: Number.NaN };
    if (this.#options.requests >= 0) writeSync(this.#options.requests, 'r');
  }

  /** Block `i` is in hand: `result` is what the read gave. Checks every byte of it. */
  take(i: number, result: number): void {
    const read = this.#reads[i];
    read.taken = this.now();
    if (result !== this.buffer.length) {
      throw new Error(`read gave ${result} instead of ${this.buffer.length} bytes for block ${i}`);
    }
    const cpu = native().cpuTime(true);
    const ns = checkBlock(this.buffer, this.#options.first + i);
    this.#checkCpu += native().cpuTime(true) - cpu;
    if (ns > 0n) read.ready = msSince(this.#origin, ns);
  }

  /** Does all that is left of the computing for block `i`. */
  compute(i: number): void {
    const left = this.#options.units - this.#done[i];
    if (left > 0) this.#work(i, left);
  }

  /** Does a small part of the computing for block `i`; false when nothing is left. */
  computeSlice(i: number): boolean {
    const left = this.#options.units - this.#done[i];
    if (left > 0) this.#work(i, Math.min(left, Math.ceil(this.#options.units / SLICES)));
    return left > 0;
  }

  #work(i: number, units: number): void {
    const from = this.now();
    const cpu = native().cpuTime(true);
    this.#checksum = workUnits(units, this.#checksum);
    this.#computeCpu += native().cpuTime(true) - cpu;
    this.#done[i] += units;
    this.record('computing', '', i, from);
  }

  /** The thread was in `state` from `from` until now. */
  record(state: State, call: string, block: number, from: number, calls = 1): void {
    this.#spans.push({ state, call, block, from, to: this.now(), calls });
  }

  /** The application calls the kernel, or the kernel answers: now, or at `at`. */
  mark(direction: Mark['direction'], text: string, block: number, at = this.now()): void {
    this.#marks.push({ direction, text, block, at });
  }

  finish(): Recording {
    const wallMs = this.now();
    const systemCalls = this.calls.finish(this.#options.requests >= 0 ? this.blocks : 0);
    return {
      reads: this.#reads,
      spans: this.#spans,
      marks: this.#marks,
      wallMs,
      disturbedMs: waitedForCpuMs() - this.#disturbed,
      cpuMs: (native().cpuTime(false) - this.#cpu - this.#checkCpu) / 1e6,
      computeCpuMs: this.#computeCpu / 1e6,
      eagain: this.eagain,
      systemCalls,
      checksum: this.#checksum,
    };
  }
}

/** How long this thread has stood in the scheduler's queue; 0 in a kernel that does not say (CONFIG_SCHED_INFO). */
function waitedForCpuMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
