// The hot loop. Everything that is not the transfer itself happens outside of it: positions are drawn and blocks
// are stamped before a burst, latencies are recorded and blocks are checked after it, while no clock runs. So the
// figures are the engine's and not the harness's, and still every block read is checked in full.
//
//   prepare │ ░░░ timed: `depth` workers share one queue of transfers ░░░ │ check │ prepare │ ░░░ …
//
// The price: at the end of each burst the depth runs down to zero once. With 4096 transfers in a burst and 128 in
// flight that concerns 3 % of them, for every engine alike.
import { performance } from 'node:perf_hooks';
import type { Target } from './target.js';

/** Transfers in a burst where memory allows. */
const BURST_TRANSFERS = 4096;

/** Bytes of buffers in a burst, unless the depth needs more. */
const BURST_BYTES = 64 * 1024 * 1024;

/** How many transfers a burst has: each has a buffer of its own, which is checked when the burst is over. */
export function burstCapacity(blockSize: number, depth: number): number {
  return Math.max(2 * depth, Math.min(BURST_TRANSFERS, Math.floor(BURST_BYTES / blockSize)));
}

/** A failed transfer ends its burst. */
export interface TransferFailure {
  position: number;
  write: boolean;
  error: NodeJS.ErrnoException;
}

/** The transfers of one burst, as parallel arrays: transfer i uses buffer i. Made once, used again and again. */
export class Burst {
  /** Byte offsets in the file. */
  readonly positions: Float64Array;
  /** 1 where the transfer is a write. */
  readonly writes: Uint8Array;
  /** Bytes transferred; less than a block is an error. */
  readonly transferred: Float64Array;
  /** Milliseconds from the call to its result. */
  readonly latencies: Float64Array;
  /** Transfers in this burst. Lowered to `next` to end it early. */
  count = 0;
  /** The first transfer no worker has taken yet. */
  next = 0;
  failure: TransferFailure | null = null;

  constructor(capacity: number) {
    this.positions = new Float64Array(capacity);
    this.writes = new Uint8Array(capacity);
    this.transferred = new Float64Array(capacity);
    this.latencies = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.positions.length;
  }

  reset(): void {
    this.count = 0;
    this.next = 0;
    this.failure = null;
  }

  /** Starts no further transfer; those in flight are still awaited. */
  cut(): void {
    this.count = this.next;
  }
}

/**
 * Runs the burst with `depth` transfers in flight until all are done, one fails, or performance.now() has passed
 * `deadline`. The same code for every engine.
 */
export async function runBurst(burst: Burst, target: Target, depth: number, deadline: number): Promise<void> {
  const workers: Promise<void>[] = [];
  for (let i = 0; i < depth; i++) workers.push(worker(burst, target, deadline));
  await Promise.all(workers);
}

async function worker(burst: Burst, target: Target, deadline: number): Promise<void> {
  let i = 0;
  try {
    while (burst.next < burst.count) {
      i = burst.next++;
      const start = performance.now();
      if (burst.writes[i] === 0) {
        burst.transferred[i] = (await target.read(i, burst.positions[i])).bytesRead;
      } else {
        burst.transferred[i] = (await target.write(i, burst.positions[i])).bytesWritten;
      }
      const end = performance.now();
      burst.latencies[i] = end - start;
      if (end > deadline) burst.cut();
    }
  } catch (error) {
    burst.failure ??= {
      position: burst.positions[i],
      write: burst.writes[i] === 1,
      error: error as NodeJS.ErrnoException,
    };
    burst.cut();
  }
}
