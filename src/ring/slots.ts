// A request is a slot: an index into flat arrays, with a generation. No object per request.
//
// The states of a request, the same words as in ARCHITECTURE.md:
//
//            ┌────────────── take ──────────────┐
//            │                                  ▼
//   FREE ◄─ release ─ COMPLETED ◄─ reap ─ SUBMITTED ◄─ room ─ QUEUED ◄─ its turn ─ WAITING
//                         ▲                                      │                    │
//                         └─────────── cancel, close ────────────┴────────────────────┘
//
//   FREE       on the free list; the generation tells late completions of the last request from the next one
//   WAITING    in user space for its turn: in an ordering lane, or behind a barrier; its entry is in `entries`
//   QUEUED     in user space behind a full queue; its entry is in `entries`
//   SUBMITTED  in the submission queue or with the engine, which owns its buffers until the completion
//   COMPLETED  its result has been read from the completion queue and waits to be delivered
//
// A slot is in at most one list at a time (free, or what it waits in), linked through `next` and `prev`.
import { SQE_WORDS } from '../abi/io_uring.js';
import type { Hold } from './descriptors.js';
import { giveBack, type HeldMemory } from './memory.js';
import type { Lane, Written } from './order.js';

export const STATE = { FREE: 0, WAITING: 1, QUEUED: 2, SUBMITTED: 3, COMPLETED: 4 } as const;

/** What else a request is; bits in `Slots.traits`. */
export const TRAIT = {
  /** may take for ever (pipes, sockets, timers): does not count against the completion queue's room */
  UNBOUNDED: 1 << 0,
  /** waits its turn in an ordering lane */
  LANE: 1 << 1,
  /** a later fsync of the same descriptor waits for it */
  WRITE: 1 << 2,
  /** its descriptor is a duplicate held for it */
  HOLD: 1 << 3,
  /** the pool beside io_uring serves it, not the ring's own engine */
  POOL: 1 << 4,
  /** never queued in user space (cancellations) */
  URGENT: 1 << 5,
  /** the engine looks its descriptor up only when a worker gets to it, so it is held from the call on */
  LATE: 1 << 6,
  /** routing counts it while it is in flight */
  COUNTED: 1 << 7,
  /** the engine has been asked to cancel it */
  CANCELLED: 1 << 8,
  /**
   * a transfer to a position where there are none (a pipe, a socket) is refused with ESPIPE, as by pwrite(2); io_uring would
   * ignore the position. Asked each time (0.3 µs): of a number nothing can be remembered.
   */
  POSITION_COUNTS: 1 << 9,
} as const;

/** Of requests at a descriptor's own position: one after the other, and a pipe's may take for ever. */
export const OWN_POSITION = TRAIT.LANE | TRAIT.UNBOUNDED;

/** The callback of a request: its raw result, ≥ 0 as the system call would return, or -errno. */
export type Done = (result: number) => void;

const NONE = -1;
const INITIAL = 1024;

/** At most this many requests may be outstanding on one ring; one more is refused with EAGAIN. */
export const SLOTS_MAX = 1 << 24;
const ID_FACTOR = SLOTS_MAX;

export function ignore(): void {}

export class Slots {
  state = new Uint8Array(INITIAL);
  traits = new Uint16Array(INITIAL);
  generation = new Int32Array(INITIAL);
  result = new Int32Array(INITIAL);
  fd = new Int32Array(INITIAL);
  epoch = new Int32Array(INITIAL);
  /** the turn in which its descriptor was held */
  turn = new Int32Array(INITIAL);
  next = new Int32Array(INITIAL);
  prev = new Int32Array(INITIAL);
  /** the submission entry of a QUEUED request */
  entries = new Int32Array(INITIAL * SQE_WORDS);
  done: Done[] = new Array<Done>(INITIAL).fill(ignore);
  /** what must stay alive until the completion: buffers, paths, held descriptors */
  keep: unknown[] = new Array(INITIAL).fill(null);
  /** memory that is given back when the request is over */
  borrowed: (HeldMemory | null)[] = new Array(INITIAL).fill(null);
  hold: (Hold | null)[] = new Array(INITIAL).fill(null);
  /** a duplicate of the descriptor for this request alone, which the engine closes; or -1 */
  own = new Int32Array(INITIAL).fill(NONE);
  lane: (Lane | null)[] = new Array(INITIAL).fill(null);
  written: (Written | null)[] = new Array(INITIAL).fill(null);

  #free = NONE;
  #capacity = 0;
  #live = 0;

  constructor() {
    this.#link(0, INITIAL);
  }

