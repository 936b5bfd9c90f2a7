// A slice: one contestant doing one workload for about a second, and what comes of it. The parent sends a slice to a
// child process as a line of JSON (to limit.c as words); the child answers with an outcome.

export interface Slice {
  /** id of the workload, which names the loop to run */
  workload: string;
  /** the file, or the prefix of numbered files */
  path: string;
  /** requests in flight at once */
  depth: number;
  /** bytes per transfer, or of each whole file */
  size: number;
  /** blocks in the file, or files */
  count: number;
  /** O_DIRECT */
  direct: boolean;
  /** small files in one folder; 1: no folders */
  perFolder: number;
  milliseconds: number;
  seed: number;
  /** second word of every block written: tells which slice wrote it */
  stamp: number;
}

export interface Outcome {
  operations: number;
  bytes: number;
  seconds: number;
  /** user and system time of the whole process, its pool and kernel worker threads included */
  cpuMicros: number;
}

/** The clock and the counter of one slice. Everything before `new Run` and after `finish` is free. */
export class Run {
  operations = 0;
  /** the time is up: what is in flight completes and counts, nothing more is begun */
  over = false;
  readonly #size: number;
  readonly #lookMask: number;
  readonly #cpu: NodeJS.CpuUsage;
  readonly #began: number;
  readonly #deadline: number;

  constructor(slice: Slice) {
    this.#size = slice.size;
    // performance.now() costs 30–50 ns, a cached read 1 µs: look every 16 operations, after each when they are large.
    this.#lookMask = slice.size >= 1 << 18 ? 0 : 15;
    this.#cpu = process.cpuUsage();
    this.#began = performance.now();
    this.#deadline = this.#began + slice.milliseconds;
  }

  done(): void {
    if ((++this.operations & this.#lookMask) === 0 && performance.now() >= this.#deadline) this.over = true;
  }

  /** `bytes` where transfers are not all of the slice's size */
  finish(bytes: number = this.operations * this.#size): Outcome {
    const seconds = (performance.now() - this.#began) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    return { operations: this.operations, bytes, seconds, cpuMicros: user + system };
  }
}
