// Measures how long the event loop keeps a timer waiting: what every other callback of a program would feel.
//
// A timer of 1 ms is set again and again; what passes between two of its calls beyond that millisecond is delay.
// It is what perf_hooks.monitorEventLoopDelay({ resolution: 1 }) measures, with two differences: that one reports
// the interval and leaves it to the reader to subtract the resolution, and it cannot leave out the time in which
// the benchmark checks blocks, which is the harness's doing and not the engine's.
import { createHistogram, performance } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

const NS_PER_MS = 1e6;

export class LoopDelay {
  readonly #histogram = createHistogram();
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  /** Starts measuring; measurements add up over any number of start and stop. */
  start(): void {
    this.#last = performance.now();
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Leaves `ms` out that have just been spent, without a turn of the loop, on something not to be measured. */
  exclude(ms: number): void {
    this.#last += ms;
  }

  /** Milliseconds that `percent` of the timer's calls were late by at most; NaN before the first call. */
  percentile(percent: number): number {
    if (this.#histogram.count === 0) return Number.NaN;
    return this.#histogram.percentile(percent) / NS_PER_MS;
  }

  get count(): number {
    return this.#histogram.count;
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      const now = performance.now();
      const late = Math.max(0, now - this.#last - RESOLUTION_MS);
      // A histogram holds whole numbers from 1 on: nanoseconds, and "not late at all" is 1 of them.
      this.#histogram.record(Math.max(1, Math.round(late * NS_PER_MS)));
      this.#last = now;
      this.#arm();
    }, RESOLUTION_MS);
  }
}
