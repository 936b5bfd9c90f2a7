// From a completed request to its callback: what is ready, and how much of it is delivered per turn of the event loop.
//
// Callbacks never run inside the call that made their request. They may make requests, cancel them and close the ring;
// what they request goes to the kernel together, after all that is ready has been delivered.
import { ERRNO } from '../abi/errno.js';
import { setImmediate } from '../abi/timers.js';
import { TurnBudget } from './fairness.js';
import { SlotQueue, type Slots } from './slots.js';

/** A clock is looked at once in this many deliveries. */
const DELIVERIES_PER_LOOK = 32;
/** Rounds of delivering and entering before the event loop gets its turn, whatever the clock says. */
const ROUNDS_MAX = 4096;

/** What delivery needs of the ring. */
export interface DeliveryHost {
  readonly closed: boolean;
  /** Hands over what the callbacks have requested; false when there was nothing. */
  enterRequested(): boolean;
  /** Nothing is ready any more, and no callback is running. */
  delivered(): void;
  /** Another turn of the event loop has begun, asked for with `goOnLater`. */
  wake(): void;
}

export class Delivery {
  readonly #slots: Slots;
  readonly #host: DeliveryHost;
  readonly #budget: TurnBudget;
  readonly #ready = new SlotQueue(); // COMPLETED
  #running = false;
  #immediateSet = false;
  #isAwake = false;
  #afterwards: (() => void) | null = null;
  #completed = 0;
  #cancelled = 0;

  constructor(slots: Slots, control: Int32Array, host: DeliveryHost) {
    this.#slots = slots;
    this.#budget = new TurnBudget(control);
    this.#host = host;
  }

  /** Results delivered, ever. */
  get completed(): number {
    return this.#completed;
  }

  /** Of those, how many were ECANCELED. */
  get cancelled(): number {
    return this.#cancelled;
  }

  /** A callback is running. */
  get isRunning(): boolean {
    return this.#running;
  }

  get isEmpty(): boolean {
    return this.#ready.isEmpty;
  }

  /** A request whose result is known. */
  push(slot: number): void {
    this.#ready.push(slot);
  }

  /** Whether a result may be returned by the very call that asked for it: not from a callback, nor over the budget. */
  get mayReturnNow(): boolean {
    return !this.#running && !this.#budget.isSpent;
  }

  /** The result of a ready request, taken out without a callback. */
  take(slot: number): number {
    const result = this.#slots.result[slot];
    this.#ready.remove(slot);
    this.#slots.release(slot);
    this.#count(result);
    return result;
  }

  /** A callback of the event loop has begun: there is a fresh budget. */
  renewBudget(): void {
    this.#budget.renew();
  }

  /**
   * Runs callbacks until nothing is ready or this turn's budget is spent.
   *
   * @param unhurried whatever the budget, and inside another callback too (`Ring.wait`)
   * @returns how many were run
   */
  run(unhurried = false): number {
    if (this.#running && !unhurried) return 0; // an outer delivery goes on after this callback
    const nested = this.#running;
    this.#running = true;
    let count = 0;
    try {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        while (!this.#ready.isEmpty) {
          if (!unhurried && count % DELIVERIES_PER_LOOK === 0 && this.#budget.isSpent) {
            this.goOnLater();
            return count;
          }
          count++;
          this.#runOne(this.#ready.shift());
        }
        if (this.#host.closed || !this.#host.enterRequested() || this.#ready.isEmpty) return count;
      }
      this.goOnLater();
      return count;
    } finally {
      this.#running = nested;
      if (!nested && this.#ready.isEmpty) this.#host.delivered();
    }
  }

  /** As `run`, called by the event loop: nothing of the program's is on the stack. */
  runAwake(): void {
    this.#isAwake = true;
    try {
      if (!this.#ready.isEmpty) this.run();
    } finally {
      this.#isAwake = false;
      const work = this.#afterwards;
      this.#afterwards = null;
      work?.();
    }
  }

  /**
   * While the event loop is bringing results: `work` is done when they have been delivered, with nothing of the program's on
   * the stack, and what it throws is an uncaught exception. False when it is not, or there is such work already.
   */
  afterwards(work: () => void): boolean {
    if (!this.#isAwake || this.#afterwards !== null) return false;
    this.#afterwards = work;
    return true;
  }

  #runOne(slot: number): void {
    const done = this.#slots.done[slot];
    const result = this.#slots.result[slot];
    this.#slots.release(slot);
    this.#count(result);
    try {
      done(result);
    } catch (error) {
      // One caller's exception must not cost another its result.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #count(result: number): void {
    this.#completed++;
    if (result === -ERRNO.ECANCELED) this.#cancelled++;
  }

  /** The rest follows in the next turn of the event loop. */
  goOnLater(): void {
    if (this.#immediateSet) return;
    this.#immediateSet = true;
    setImmediate(() => {
      this.#immediateSet = false;
      this.#host.wake();
    });
  }
}
