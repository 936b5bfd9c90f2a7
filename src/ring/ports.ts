// The engines behind one ring. Most rings have one. A ring on io_uring has a companion as well: a pool of threads for
// the requests that the kernel's ring serves worse (routing.ts says which), opened when the first of them comes.
//
// A request belongs to the port that its TRAIT.POOL names, from the moment it has been routed until its completion.
// Order, holds, cancellation and delivery are above this and know nothing of it.
import { ERRNO } from '../abi/errno.js';
import { CTL, native } from '../abi/native.js';
import { clearTimeout, setTimeout } from '../abi/timers.js';
import type { Engine } from './engine.js';
import { POOL_OPERATIONS } from './engine-threads.js';
import { Port, type PortListener } from './port.js';
import { type Slots, TRAIT } from './slots.js';

/** Where no companion could be opened (no descriptor left), it is tried again after this many requests for it. */
const RETRY_AFTER = 1024;

/** How often a full queue is looked at for signs of life, in ms. */
export const STALL_MS = 5;

/** What the ports tell the ring. */
export interface PortsListener extends PortListener {
  /** a stalled port has got room, and something is to be entered */
  roomMade(): void;
}

export class Ports {
  readonly primary: Port;
  readonly #slots: Slots;
  readonly #listener: PortsListener;
  readonly #openCompanion: (() => Engine) | null;
  #companion: Port | null = null;
  #retryIn = 0;
  #stallTimer: NodeJS.Timeout | undefined;

  /** @param openCompanion null when all requests go to `engine` */
  constructor(engine: Engine, openCompanion: (() => Engine) | null, slots: Slots, listener: PortsListener) {
    this.primary = new Port(engine, slots, listener);
    this.#openCompanion = openCompanion;
    this.#slots = slots;
    this.#listener = listener;
  }

  /** Whether there is a companion, or could be. */
  get routes(): boolean {
    return this.#openCompanion !== null;
  }

  /** The pool beside io_uring, opened on first use; null where there is none. */
  get companion(): Port | null {
    return this.#companion ?? this.#tryToOpen();
  }

  /** The same if it is open already. */
  get companionIfOpen(): Port | null {
    return this.#companion;
  }

  #tryToOpen(): Port | null {
    if (this.#openCompanion === null || this.#retryIn-- > 0) return null;
    let engine: Engine;
    try {
      engine = this.#openCompanion();
    } catch {
      // Short of descriptors or memory: nothing but speed is lost, for io_uring serves everything.
      this.#retryIn = RETRY_AFTER;
      return null;
    }
    const { queues } = this.primary;
    engine.queues.control[CTL.UNREF] = queues.control[CTL.UNREF];
    this.#companion = new Port(engine, this.#slots, this.#listener);
    return this.#companion;
  }

  /** The port of a routed request. */
  of(traits: number): Port {
    return (traits & TRAIT.POOL) === 0 ? this.primary : this.#companion!;
  }

  /** Every port that is open. */
  get all(): readonly Port[] {
    return this.#companion === null ? [this.primary] : [this.primary, this.#companion];
  }

  /** Whether one of the engines has the operation. */
  serves(op: number): boolean {
    return this.primary.engine.operations.has(op) || (this.routes && POOL_OPERATIONS.has(op));
  }

  /** Whether requests wait for room that only completions make. */
  get isFull(): boolean {
    return this.primary.isFull || (this.#companion?.isFull ?? false);
  }

  /** @returns whether there is more to enter now */
  relieveIfStalled(): boolean {
    const primary = this.primary.relieveIfStalled();
    const companion = this.#companion?.relieveIfStalled() ?? false;
    return primary || companion;
  }

  /** While requests wait for room, looks from time to time whether that room will ever come. */
  watchForStall(): void {
    if (this.#stallTimer !== undefined) return;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      if (!this.isFull) return;
      if (this.relieveIfStalled()) this.#listener.roomMade();
      this.watchForStall();
    }, STALL_MS).unref(); // what is in flight keeps the process alive, or does not
  }

  /** Moves queued requests to the submission queues. True when something is to be entered. */
  refill(): boolean {
    const primary = this.primary.refill();
    return (this.#companion?.refill() ?? false) || primary;
  }

  /** Hands over all there is room for and reads back what is complete. How many requests were handed over. */
  flush(): number {
    // The pool first: it works while the kernel's ring serves cached data inside the call.
    const handedOver = this.#companion?.flush() ?? 0;
    return this.primary.flush() + handedOver;
  }

  /** Reads what is complete. */
  reap(): void {
    this.primary.reap();
    this.#companion?.reap();
  }

  /** Requests handed over and not read back. */
  get inKernel(): number {
    return this.primary.queues.inKernel + (this.#companion?.queues.inKernel ?? 0);
  }

  /** Reads what is complete, if need be by entering; the event loop need not turn for it. */
  poll(): void {
    this.primary.poll();
    this.#companion?.poll();
  }

  /**
   * Hands over what is prepared and blocks the thread until `min` completions are there (or one of them, where two
   * engines work), at most `timeoutMs` (-1: no limit); reads what is complete.
   *
   * @returns 0; -ETIME; or -EINTR when a signal ended the wait
   */
  enterAndWait(min: number, timeoutMs: number): number {
    const { primary } = this;
    const companion = this.#companion;
    if (companion === null || companion.isIdle) return primary.enterAndWait(min, timeoutMs);
    if (primary.isIdle) return companion.enterAndWait(min, timeoutMs);
    const before = primary.reaped + companion.reaped;
    this.flush();
    if (min === 0 || primary.reaped + companion.reaped > before) return 0;
    const result = native().waitForEither(primary.engine.handle, companion.engine.handle, timeoutMs);
    if (result < 0 && result !== -ERRNO.ETIME && result !== -ERRNO.EINTR) throw waitError(result);
    this.poll();
    return result;
  }

  /** Both keep the process alive for what is in flight, or do not. */
  setUnref(value: number): void {
    for (const { queues, engine } of this.all) {
      queues.control[CTL.UNREF] = value;
      engine.syncReference();
    }
  }

  /** A counter of the control block, over all engines. */
  sum(index: number): number {
    return this.all.reduce((sum, { queues }) => sum + queues.control[index], 0);
  }

  close(): void {
    clearTimeout(this.#stallTimer);
    for (const port of this.all) port.engine.close();
  }
}

function waitError(error: number): Error {
  return Object.assign(new Error(`ppoll failed with errno ${-error}: the ring cannot go on`), {
    errno: error,
    syscall: 'ppoll',
  });
}
