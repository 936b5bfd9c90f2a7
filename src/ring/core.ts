// The life of a request, from the call to its callback. The order of the methods is the order of that life:
// request → place (now, in a lane, behind a barrier, behind a full queue) → enter → reap → deliver → release.
//
// When requests go to the kernel: the first of a turn at once, so that `read(); compute(); await` overlaps; the rest
// of the turn's together, when the microtask that the first one queued runs. When results are delivered: never
// inside the call that made the request, except to `transfer`, which returns them.
import { ERRNO } from '../abi/errno.js';
import { OP, SQE, SQE_WORD, SQE_WORDS } from '../abi/io_uring.js';
import { CTL } from '../abi/native.js';
import { setTimeout } from '../abi/timers.js';
import { Delivery, type DeliveryHost } from './delivery.js';
import { HeldDescriptors, type Hold } from './descriptors.js';
import type { Engine } from './engine.js';
import { high, low, writeEntry } from './entry.js';
import { closedError, tooManyRequests } from './errors.js';
import { iovecOf } from './iovec.js';
import { addressOf, bufferOf, byteOffsetOf, isInside, memoryOf, outside } from './memory.js';
import { DIRECTION, Lanes, WriteBarriers } from './order.js';
import type { Port } from './port.js';
import { Ports } from './ports.js';
import { REGISTER_AFTER, RegisteredBuffers, RegisteredFiles } from './registered.js';
import { KIND, Router, servedByWorker } from './routing.js';
import { type Done, ignore, Slots, STATE, TRAIT } from './slots.js';
import type { RingStats } from './stats.js';

/** What `transfer` returns when the result is not in hand: no system call returns this. */
export const PENDING = -0x80000000;

/** How often a full queue is looked at for signs of life, in ms. */
export const STALL_MS = 5;
/**
 * Requests with one of these are held from the call on, even the first of a turn: a worker looks their descriptor up
 * late, or an order is kept for which the file must be known.
 */
const HELD_AT_ONCE = TRAIT.LATE | TRAIT.LANE | TRAIT.WRITE;

const INT32_MAX = 0x7fffffff;
/** In `op`; above it stand the entry's flags. */
const OPCODE_MASK = 0xff;