  /** Requests taken and not released. */
  get live(): number {
    return this.#live;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** A free slot, or -1 when SLOTS_MAX requests are outstanding. The caller sets its state. */
  take(): number {
    let slot = this.#free;
    if (slot === NONE) {
      if (this.#capacity >= SLOTS_MAX) return NONE;
      this.#grow();
      slot = this.#free;
    }
    this.#free = this.next[slot];
    this.#live++;
    return slot;
  }

  release(slot: number): void {
    this.state[slot] = STATE.FREE;
    this.generation[slot] = (this.generation[slot] + 1) & 0x1fffffff;
    this.traits[slot] = 0;
    this.done[slot] = ignore;
    this.keep[slot] = null;
    const memory = this.borrowed[slot];
    if (memory !== null) {
      this.borrowed[slot] = null;
      giveBack(memory);
    }
    this.next[slot] = this.#free;
    this.#free = slot;
    this.#live--;
  }

  /** Whether the request waits in user space, and nothing has been handed over. */
  isInUserSpace(slot: number): boolean {
    const state = this.state[slot];
    return state === STATE.QUEUED || state === STATE.WAITING;
  }

  /** The number a caller knows the request by: positive, a safe integer, never reused for long. */
  id(slot: number): number {
    return (this.generation[slot] + 1) * ID_FACTOR + slot;
  }

  /** The slot that `id` names, or -1 when that request is over. */
  find(id: number): number {
    const slot = id % ID_FACTOR;
    if (!(slot < this.#capacity) || this.state[slot] === STATE.FREE) return NONE;
    return this.id(slot) === id ? slot : NONE;
  }

  #grow(): void {
    const from = this.#capacity;
    const to = from * 2;
    this.state = grown(this.state, new Uint8Array(to));
    this.traits = grown(this.traits, new Uint16Array(to));
    this.generation = grown(this.generation, new Int32Array(to));
    this.result = grown(this.result, new Int32Array(to));
    this.fd = grown(this.fd, new Int32Array(to));
    this.epoch = grown(this.epoch, new Int32Array(to));
    this.turn = grown(this.turn, new Int32Array(to));
    this.own = grown(this.own, new Int32Array(to).fill(NONE));
    this.next = grown(this.next, new Int32Array(to));
    this.prev = grown(this.prev, new Int32Array(to));
    this.entries = grown(this.entries, new Int32Array(to * SQE_WORDS));
    for (let i = from; i < to; i++) {
      this.done.push(ignore);
      this.keep.push(null);
      this.borrowed.push(null);
      this.hold.push(null);
      this.lane.push(null);
      this.written.push(null);
    }
    this.#link(from, to);
  }

  #link(from: number, to: number): void {
    for (let i = from; i < to; i++) this.next[i] = i + 1;
    this.next[to - 1] = this.#free;
    this.#free = from;
    this.#capacity = to;
  }
}

function grown<T extends Uint8Array | Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** A first-in-first-out list of slots, linked through the slots themselves. */
export class SlotList {
  readonly #slots: Slots;
  #head = NONE;
  #tail = NONE;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get first(): number {
    return this.#head;
  }

  get isEmpty(): boolean {
    return this.#head === NONE;
  }

  push(slot: number): void {
    const { next, prev } = this.#slots;
    next[slot] = NONE;
    prev[slot] = this.#tail;
    if (this.#tail === NONE) this.#head = slot;
    else next[this.#tail] = slot;
    this.#tail = slot;
  }

  /** The first slot, taken out; -1 when empty. */
  shift(): number {
    const slot = this.#head;
    if (slot !== NONE) this.remove(slot);
    return slot;
  }

  remove(slot: number): void {
    const { next, prev } = this.#slots;
    const before = prev[slot];
    const after = next[slot];
    if (before === NONE) this.#head = after;
    else next[before] = after;
    if (after === NONE) this.#tail = before;
    else prev[after] = before;
  }
}

/** A first-in-first-out queue of slots in a circular array; nothing is taken out of its middle but by `remove`. */
export class SlotQueue {
  #items = new Int32Array(INITIAL);
  #head = 0; // counts on; the index is the count modulo the length, a power of two
  #tail = 0;

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  push(slot: number): void {
    if (this.#tail - this.#head === this.#items.length) this.#grow();
    this.#items[this.#tail++ & (this.#items.length - 1)] = slot;
  }

  /** The first slot, taken out. There must be one. */
  shift(): number {
    const slot = this.#items[this.#head++ & (this.#items.length - 1)];
    if (this.#head === this.#tail) this.#head = this.#tail = 0; // so that the counts stay small integers
    return slot;
  }

  /** Takes a slot out that was pushed lately; the last one takes its place. */
  remove(slot: number): void {
    const mask = this.#items.length - 1;
    let i = this.#tail - 1;
    while (this.#items[i & mask] !== slot) i--;
    this.#items[i & mask] = this.#items[--this.#tail & mask];
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
  }

  #grow(): void {
    const { length } = this.#items;
    const items = new Int32Array(length * 2);
    for (let i = 0; i < length; i++) items[i] = this.#items[(this.#head + i) & (length - 1)];
    this.#items = items;
    this.#head = 0;
    this.#tail = length;
  }
}
