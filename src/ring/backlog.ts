// Requests that wait in user space because the queues are full, and the room there is. Nothing fails for being too
// much: what does not fit is QUEUED here and follows when completions have made room.
//
// Two kinds are counted apart. Bounded work (files) is limited so that all of it fits into the completion queue:
// that queue cannot overflow from it. Requests that may take for ever (pipes, sockets, timers) must not use that
// room up, or a thousand blocked reads would stop all file I/O; should very many of them complete at once, the
// kernel keeps what does not fit and hands it over when there is room (IORING_FEAT_NODROP).
import { SQE_WORDS } from '../abi/io_uring.js';
import type { Queues } from './queues.js';
import { SlotList, type Slots, STATE, TRAIT } from './slots.js';

/** Entries of the completion queue kept free for cancellations. */
const CANCEL_RESERVE = 32;
/** Requests that may take for ever in the kernel at once. */
const UNBOUNDED_MAX = 1 << 16;

export class Backlog {
  readonly #slots: Slots;
  readonly #queues: Queues;
  readonly #bounded: SlotList;
  readonly #unbounded: SlotList;
  readonly #boundedMax: number;
  #relief = 0; // room beyond boundedMax, while what fills it does not move
  #boundedSubmitted = 0;
  #unboundedSubmitted = 0;

  constructor(slots: Slots, queues: Queues) {
    this.#slots = slots;
    this.#queues = queues;
    this.#bounded = new SlotList(slots);
    this.#unbounded = new SlotList(slots);
    this.#boundedMax = queues.cqEntries - Math.min(CANCEL_RESERVE, queues.cqEntries >> 2);
  }

  /** Whether a request of these traits may go to the submission queue now, without overtaking a queued one. */
  hasRoom(traits: number): boolean {
    if (!this.#queues.hasRoom) return false;
    if (traits & TRAIT.URGENT) return true;
    return traits & TRAIT.UNBOUNDED
      ? this.#unboundedSubmitted < UNBOUNDED_MAX && this.#unbounded.isEmpty
      : this.#boundedSubmitted < this.#boundedMax + this.#relief && this.#bounded.isEmpty;
  }

  push(slot: number): void {
    this.#slots.state[slot] = STATE.QUEUED;
    this.#listOf(slot).push(slot);
  }

  remove(slot: number): void {
    this.#listOf(slot).remove(slot);
  }

  #listOf(slot: number): SlotList {
    return this.#slots.traits[slot] & TRAIT.UNBOUNDED ? this.#unbounded : this.#bounded;
  }

  /** A request is in the submission queue. */
  submitted(slot: number, traits: number): void {
    this.#slots.state[slot] = STATE.SUBMITTED;
    if (traits & TRAIT.UNBOUNDED) this.#unboundedSubmitted++;
    else this.#boundedSubmitted++;
  }

  /** The completion of a request with these traits has been read. */
  reaped(traits: number): void {
    if (traits & TRAIT.UNBOUNDED) this.#unboundedSubmitted--;
    else if (--this.#boundedSubmitted < this.#boundedMax) this.#relief = 0;
  }

  /** Whether requests wait for room that only completions of bounded work make. */
  get isFull(): boolean {
    return !this.#bounded.isEmpty;
  }

  /**
   * Nothing has completed for a while though requests wait: what fills the room may never complete (a pipe read at a
   * position, a dead network file system). Others must not wait for that, so there is more room until it does.
   */
  relieve(): void {
    this.#relief = Math.min(this.#relief + this.#boundedMax, UNBOUNDED_MAX);
  }

  /** Moves queued requests to the submission queue, as far as there is room. How many. */
  refill(): number {
    return this.#refill(this.#bounded) + this.#refill(this.#unbounded);
  }

  #refill(list: SlotList): number {
    const { entries } = this.#slots;
    let moved = 0;
    while (!list.isEmpty && this.#queues.hasRoom) {
      const unbounded = list === this.#unbounded;
      if (
        unbounded
          ? this.#unboundedSubmitted >= UNBOUNDED_MAX
          : this.#boundedSubmitted >= this.#boundedMax + this.#relief
      )
        break;
      const slot = list.shift();
      const from = slot * SQE_WORDS;
      this.#queues.entries.set(entries.subarray(from, from + SQE_WORDS), this.#queues.next());
      this.submitted(slot, this.#slots.traits[slot]);
      moved++;
    }
    return moved;
  }
}