const RESOLVED = Promise.resolve();

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

  readonly #router: Router;
  readonly #resolvesAtSubmit: boolean;
  readonly #lanes = new Lanes(this.slots);
  readonly #barriers = new WriteBarriers(this.slots);
  readonly registered: RegisteredBuffers;
  readonly #held: HeldDescriptors;
  readonly delivery: Delivery;

  #batchBytes = 0;
  #turnOpen = false;
  #gathering = false;
  #stallTimer: NodeJS.Timeout | null = null;
  #idle: (() => void) | null = null;
  #final: RingStats | null = null; // after close, when the control block is gone

  /** @param openCompanion opens the pool that is to serve beside `engine`; null for none */
  constructor(engine: Engine, openCompanion: (() => Engine) | null = null) {
    this.ports = new Ports(engine, openCompanion, this.slots, {
      completed: (slot, result) => this.#complete(slot, result),
      retryLater: () => this.delivery.goOnLater(),
    });
    this.#router = new Router(this.ports);
    this.#resolvesAtSubmit = engine.resolvesDescriptorsAtSubmit;
    this.registered = new RegisteredBuffers(engine.register);
    this.#held = new HeldDescriptors(new RegisteredFiles(engine.register));
    this.delivery = new Delivery(this.slots, engine.queues.control, this.#deliveryHost());
  }

  #deliveryHost(): DeliveryHost {
    const core = this;
    return {
      get closed() {
        return core.closed;
      },
      enterRequested: () => {
        if (!this.ports.refill() && this.#held.isEmpty) return false;
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
    if (traits & TRAIT.COUNTED) this.#router.begin(traits);

    const first = !this.prompt && !this.#turnOpen && !this.delivery.isRunning;
    let alone = first; // is it entered by itself, before this call is over?
    const soon = first || this.prompt; // … or before the program goes on?
    if ((traits & TRAIT.HOLD) !== 0 && (traits & HELD_AT_ONCE || !soon || !this.#resolvesAtSubmit)) {
      const error = this.#hold(slot, fd);
      if (error !== 0) {
        // No descriptor left for a duplicate: what the kernel takes over within this call needs none.
        if ((traits & TRAIT.POOL) !== 0 && isTransfer(op)) {
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
      now = this.#inOrder(slot, op, fd, traits);
    }
    if (now && !port.hasRoom(traits)) {
      if (!port.queues.hasRoom) this.flush();
      now = port.hasRoom(traits);
    }
    if (!now && slots.hold[slot] === null && (traits & TRAIT.HOLD) !== 0) {
      const error = this.#hold(slot, fd);
      if (error !== 0) return this.#fail(slot, error);
    }
    const hold = slots.hold[slot];
    if (hold !== null) {
      if (hold.registered >= 0 && (traits & TRAIT.POOL) === 0) {
        fd = hold.registered;
        op |= SQE.FIXED_FILE << 8;
      } else {
        fd = hold.duplicate;
      }
    }

    const words = now ? port.queues.entries : slots.entries;
    const w = now ? port.queues.next() : slot * SQE_WORDS;
    writeEntry(words, w, op, fd, offset, addressLow, addressHigh, length, arg, slot, slots.generation[slot]);
    words[w + SQE_WORD.BUF_INDEX] = bufferIndex;
    words[w + SQE_WORD.SPLICE_FD] = spliceFd;

    if (now) {
      port.place(slot, traits);
      if (alone) {
        this.#batchBytes = 0;
        port.enterAndReap(0, -1);
        if (port === this.ports.primary) this.#router.observe(op, slots.state[slot] === STATE.COMPLETED);
      }
    } else if (slots.state[slot] !== STATE.WAITING) {
      port.queue(slot);
      this.#watchForStall();
    }
    if (first) this.#openTurn();
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
    if ((op & OPCODE_MASK) === OP.CLOSE) this.#router.kinds.forget(fd);
    traits |= isTransfer(op)
      ? this.#router.ofTransfer(op, this.#router.kinds.of(fd), bytes)
      : this.#router.ofOperation(op, fd, arg);
    if ((traits & TRAIT.POOL) !== 0) traits |= TRAIT.LATE;
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

  /**
   * As `request`, for a transfer between a file and `length` bytes of a view: OP.READ or OP.WRITE.
   *
   * @throws RangeError when the bytes are not all inside the view's memory
   */
  startTransfer(
    op: number,
    fd: number,
    view: ArrayBufferView,
    byteOffset: number,
    length: number,
    position: number | bigint,
    traits: number,
    done: Done,
  ): number {
    const buffer = bufferOf(view);
    const memory = memoryOf(buffer);
    const start = byteOffsetOf(view) + byteOffset;
    if (!isInside(memory, start, length)) throw outside(memory, start + length);
    const kind = this.#router.kinds.of(fd);
    // With flags above the opcode the caller has chosen who serves it.
    const isRouted = (op & ~OPCODE_MASK) === 0;
    if (isRouted) traits |= this.#router.ofTransfer(op, kind, length);
    let bufferIndex = 0;
    if ((traits & TRAIT.POOL) !== 0 || !isRouted) {
      traits |= TRAIT.LATE;
    } else if (memory.registeredWith === this.registered) {
      // Memory that this ring has registered is used without pinning its pages again.
      bufferIndex = memory.registeredIndex;
      op = op === OP.READ ? OP.READ_FIXED : OP.WRITE_FIXED;
    } else if (++memory.uses === REGISTER_AFTER) {
      this.registered.consider(buffer);
    }
    if (isRouted && servedByWorker(kind, length, this.#batchBytes)) {
      op |= SQE.ASYNC << 8;
      traits |= TRAIT.LATE;
    } else if (isRouted && (traits & TRAIT.POOL) === 0) {
      this.#batchBytes += length;
    }
    // In halves: an address is beyond 2^31, and as one number it would be allocated.
    let addressLow = (memory.addressLow + start) | 0;
    let addressHigh = memory.addressHigh + (addressLow >>> 0 < memory.addressLow >>> 0 ? 1 : 0);
    if (start > INT32_MAX) {
      addressLow = low(memory.address + start);
      addressHigh = high(memory.address + start);
    }
    return this.request(
      op,
      fd,
      position,
      addressLow,
      addressHigh,
      length,
      0,
      traits,
      view,
      done,
      0,
      bufferIndex,
    );
  }

  /** False when the request has to wait for its turn; then it is WAITING. */
  #inOrder(slot: number, op: number, fd: number, traits: number): boolean {
    const hold = this.slots.hold[slot];
    if (traits & TRAIT.WRITE) this.#barriers.writeCalled(slot, fd, hold);
    if (traits & TRAIT.LANE) {
      if (this.#lanes.enter(slot, fd, laneDirection(traits), hold?.duplicate ?? -1)) return true;
    } else if (op === OP.FSYNC) {
      if (!this.#barriers.fsyncWaits(slot, fd, hold)) return true;
    } else {
      return true;
    }
    this.slots.state[slot] = STATE.WAITING;
    return false;
  }

  /** Holds the request's descriptor: 0, or the -errno with which it cannot be. */
  #hold(slot: number, fd: number): number {
    const hold = this.#held.take(fd);
    if (hold.duplicate < 0) {
      this.#held.release(hold);
      return hold.duplicate;
    }
    this.slots.hold[slot] = hold;
    this.slots.turn[slot] = this.#held.turn;
    return 0;
  }

  /** Whether the kernel resolves the descriptor while it takes the request over, and takes it over now. */
  #needsNoHold(traits: number): boolean {
    return this.#resolvesAtSubmit && (traits & (TRAIT.LATE | TRAIT.LANE)) === 0;
  }

  /** A request that cannot even be queued; it has neither lane nor barrier yet. */
  #fail(slot: number, error: number): number {
    const traits = this.slots.traits[slot];
    if (traits & TRAIT.COUNTED) this.#router.end(traits);
    this.slots.traits[slot] = 0;
    this.#complete(slot, error);
    this.#openTurn();
    return slot;
  }

  /** The first request of a turn has been made: the turn ends in a microtask. */
  #openTurn(): void {
    if (this.#turnOpen) return;
    this.#turnOpen = true;
    if (!this.#gathering) void RESOLVED.then(this.#endTurn);
  }

  /**
   * Runs `callbacks`, a turn of the microtask queue after each of them, as one turn of the ring: the first request that
   * they make goes to the kernel at once, the rest with `flush` or when all of them have run.
   */
  gather(callbacks: () => void): void {
    this.#gathering = true;
    try {
      callbacks();
    } finally {
      this.#gathering = false;
      if (this.#turnOpen) this.#endTurn();
    }
  }

  readonly #endTurn = (): void => {
    this.#turnOpen = false;
    if (this.closed) return;
    if (this.ports.refill() || !this.#held.isEmpty) this.flush();
    if (!this.delivery.isEmpty) this.delivery.run();
  };

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
    this.#batchBytes = 0;
    this.#router.kinds.endBatch();
    if (!this.#held.isEmpty) this.#endHolds();
  }

  /** What has been read back outside the event loop wakes nobody any more, so its delivery is this turn's business. */
  #deliverSoon(): void {
    if (!this.delivery.isEmpty && !this.delivery.isRunning) this.#openTurn();
  }

  /** While requests wait for room, looks from time to time whether that room will ever come. */
  #watchForStall(): void {
    if (this.#stallTimer !== null) return;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = null;
      if (this.closed || !this.ports.isFull) return;
      if (this.ports.relieveIfStalled()) this.flush();
      this.#watchForStall();
    }, STALL_MS).unref(); // what is in flight keeps the process alive, or does not
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
    if (traits & TRAIT.LANE) {
      const next = this.#lanes.leave(slot);
      if (next !== -1) this.#released(next);
    }
    if (traits & TRAIT.WRITE) this.#barriers.writeCompleted(slot, this.#released);
    if (traits & TRAIT.COUNTED) this.#router.end(traits);
    const hold = slots.hold[slot];
    if (hold !== null) {
      slots.hold[slot] = null;
      this.#held.release(hold);
    }
  }

  /** The turn's held descriptors whose number means another file by now: their waiting requests fail. */
  #endHolds(): void {
    const { slots } = this;
    const { turn } = this.#held;
    for (const hold of this.#held.endTurn()) {
      for (let slot = 0; slot < slots.capacity; slot++) {
        if (slots.hold[slot] !== hold || slots.turn[slot] !== turn) continue;
        if (this.#isInUserSpace(slot)) this.#abandon(slot, -ERRNO.EBADF);
        else this.#spoil(this.ports.of(slots.traits[slot]), slot);
      }
    }
  }

  /** Makes an entry that has been written and not handed over fail. */
  #spoil({ queues }: Port, slot: number): void {
    const { entries } = queues;
    queues.forEachPrepared((word) => {
      if (entries[word + SQE_WORD.USER_LO] === slot) entries[word + SQE_WORD.FD] = -1; // it answers EBADF
    });
  }

  #isInUserSpace(slot: number): boolean {
    const state = this.slots.state[slot];
    return state === STATE.QUEUED || state === STATE.WAITING;
  }

  /** Takes a request out of what it waits in, in user space, and gives it a result. */
  #abandon(slot: number, result: number): void {
    const { slots } = this;
    const traits = slots.traits[slot];
    if (slots.state[slot] === STATE.QUEUED) {
      this.ports.of(traits).unqueue(slot);
    } else if (traits & TRAIT.LANE) {
      this.#lanes.remove(slot);
      slots.traits[slot] = traits & ~TRAIT.LANE; // it never had the lane, so it must not pass it on
    } else {
      this.#barriers.remove(slot);
    }
    this.#complete(slot, result);
  }

  // ── wake ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The event loop was woken: completions are there. */
  readonly onWake = (): void => {
    if (this.closed) return;
    this.delivery.renewBudget();
    this.ports.reap();
    if (this.ports.refill()) this.flush();
    if (!this.delivery.isEmpty) this.delivery.run();
  };

  #afterDelivery(): void {
    if (!this.closed) this.#held.sweep();
    if (this.slots.live > 0) return;
    const listener = this.#idle;
    this.#idle = null;
    listener?.();
  }

  // ── the result at once when it is there ────────────────────────────────────────────────────────────────────

  /**
   * One transfer on a descriptor that nobody closes before its completion. Returns the result when it is in hand at
   * once (cached data, and the turn's budget not spent), else PENDING: then `pendingId` names the request, and
   * `onDone` must be called before anything else happens. Nothing is checked here.
   *
   * @param byteOffset within the view
   */
  transfer(
    op: number,
    fd: number,
    view: ArrayBufferView,
    byteOffset: number,
    length: number,
    position: number | bigint,
  ): number {
    let traits = op === OP.WRITE ? TRAIT.WRITE : 0;
    if (position === -1) traits |= TRAIT.LANE | TRAIT.UNBOUNDED;
    const slot = this.startTransfer(op, fd, view, byteOffset, length, position, traits, ignore);
    const { slots, delivery } = this;
    if (slots.state[slot] === STATE.COMPLETED && delivery.mayReturnNow) return delivery.take(slot);
    this.pendingId = slots.id(slot);
    return PENDING;
  }

  /** The request that `transfer` left pending. */
  pendingId = 0;

  /**
   * A read that is not wanted yet, or into memory that nobody has touched: by a worker of the pool, where there is one,
   * else of the kernel. As for `transfer`, nobody closes the descriptor before its completion.
   *
   * @returns the request's number
   */
  readByWorker(
    fd: number,
    view: ArrayBufferView,
    byteOffset: number,
    length: number,
    position: number,
    done: Done,
  ): number {
    const { ports } = this;
    const traits = ports.routes && ports.companion !== null ? TRAIT.POOL : 0;
    const op = OP.READ | (SQE.ASYNC << 8);
    return this.slots.id(this.startTransfer(op, fd, view, byteOffset, length, position, traits, done));
  }

  /**
   * The same into several buffers, one after the other.
   *
   * @param bytes of all of them
   */
  readvByWorker(
    fd: number,
    views: readonly ArrayBufferView[],
    bytes: number,
    position: number,
    done: Done,
  ): number {
    const { ports } = this;
    const traits = (ports.routes && ports.companion !== null ? TRAIT.POOL : 0) | TRAIT.LATE;
    const vector = iovecOf(views);
    const op = OP.READV | (SQE.ASYNC << 8);
    const address = addressOf(vector);
    return this.start(op, fd, position, address, views.length, 0, traits, [vector, ...views], done, 0, bytes);
  }

  /** Sets the callback of a pending request. */
  onDone(id: number, done: Done): void {
    this.slots.done[this.slots.find(id)] = done;
  }

  /** Whether the descriptor is, as far as is remembered of the number, something without positions, or a directory. */
  isStream(fd: number): boolean {
    return (this.#router.kinds.of(fd) & KIND.STREAM) !== 0;
  }

  /** A hold for a second descriptor of a request; give it back with `unhold`. */
  hold(fd: number): Hold {
    return this.#held.take(fd);
  }

  unhold(hold: Hold): void {
    this.#held.release(hold);
  }

  // ── for control.ts ─────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a request back that has not been handed over. False when it has, or is complete. */
  cancelQueued(slot: number): boolean {
    if (!this.#isInUserSpace(slot)) return false;
    this.#abandon(slot, -ERRNO.ECANCELED);
    this.#openTurn();
    return true;
  }

  /** A result for `done` without any system call, delivered like all others. */
  answer(result: number, done: Done): void {
    const slot = this.slots.take();
    if (slot < 0) throw tooManyRequests();
    this.slots.done[slot] = done;
    this.#complete(slot, result);
    this.#openTurn();
  }

  /** Calls `listener` once, when the last outstanding request has been delivered. */
  onIdle(listener: () => void): void {
    this.#idle = listener;
  }

  /** Everything has been awaited: the queues go back to the system. */
  release(): void {
    this.#held.sweep();
    this.#final = this.stats;
    this.refusing = this.closed = true;
    this.ports.close();
  }
}

function isTransfer(op: number): boolean {
  return op === OP.READ || op === OP.WRITE || op === OP.READV || op === OP.WRITEV;
}

function laneDirection(traits: number): number {
  return traits & TRAIT.WRITE ? DIRECTION.WRITE : DIRECTION.READ;
}
