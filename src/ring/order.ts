// Order where POSIX promises it and the kernel does not.
//
// Lanes: requests at a descriptor's own position (pipes, sockets, terminals, O_APPEND and sequential files) run one
// at a time per descriptor and direction, in the order of the calls. Requests with an explicit position never wait.
//
// Barriers: an fsync waits for the writes that were called before it on the same descriptor, not for later ones
// (POSIX.1-2017, aio_fsync). Neither IOSQE_IO_DRAIN (stalls behind an idle pipe) nor linked entries (a short write
// breaks the chain) can do that, so it is counted here.
import { OP } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import type { Hold } from './descriptors.js';
import { SlotList, type Slots, STATE, TRAIT } from './slots.js';

const DIRECTION = { READ: 0, WRITE: 1 } as const;

/** Which requests of a ring wait for others. */
export class Order {
  readonly #slots: Slots;
  readonly #lanes: Lanes;
  readonly #barriers: WriteBarriers;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#lanes = new Lanes(slots);
    this.#barriers = new WriteBarriers(slots);
  }

  /** A request comes: one in a lane, a write or an fsync. False when it has to wait for its turn; then it is WAITING. */
  enter(slot: number, op: number, fd: number, traits: number): boolean {
    const hold = this.#slots.hold[slot];
    if (traits & TRAIT.WRITE) this.#barriers.writeCalled(slot, fd, hold);
    if (traits & TRAIT.LANE) {
      if (this.#lanes.enter(slot, fd, laneDirection(traits), hold?.duplicate ?? -1)) return true;
    } else if (op === OP.FSYNC) {
      if (!this.#barriers.fsyncWaits(slot, fd, hold)) return true;
    } else {
      return true;
    }
    this.#slots.state[slot] = STATE.WAITING;
    return false;
  }

  /** A request in a lane, or a write, is over. Calls `release` for each that may go now. */
  leave(slot: number, traits: number, release: (slot: number) => void): void {
    if (traits & TRAIT.LANE) {
      const next = this.#lanes.leave(slot);
      if (next !== -1) release(next);
    }
    if (traits & TRAIT.WRITE) this.#barriers.writeCompleted(slot, release);
  }

  /** A WAITING request is taken back. */
  remove(slot: number): void {
    const { traits } = this.#slots;
    if (traits[slot] & TRAIT.LANE) {
      this.#lanes.remove(slot);
      traits[slot] &= ~TRAIT.LANE; // it never had the lane, so it must not pass it on
    } else {
      this.#barriers.remove(slot);
    }
  }
}

function laneDirection(traits: number): number {
  return traits & TRAIT.WRITE ? DIRECTION.WRITE : DIRECTION.READ;
}

export interface Lane {
  readonly key: number;
  readonly waiting: SlotList;
  /** a duplicate that is open as long as the lane has requests, to tell its file by; -1 where none is needed */
  duplicate: number;
}

class Lanes {
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

/** The writes to one file through one descriptor number. */
export interface Written {
  readonly fd: number;
  /**
   * tells the file where the number may be closed and used again. null for writes of a descriptor that nobody closes, and of
   * one with a duplicate of its own: an fsync of the next file under the number waits for that, too
   */
  hold: Hold | null;
  /** called and not completed */
  writes: number;
  /** fsyncs that had to wait, so far */
  epoch: number;
  /** null: no fsync has had to wait yet */
  barriers: Barrier[] | null;
}

class WriteBarriers {
  readonly #slots: Slots;
  /** those with writes in flight, by number; an array, because each write comes and goes here */
  readonly #byFd: (Written | undefined)[] = [];

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** @param hold what keeps the write's descriptor; null when nobody closes it while the write is in flight */
  writeCalled(slot: number, fd: number, hold: Hold | null): void {
    let written = this.#find(fd, hold);
    if (written === undefined) {
      written = { fd, hold, writes: 0, epoch: 0, barriers: null };
      this.#byFd[fd] = written;
    }
    written.hold ??= hold;
    written.writes++;
    this.#slots.written[slot] = written;
    this.#slots.epoch[slot] = written.epoch;
  }

  /** True when an fsync called now has to wait for writes; then it is behind a barrier. */
  fsyncWaits(slot: number, fd: number, hold: Hold | null): boolean {
    const written = this.#find(fd, hold);
    if (written === undefined) return false;
    written.barriers ??= [];
    written.barriers.push({ slot, epoch: written.epoch++, remaining: written.writes });
    this.#slots.written[slot] = written;
    return true;
  }

  /** The record of the file that the number means now. One of a file that had the number before does not count. */
  #find(fd: number, hold: Hold | null): Written | undefined {
    const written = this.#byFd[fd];
    if (written === undefined || written.hold === null || written.hold === hold) return written;
    // Its own requests are over, and others in the record are not: of which file, nothing tells any more. Rather wait.
    if (written.hold.isClosed) return written;
    return native().sameFile(fd, written.hold.duplicate) === 1 ? written : undefined;
  }

  /** A write is over. Calls `release` for each fsync that has now nothing left to wait for. */
  writeCompleted(slot: number, release: (slot: number) => void): void {
    const written = this.#slots.written[slot]!;
    this.#slots.written[slot] = null;
    if (--written.writes === 0 && this.#byFd[written.fd] === written) this.#byFd[written.fd] = undefined;
    const { barriers } = written;
    if (barriers === null) return;
    const epoch = this.#slots.epoch[slot];
    for (const barrier of barriers) {
      if (epoch <= barrier.epoch) barrier.remaining--;
    }
    // An earlier fsync waits for a subset of what a later one waits for, so they are released in order.
    while (barriers.length > 0 && barriers[0].remaining === 0) {
      const fsync = barriers.shift()!.slot;
      this.#slots.written[fsync] = null;
      release(fsync);
    }
  }

  /** A waiting fsync is taken back. */
  remove(slot: number): void {
    const barriers = this.#slots.written[slot]!.barriers!;
    this.#slots.written[slot] = null;
    barriers.splice(
      barriers.findIndex((barrier) => barrier.slot === slot),
      1,
    );
  }
}
