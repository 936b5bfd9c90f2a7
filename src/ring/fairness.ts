// The budget that keeps the event loop fair. Cached data completes inside the submission, so an endless
// `await file.read()` would never leave the microtask queue: timers and sockets would starve. Results are delivered
// at once for TURN_BUDGET_MS of each event-loop turn; after that they wait for the next turn.
import { performance } from 'node:perf_hooks';
import { CTL } from '../abi/native.js';

/** One turn's worth of immediate delivery. A turn itself costs ~10 µs, so this keeps 99 % of the throughput. */
export const TURN_BUDGET_MS = 1;

export class TurnBudget {
  readonly #control: Int32Array;
  #turn = -1;
  #deadline = 0;

  constructor(control: Int32Array) {
    this.#control = control;
  }

  /** Whether this turn of the event loop has had its share. The addon counts turns in the control block. */
  get isSpent(): boolean {
    const turn = this.#control[CTL.TURN];
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#deadline = performance.now() + TURN_BUDGET_MS;
      return false;
    }
    return performance.now() > this.#deadline;
  }

  /** A callback of the event loop begins. */
  renew(): void {
    this.#turn = this.#control[CTL.TURN];
    this.#deadline = performance.now() + TURN_BUDGET_MS;
  }
}
