// The life of a request, from the call to its callback. The order of the methods is the order of that life:
// request → place (now, in a lane, behind a barrier, behind a full queue) → enter → reap → deliver → release.
//
// When requests go to the kernel: the first of a turn at once, so that `read(); compute(); await` overlaps; the rest
// of the turn's together, when the microtask that the first one queued runs. When results are delivered: never
// inside the call that made the request, except to `transfer` (transfer.ts), which returns them.
import { ERRNO } from '../abi/errno.js';
import { OP, SQE, SQE_WORD, SQE_WORDS } from '../abi/io_uring.js';
import { CTL, SQE_ON_DISK, SQE_OWN_DESCRIPTOR, SQE_POSITION_COUNTS } from '../abi/native.js';
import { Delivery, type DeliveryHost } from './delivery.js';
import { HeldDescriptors, lacksPosition } from './descriptors.js';
import type { Engine } from './engine.js';
import { high, low, writeEntry } from './entry.js';
import { closedError, tooManyRequests } from './errors.js';
import { isTransfer } from './operations.js';
import { Order } from './order.js';
import { Ports } from './ports.js';
import { RegisteredBuffers, RegisteredFiles } from './registered.js';
import { Router } from './routing.js';
import { type Done, Slots, STATE, TRAIT } from './slots.js';
import type { RingStats } from './stats.js';
import { Turn } from './turn.js';

/**
 * Requests with one of these are held from the call on, even the first of a turn: a worker looks their descriptor up
 * late, or an order is kept for which the file must be known.
 */
const HELD_AT_ONCE = TRAIT.LATE | TRAIT.LANE | TRAIT.WRITE;

export class RingCore {
  readonly ports: Ports;
  readonly slots = new Slots();
  /**
   * Whoever makes requests enters them before the program goes on, with `flush` or `enterAndWait`, not in the turn's
   * microtask (posix: `aio_read` submits at once). So one that is entered with its descriptor looked up needs no hold.
   */
  prompt = false;
  /** no more requests are taken: the ring is closing */
  refusing = false;
  closed = false;

  readonly router: Router;
  readonly registered: RegisteredBuffers;
  readonly held: HeldDescriptors;
  readonly delivery: Delivery;
  readonly turn = new Turn(() => this.#endTurn());

  readonly #resolvesAtSubmit: boolean;
  readonly #order = new Order(this.slots);
  #idle: (() => void) | null = null;
  #final: RingStats | null = null; // after close, when the control block is gone

  /** @param openCompanion opens the pool that is to serve beside `engine`; null for none */
  constructor(engine: Engine, openCompanion: (() => Engine) | null = null) {
    this.ports = new Ports(engine, openCompanion, this.slots, {
      completed: (slot, result) => {
        this.#complete(slot, result === -ERRNO.ECANCELED ? this.#whyCancelled(slot) : result);
      },
      retryLater: () => this.delivery.goOnLater(),
      roomMade: () => void this.flush(),
    });
    this.#resolvesAtSubmit = engine.resolvesDescriptorsAtSubmit;
    this.registered = new RegisteredBuffers(engine.register);
    this.held = new HeldDescriptors(this.slots, new RegisteredFiles(engine.register));
    this.router = new Router(this.ports, this.held);
    this.delivery = new Delivery(this.slots, engine.queues.control, this.#deliveryHost());
  }

  #deliveryHost(): DeliveryHost {
    const core = this;
    return {
      get closed() {
        return core.closed;
      },
      enterRequested: () => {
        if (!this.ports.refill() && this.held.isEmpty) return false;
        this.flush();
        return true;
      },
      delivered: () => this.#afterDelivery(),
      wake: () => this.onWake(),
    };
  }

  get stats(): RingStats {
    return (
      this.#final ?? {
        submitted: this.ports.all.reduce((sum, port) => sum + port.submitted, 0),
        completed: this.delivery.completed,
        cancelled: this.delivery.cancelled,
        systemCalls: this.ports.sum(CTL.SYSTEM_CALLS),
        wakeups: this.ports.sum(CTL.WAKEUPS),
      }
    );
  }

