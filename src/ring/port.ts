// One engine and what a ring needs around it: its queues, the backlog in front of them, entering and reaping.
import { ERRNO } from '../abi/errno.js';
import { CQE_WORD, SQE_WORD } from '../abi/io_uring.js';
import { Backlog } from './backlog.js';
import type { Engine } from './engine.js';
import type { Queues } from './queues.js';
import { type Slots, STATE } from './slots.js';

/** Rounds of refilling and entering in one flush; each hands over at least one request. */
const ROUNDS_MAX = 4096;

/** What a port tells the ring. */
export interface PortListener {
  /** the result of a SUBMITTED request has been read */
  completed(slot: number, result: number): void;
  /** the kernel is short of something for now: try again in the next turn */
  retryLater(): void;
}

export class Port {
  readonly engine: Engine;
  readonly queues: Queues;
  readonly #slots: Slots;
  readonly #backlog: Backlog;
  readonly #listener: PortListener;
  #submitted = 0;
  #stale = 0;
  #reaped = 0;
  #reapedAtLastLook = -1;

  constructor(engine: Engine, slots: Slots, listener: PortListener) {
    this.engine = engine;
    this.queues = engine.queues;
    this.#slots = slots;
    this.#backlog = new Backlog(slots, engine.queues);
    this.#listener = listener;
  }

  /** Requests written to the submission queue, ever. */
  get submitted(): number {
    return this.#submitted;
  }

  /** Completions read, ever. */
  get reaped(): number {
    return this.#reaped;
  }

  /** Nothing is prepared, and nothing is in flight. */
  get isIdle(): boolean {
    return this.queues.prepared === 0 && this.queues.inKernel <= 0;
  }

  /** Completions that named no request of ours: 0 unless the engine or this file is wrong. */
  get stale(): number {
    return this.#stale;
  }

  /** Whether a request of these traits may go to the submission queue now, without overtaking a queued one. */
  hasRoom(traits: number): boolean {
    return this.#backlog.hasRoom(traits);
  }

  /** A request whose entry is in the submission queue. */
  place(slot: number, traits: number): void {
    this.#backlog.submitted(slot, traits);
    this.#submitted++;
  }

  /** A request that has to wait for room. */
  queue(slot: number): void {
    this.#backlog.push(slot);
  }

  /** A QUEUED request is taken back. */
  unqueue(slot: number): void {
    this.#backlog.remove(slot);
  }

  /** Makes a request fail whose entry has been written and not handed over. */
  spoil(slot: number): void {
    const { entries } = this.queues;
    this.queues.forEachPrepared((word) => {
      if (entries[word + SQE_WORD.USER_LO] === slot) entries[word + SQE_WORD.FD] = -1;
    });
  }

  /** Whether requests wait for room. */
  get isFull(): boolean {
    return this.#backlog.isFull;
  }

  /**
   * Makes more room when nothing has been read back since the last look.
   *
   * @returns whether there is more to enter now
   */
  relieveIfStalled(): boolean {
    const stalled = this.#reaped === this.#reapedAtLastLook;
    this.#reapedAtLastLook = this.#reaped;
    if (stalled && this.isFull) this.#backlog.relieve();
    return this.refill();
  }

  /** Moves queued requests to the submission queue, as far as there is room. True when something is to be entered. */
  refill(): boolean {
    this.#submitted += this.#backlog.refill();
    return this.queues.prepared > 0;
  }

  /** Hands over all there is room for and reads back what is complete. How many requests were handed over. */
  flush(): number {
    const before = this.#submitted - this.queues.prepared;
    for (let round = 0; round < ROUNDS_MAX && this.refill(); round++) {
      if (this.enterAndReap(0, -1) < 0) break;
    }
    return this.#submitted - this.queues.prepared - before;
  }

  /** @returns 0, or a negative errno that a later turn may not meet again */
  enterAndReap(minComplete: number, timeoutMs: number): number {
    let error = this.queues.enter(minComplete, timeoutMs);
    this.reap();
    if (error === -ERRNO.EINTR && minComplete === 0) error = this.queues.enter(0, -1);
    if (error === -ERRNO.EBUSY || error === -ERRNO.EAGAIN || error === -ERRNO.EINTR) {
      this.#listener.retryLater(); // what is prepared stays so
      return error;
    }
    if (error < 0 && error !== -ERRNO.ETIME) throw engineError(error);
    return error;
  }

  /**
   * Hands over what is prepared and waits, in one system call.
   *
   * @returns 0; -ETIME; or -EINTR when a signal ended the wait
   */
  enterAndWait(minComplete: number, timeoutMs: number): number {
    const { queues } = this;
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
    const error = queues.enter(minComplete, timeoutMs);
    const isShort = queues.completionsReady < minComplete;
    this.reap();
    if (error === -ERRNO.ETIME || error === -ERRNO.EINTR) return error;
    if (error === -ERRNO.EBUSY || error === -ERRNO.EAGAIN) {
      this.#listener.retryLater();
      return 0;
    }
    if (error < 0) throw engineError(error);
    // A call that has handed something over answers how much, whatever ended its wait; and when not all could be handed
    // over it has not waited.
    if (!isShort || queues.prepared > 0) return 0;
    return performance.now() < deadline ? -ERRNO.EINTR : -ERRNO.ETIME;
  }

  /** Reads back what is complete, if need be by entering; the event loop need not turn for it. */
  poll(): void {
    const { queues } = this;
    const isThere =
      queues.completionsReady > 0 || (this.engine.announcesCompletions && !queues.hasDeferredWork);
    if (isThere) this.reap();
    else this.enterAndReap(0, -1);
  }

  /** Reads completions into their slots and gives the entries back; no callback of a request runs in here. */
  reap(): void {
    const { queues } = this;
    const { ring } = queues;
    const { generation: generations, state, traits } = this.#slots;
    const backlog = this.#backlog;
    const listener = this.#listener;
    for (;;) {
      const count = queues.completionsReady;
      for (let i = 0; i < count; i++) {
        const c = queues.completion(i);
        const slot = ring[c + CQE_WORD.USER_LO];
        if (generations[slot] !== ring[c + CQE_WORD.USER_HI] || state[slot] !== STATE.SUBMITTED) {
          this.#stale++; // never somebody else's result
          continue;
        }
        backlog.reaped(traits[slot]);
        listener.completed(slot, ring[c + CQE_WORD.RES]);
      }
      if (count > 0) queues.consume(count);
      this.#reaped += count;
      // A single enter posts at most 20 deferred completions (since Linux 6.13), and none into a full queue.
      if (count === 0 || !queues.hasDeferredWork) return;
      if (queues.enter(0, -1) < 0) {
        this.#listener.retryLater();
        return;
      }
    }
  }
}

function engineError(error: number): Error {
  return Object.assign(new Error(`io_uring_enter failed with errno ${-error}: the ring cannot go on`), {
    errno: error,
    syscall: 'io_uring_enter',
  });
}
