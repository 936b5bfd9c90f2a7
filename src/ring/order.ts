// Order where POSIX promises it and the kernel does not.
//
// Lanes: requests at a descriptor's own position (pipes, sockets, terminals, O_APPEND and sequential files) run one
// at a time per descriptor and direction, in the order of the calls. Requests with an explicit position never wait.
//
// Barriers: an fsync waits for the writes that were called before it on the same descriptor, not for later ones
// (POSIX.1-2017, aio_fsync). Neither IOSQE_IO_DRAIN (stalls behind an idle pipe) nor linked entries (a short write
// breaks the chain) can do that, so it is counted here.
import { native } from '../abi/native.js';
import { SlotList, type Slots } from './slots.js';

export const DIRECTION = { READ: 0, WRITE: 1 } as const;

export interface Lane {
  readonly key: number;
  readonly waiting: SlotList;
  /** a duplicate that is open as long as the lane has requests, to tell its file by; -1 where none is needed */
  duplicate: number;
}

export class Lanes {
  readonly #slots: Slots;
  readonly #lanes = new Map<number, Lane>();

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /**
   * Enters the request into the lane of its descriptor. True when it may go now, false when it waits there.
   *
   * A number that has been closed and opened again is another file: its requests do not queue behind the old ones.
   *
   * @param duplicate the request's held descriptor, or -1 when nobody closes the number while it is in flight
   */
  enter(slot: number, fd: number, direction: number, duplicate: number): boolean {
    const key = fd * 2 + direction;
    const lane = this.#lanes.get(key);
    if (lane !== undefined && isSameFile(lane, fd)) {
      lane.duplicate = duplicate; // the last to come is the last to go
      lane.waiting.push(slot);
      this.#slots.lane[slot] = lane;
      return false;
    }
    const fresh = { key, duplicate, waiting: new SlotList(this.#slots) };
    this.#lanes.set(key, fresh);
    this.#slots.lane[slot] = fresh;
    return true;
  }

  /** The request that was running is over. The next one, which now has the lane, or -1. */
  leave(slot: number): number {
    const lane = this.#slots.lane[slot]!;
    this.#slots.lane[slot] = null;
    const next = lane.waiting.shift();
    if (next === -1 && this.#lanes.get(lane.key) === lane) this.#lanes.delete(lane.key);
    return next;
  }

  /** A waiting request is taken back. */
  remove(slot: number): void {
    this.#slots.lane[slot]!.waiting.remove(slot);
    this.#slots.lane[slot] = null;
  }
}

function isSameFile(lane: Lane, fd: number): boolean {
  return lane.duplicate < 0 || native().sameFile(fd, lane.duplicate) !== 0;
}

interface Barrier {
  readonly slot: number;
  readonly epoch: number;
  /** writes called before the fsync that have not completed */
  remaining: number;
}

/** Descriptors below this are counted in a flat array; the few there may be above it in a map. */
const FLAT_MAX = 1 << 16;

/** A counter per descriptor. */
class DescriptorCounts {
  #flat = new Int32Array(256);
  readonly #beyond = new Map<number, number>();

  get(fd: number): number {
    if (fd < this.#flat.length) return this.#flat[fd];
    return this.#beyond.get(fd) ?? 0;
  }

  add(fd: number, change: number): void {
    if (fd < this.#flat.length) this.#flat[fd] += change;
    else if (fd < FLAT_MAX) this.#grow(fd)[fd] += change;
    else this.#beyond.set(fd, this.get(fd) + change);
  }

  #grow(fd: number): Int32Array {
    const grown = new Int32Array(2 ** Math.ceil(Math.log2(fd + 1)));
    grown.set(this.#flat);
    this.#flat = grown;
    return grown;
  }
}

export class WriteBarriers {
  readonly #slots: Slots;
  readonly #writes = new DescriptorCounts(); // called and not completed
  readonly #epochs = new DescriptorCounts(); // fsyncs that had to wait, so far
  readonly #barriers = new Map<number, Barrier[]>();

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  writeCalled(slot: number, fd: number): void {
    this.#writes.add(fd, 1);
    this.#slots.epoch[slot] = this.#epochs.get(fd);
  }

  /** True when an fsync called now has to wait for writes. */
  hasWrites(fd: number): boolean {
    return this.#writes.get(fd) > 0;
  }

  wait(slot: number, fd: number): void {
    const barriers = this.#barriers.get(fd);
    const barrier = { slot, epoch: this.#epochs.get(fd), remaining: this.#writes.get(fd) };
    this.#epochs.add(fd, 1);
    if (barriers) barriers.push(barrier);
    else this.#barriers.set(fd, [barrier]);
  }

  /** A write is over. Calls `release` for each fsync that has now nothing left to wait for. */
  writeCompleted(slot: number, fd: number, release: (slot: number) => void): void {
    this.#writes.add(fd, -1);
    if (this.#barriers.size === 0) return;
    const barriers = this.#barriers.get(fd);
    if (!barriers) return;
    const epoch = this.#slots.epoch[slot];
    for (const barrier of barriers) {
      if (epoch <= barrier.epoch) barrier.remaining--;
    }
    // An earlier fsync waits for a subset of what a later one waits for, so they are released in order.
    while (barriers.length > 0 && barriers[0].remaining === 0) release(barriers.shift()!.slot);
    if (barriers.length === 0) this.#barriers.delete(fd);
  }

  /** A waiting fsync is cancelled. */
  remove(slot: number, fd: number): void {
    const barriers = this.#barriers.get(fd)!;
    barriers.splice(
      barriers.findIndex((barrier) => barrier.slot === slot),
      1,
    );
    if (barriers.length === 0) this.#barriers.delete(fd);
  }
}
