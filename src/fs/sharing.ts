// Many small files are read by this thread and by the pool's workers side by side. What is in memory this thread reads inside
// the call, in 8 µs; handing it to a worker costs 4. So it keeps a few for itself, with which it is busy until workers
// have finished some, and hands over the rest (32 at a time on 2 CPUs: 120 k/s by itself, 145 k/s by workers alone, 180 k/s
// side by side).
import { setTimeout } from '../abi/timers.js';
import { STALL_MS } from '../ring/ports.js';

/** With fewer under way, waking a worker costs more than the file does. */
const POOL_FROM = 8;
/** Of so many or more, this thread reads these. */
const OWN_MAX = 3;
/** Each has memory to read into; what comes beyond them waits, without any. */
export const IN_POOL_MAX = 64;
/** So many more are let in where none of them has ended for a while: a device may never answer. */
const RELIEF = 16;

export class Sharing {
  /** answered inside the call, and not seen by the caller yet */
  #own = 0;
  #inPool = 0;
  #waiting: { begin: () => void; failed: (error: unknown) => void }[] = [];
  /** those before it have begun */
  #first = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #ended = 0;
  #endedAtLastLook = 0;

  get inPool(): number {
    return this.#inPool;
  }

  /** Whether the next file is for a worker. */
  get isPoolsTurn(): boolean {
    return this.#own >= OWN_MAX && this.#own + this.#inPool >= POOL_FROM;
  }

  /** A call that this thread has answered; it is under way until the caller goes on. */
  answered<T>(result: Promise<T>): Promise<T> {
    this.#own++;
    void result.then(this.#seen);
    return result;
  }

  readonly #seen = (): void => {
    this.#own--;
  };

  /**
   * Calls `begin` when there is room in the pool; `ended` is to be called when what it has begun is over.
   *
   * @param failed what it throws
   */
  start(begin: () => void, failed: (error: unknown) => void): void {
    if (this.#inPool < IN_POOL_MAX) {
      this.#begin(begin, failed);
    } else {
      this.#waiting.push({ begin, failed });
      this.#watchForStall();
    }
  }

  ended(): void {
    this.#inPool--;
    this.#ended++;
    if (this.#waiting.length > 0) this.#letIn(IN_POOL_MAX);
  }

  #begin(begin: () => void, failed: (error: unknown) => void): void {
    this.#inPool++;
    try {
      begin();
    } catch (error) {
      this.#inPool--;
      failed(error);
    }
  }

  #letIn(limit: number): void {
    while (this.#inPool < limit && this.#first < this.#waiting.length) {
      const { begin, failed } = this.#waiting[this.#first++];
      this.#begin(begin, failed);
    }
    if (this.#first < this.#waiting.length) return;
    this.#waiting = [];
    this.#first = 0;
  }

  #watchForStall(): void {
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = undefined;
      if (this.#ended === this.#endedAtLastLook) this.#letIn(this.#inPool + RELIEF);
      this.#endedAtLastLook = this.#ended;
      if (this.#waiting.length > 0) this.#watchForStall();
    }, STALL_MS).unref(); // what is in flight keeps the process alive, or does not
  }
}

/** Of this thread. */
export const sharing = new Sharing();