  /** Completions that named no live request, ever: 0 unless the kernel or this file is wrong. */
  get staleCompletions(): number {
    return this.ports.all.reduce((sum, port) => sum + port.stale, 0);
  }

  // ── request ────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a slot for a request and finds its place. TRAIT.POOL says which port it is for.
   *
   * @param op opcode, and the entry's flags shifted left by 8
   * @param offset `off`/`addr2` of the entry: a number up to 2^53 or -1, or a bigint
   * @param addressLow lower half of `addr` of the entry
   * @param arg the operation's own flags (`rw_flags`, `open_flags`, …)
   * @param keep what must stay alive until the completion
   * @returns the slot; its state may be COMPLETED already
   */
  request(
    op: number,
    fd: number,
    offset: number | bigint,
    addressLow: number,
    addressHigh: number,
    length: number,
    arg: number,
    traits: number,
    keep: unknown,
    done: Done,
    spliceFd: number,
    bufferIndex: number,
  ): number {
    if (this.refusing && (traits & TRAIT.URGENT) === 0) throw closedError();
    const { slots } = this;
    let port = this.ports.of(traits);
    const slot = slots.take();
    if (slot < 0) throw tooManyRequests();
    slots.traits[slot] = traits;
    slots.fd[slot] = fd;
    slots.keep[slot] = keep;
    slots.done[slot] = done;

    slots.state[slot] = STATE.QUEUED;
    if (traits & TRAIT.COUNTED) this.router.begin(traits);

    if (lacksPosition(fd, offset, traits)) return this.#fail(slot, -ERRNO.ESPIPE);

    const first = !this.prompt && !this.turn.isOpen && !this.delivery.isRunning;
    let alone = first; // is it entered by itself, before this call is over?
    const soon = first || this.prompt; // … or before the program goes on?
    if ((traits & TRAIT.HOLD) !== 0 && (traits & HELD_AT_ONCE || !soon || !this.#resolvesAtSubmit)) {
      const error = this.held.keep(slot, op, fd, traits, port.engine.closesOwnDescriptors);
      if (error !== 0) {
        // No descriptor left for a duplicate: what the kernel takes over within this call needs none.
        if ((traits & (TRAIT.POOL | TRAIT.POSITION_COUNTS)) === TRAIT.POOL && isTransfer(op)) {
          traits &= ~(TRAIT.POOL | TRAIT.LATE);
          slots.traits[slot] = traits;
          port = this.ports.primary;
        }
        if (error !== -ERRNO.EMFILE || !this.#needsNoHold(traits)) return this.#fail(slot, error);
        alone = true;
      }
    }
    let now = true; // may it go to the submission queue?
    if ((traits & (TRAIT.LANE | TRAIT.WRITE)) !== 0 || op === OP.FSYNC) {
      now = this.#order.enter(slot, op, fd, traits);
    }
    if (now && !port.hasRoom(traits)) {
      if (!port.queues.hasRoom) this.flush();
      now = port.hasRoom(traits);
    }
    const own = slots.own[slot];
    if (!now && slots.hold[slot] === null && own < 0 && (traits & TRAIT.HOLD) !== 0) {
      const error = this.held.hold(slot, fd);
      if (error !== 0) return this.#fail(slot, error);
    }
    if ((traits & TRAIT.POOL) !== 0) {
      if (this.router.kinds.isOnDisk(fd)) op |= SQE_ON_DISK << 8;
      if ((traits & TRAIT.POSITION_COUNTS) !== 0) op |= SQE_POSITION_COUNTS << 8;
    }
    const hold = slots.hold[slot];
    if (hold !== null) {
      if (hold.registered >= 0 && (traits & TRAIT.POOL) === 0) {
        fd = hold.registered;
        op |= SQE.FIXED_FILE << 8;
      } else {
        fd = hold.duplicate;
      }
    } else if (own >= 0) {
      fd = own;
      op |= SQE_OWN_DESCRIPTOR << 8;
    }

    const words = now ? port.queues.entries : slots.entries;
    const w = now ? port.queues.next() : slot * SQE_WORDS;
    writeEntry(words, w, op, fd, offset, addressLow, addressHigh, length, arg, slot, slots.generation[slot]);
    words[w + SQE_WORD.BUF_INDEX] = bufferIndex;
    words[w + SQE_WORD.SPLICE_FD] = spliceFd;

    if (now) {
      port.place(slot, traits);
      if (alone) {
        this.router.batchBytes = 0;
        port.enterAndReap(0, -1);
        if (port === this.ports.primary) this.router.observe(op, slots.state[slot] === STATE.COMPLETED);
      }
    } else if (slots.state[slot] !== STATE.WAITING) {
      port.queue(slot);
      this.ports.watchForStall();
    }
    if (first) this.turn.open();
    return slot;
  }

  /**
   * As `request`, and the number the caller knows it by.
   *
   * @param address `addr` of the entry: an address, or 64 bits of something else as a bigint
   * @param bytes of all buffers of a vector
   */
  start(
    op: number,
    fd: number,
    offset: number | bigint,
    address: number | bigint,
    length: number,
    arg: number,
    traits: number,
    keep: unknown,
    done: Done,
    spliceFd = 0,
    bytes = 0,
  ): number {
    traits |= this.router.traitsOf(op, fd, arg, bytes, traits);
    const slot = this.request(
      op,
      fd,
      offset,
      low(address),
      high(address),
      length,
      arg,
      traits,
      keep,
      done,
      spliceFd,
      0,
    );
    return this.slots.id(slot);
  }

  /** The number the caller knows a request by. */
  idOf(slot: number): number {
    return this.slots.id(slot);
  }

  /** The request that `transfer` left pending. */
  pendingId = 0;

  /** Whether the result of a request is known, or has been delivered. */
  isComplete(id: number): boolean {
    const slot = this.slots.find(id);
    return slot < 0 || this.slots.state[slot] === STATE.COMPLETED;
  }

  /** Sets the callback of a pending request. */
  onDone(id: number, done: Done): void {
    this.slots.done[this.slots.find(id)] = done;
  }

  /** Whether the kernel resolves the descriptor while it takes the request over, and takes it over now. */
  #needsNoHold(traits: number): boolean {
    return this.#resolvesAtSubmit && (traits & (TRAIT.LATE | TRAIT.LANE)) === 0;
  }

  /** A request that cannot even be queued; it has neither lane nor barrier yet. */
  #fail(slot: number, error: number): number {
    const traits = this.slots.traits[slot];
    if (traits & TRAIT.COUNTED) this.router.end(traits);
    this.slots.traits[slot] = 0;
    this.#complete(slot, error);
    this.turn.open();
    return slot;
  }

  #endTurn(): void {
    if (this.closed) return;
    if (this.ports.refill() || !this.held.isEmpty) this.flush();
    if (!this.delivery.isEmpty) this.delivery.run();
  }

  // ── enter and reap ─────────────────────────────────────────────────────────────────────────────────────────

  /** Hands over all there is room for and reads back what is complete. How many requests were handed over. */
  flush(): number {
    this.#endBatch();
    const handedOver = this.ports.flush();
    this.#deliverSoon();
    return handedOver;
  }

  /**
   * Hands over what is prepared, waits for `min` completions (or for one, where two engines work) and reads back what
   * is complete: one system call, where one engine has all of it.
   *
   * @param min at most half of the completion queue
   * @param timeoutMs -1: no limit
   * @returns 0; -ETIME; or -EINTR when a signal ended the wait
   */
  enterAndWait(min: number, timeoutMs: number): number {
    this.#endBatch();
    this.ports.refill();
    const result = this.ports.enterAndWait(min, timeoutMs);
    this.#deliverSoon();
    return result;
  }

  /** Reads back what is complete and hands over what that has made room for, without waiting for the event loop. */
  poll(): void {
    this.ports.poll();
    if (this.ports.refill()) this.flush();
    this.#deliverSoon();
  }

  #endBatch(): void {
    this.router.endBatch();
    if (!this.held.isEmpty) this.#endHolds();
  }

  /** What has been read back outside the event loop wakes nobody any more, so its delivery is this turn's business. */
  #deliverSoon(): void {
    if (!this.delivery.isEmpty && !this.delivery.isRunning) this.turn.open();
  }

  /** A request that waited for its order may go. It joins the queue, so that none overtakes it. */
  readonly #released = (slot: number): void => this.ports.of(this.slots.traits[slot]).queue(slot);

  #complete(slot: number, result: number): void {
    const { slots } = this;
    slots.state[slot] = STATE.COMPLETED;
    slots.result[slot] = result;
    this.delivery.push(slot);
    const traits = slots.traits[slot];
    if (traits === 0) return;
    if (traits & (TRAIT.LANE | TRAIT.WRITE)) this.#order.leave(slot, traits, this.#released);
    if (traits & TRAIT.COUNTED) this.router.end(traits);
    const hold = slots.hold[slot];
    if (hold !== null) {
      slots.hold[slot] = null;
      this.held.release(hold);
    } else if (slots.own[slot] >= 0) {
      this.held.releaseOwn(slot);
    }
  }

  /**
   * ECANCELED without having been asked for: io_uring could not make the worker that the request needs. That takes no more
   * than signals that come quickly, as a profiler's do (create_worker_cb in io_uring/io-wq.c, Linux 6.18, tries three
   * times), or a limit on processes. It has not begun, like a system call that was interrupted.
   */
  #whyCancelled(slot: number): number {
    if (this.refusing || (this.slots.traits[slot] & TRAIT.CANCELLED) !== 0) return -ERRNO.ECANCELED;
    this.router.lacksWorkers();
    return -ERRNO.EINTR;
  }

  /** Requests of this turn whose number means another file by now fail, if they have not been handed over. */
  #endHolds(): void {
    for (const slot of this.held.endTurn()) {
      if (this.slots.isInUserSpace(slot)) this.#abandon(slot, -ERRNO.EBADF);
      else this.ports.of(this.slots.traits[slot]).spoil(slot); // it answers EBADF
    }
  }

  /** Takes a request out of what it waits in, in user space, and gives it a result. */
  #abandon(slot: number, result: number): void {
    const { slots } = this;
    if (slots.state[slot] === STATE.QUEUED) this.ports.of(slots.traits[slot]).unqueue(slot);
    else this.#order.remove(slot);
    if (slots.own[slot] >= 0) this.held.closeOwn(slot);
    this.#complete(slot, result);
  }

  // ── wake ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The event loop was woken: completions are there. */
  readonly onWake = (): void => {
    if (this.closed) return;
    this.delivery.renewBudget();
    this.ports.reap();
    if (this.ports.refill()) this.flush();
    this.delivery.runAwake();
  };

  #afterDelivery(): void {
    if (!this.closed) this.held.sweep();
    if (this.slots.live > 0) return;
    const listener = this.#idle;
    this.#idle = null;
    listener?.();
  }

  // ── for control.ts ─────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a request back that has not been handed over. False when it has, or is complete. */
  cancelQueued(slot: number): boolean {
    if (!this.slots.isInUserSpace(slot)) return false;
    this.#abandon(slot, -ERRNO.ECANCELED);
    this.turn.open();
    return true;
  }

  /** A result for `done` without any system call, delivered like all others. */
  answer(result: number, done: Done): void {
    const slot = this.slots.take();
    if (slot < 0) throw tooManyRequests();
    this.slots.done[slot] = done;
    this.#complete(slot, result);
    this.turn.open();
  }

  /** Calls `listener` once, when the last outstanding request has been delivered. */
  onIdle(listener: () => void): void {
    this.#idle = listener;
  }

  /** Everything has been awaited: the queues go back to the system. */
  release(): void {
    this.held.sweep();
    this.#final = this.stats;
    this.refusing = this.closed = true;
    this.ports.close();
  }
}
