// A descriptor is held, not a number. A request that waits in user space (for the end of the turn, behind a full
// queue, in a lane) runs on a duplicate, so that closing the caller's descriptor and reusing its number cannot lead
// it to another file. One duplicate serves all requests on the same number, as long as the number means that file.
//
// A request of the pool that is the only one on its number has a duplicate of its own, without a hold (SQE_OWN_DESCRIPTOR):
// the worker that performs it closes that, so half of what keeping a file costs is not this thread's.
//
// A hold that many requests have used is registered with the kernel as well, where the engine can: that saves the
// look-up of the descriptor, 55 of 650 ns of a cached read (see registered.ts).
//
// What remains is a program that, within one turn, makes requests on a number, closes it, opens another file under
// the same number and makes more requests on it: then nobody can tell which request meant which file. The turn's
// end notices (the number and the duplicate are different files) and those requests fail with EBADF.
import { native } from '../abi/native.js';
import { isTransfer } from './operations.js';
import type { RegisteredFiles } from './registered.js';
import { type Slots, TRAIT } from './slots.js';

/** With fewer requests in flight nothing can be said of their files. */
const JUDGED_FROM = 6;

/** After this many requests a held descriptor is registered; doing and undoing it costs as much as it saves on 20. */
const REGISTER_AFTER = 256;

export interface Hold {
  readonly fd: number;
  /** what the requests run on, or the -errno with which that could not be had (EBADF, EMFILE) */
  readonly duplicate: number;
  /** index among the ring's registered files, or -1 */
  registered: number;
  /** requests in flight */
  requests: number;
  uses: number;
  /** the turn in which the number was last seen to mean this file */
  turn: number;
  /** requests of that turn: what a single one means is known */
  usesInTurn: number;
  /** it had no request any more, and is given back in the next sweep if that is still so */
  isListed: boolean;
  /** its descriptor has been given back */
  isClosed: boolean;
}

const NONE: readonly number[] = [];

/**
 * Whether a transfer has a position where there are none (lseek(2)). Not asked for the pool beside io_uring: it makes the
 * system call, which says so itself (SQE_POSITION_COUNTS).
 */
export function lacksPosition(fd: number, position: number | bigint, traits: number): boolean {
  const isAsked = (traits & (TRAIT.POSITION_COUNTS | TRAIT.POOL)) === TRAIT.POSITION_COUNTS;
  return isAsked && position >= 0 && !native().hasPositions(fd);
}

/**
 * Whether a duplicate may be the request's alone: not where the order needs it for longer (a lane), nor where it may be wanted
 * for ever. Reads are made within the call, most of them, and many of them on one number.
 */
function sharesNothing(op: number, traits: number): boolean {
  if ((traits & (TRAIT.LANE | TRAIT.UNBOUNDED)) !== 0) return false;
  return (traits & TRAIT.WRITE) !== 0 || !isTransfer(op);
}

/**
 * Whether the number of a hold of this turn means another file by now. Of one request that does not matter: it has the file
 * that it was called with. Of several nobody can tell.
 */
function isReused(hold: Hold): boolean {
  return hold.usesInTurn > 1 && !hold.isClosed && native().sameFile(hold.fd, hold.duplicate) === 0;
}

export class HeldDescriptors {
  readonly #slots: Slots;
  readonly #files: RegisteredFiles;
  /** the newest of each number; an array, because a request on a descriptor of its own comes and goes here */
  readonly #holds: (Hold | undefined)[] = [];
  /** those of this turn */
  #ofTurn: Hold[] = [];
  /** those that may not be wanted any more */
  #unused: Hold[] = [];
  #last: Hold | null = null; // used in this turn; most turns have one descriptor
  #turn = 0;
  /** requests in flight that have a hold or a duplicate of their own, and the duplicates there are for them */
  #requests = 0;
  #duplicates = 0;
  /** whether a request in flight has a duplicate of its own, by number */
  readonly #owned: (boolean | undefined)[] = [];
  /** of the files that requests are in flight for, each has hardly more than one */
  isSpread = false;

  constructor(slots: Slots, files: RegisteredFiles) {
    this.#slots = slots;
    this.#files = files;
  }

  /**
   * Keeps the file of the request's descriptor until the request is over: 0, or the -errno with which it cannot be.
   *
   * @param closes the engine closes what is a request's own (`Engine.closesOwnDescriptors`)
   */
  keep(slot: number, op: number, fd: number, traits: number, closes: boolean): number {
    const mayOwn = closes && sharesNothing(op, traits);
    if (!mayOwn || this.#holds[fd] !== undefined || this.#owned[fd] === true) return this.hold(slot, fd);
    const duplicate = native().duplicate(fd);
    if (duplicate < 0) return duplicate;
    this.#slots.own[slot] = duplicate;
    this.#owned[fd] = true;
    this.#duplicates++;
    this.#count();
    return 0;
  }

  /** The same by a hold, which is to be released. */
  hold(slot: number, fd: number): number {
    const hold = this.take(fd);
    if (hold.duplicate < 0) return hold.duplicate;
    this.#slots.hold[slot] = hold;
    this.#slots.turn[slot] = this.#turn;
    return 0;
  }

  /** A request that has a duplicate of its own never reached the engine that would close it. */
  closeOwn(slot: number): void {
    native().closeDescriptor(this.#slots.own[slot]);
  }

  /** A request that has a duplicate of its own is over. */
  releaseOwn(slot: number): void {
    this.#slots.own[slot] = -1;
    this.#owned[this.#slots.fd[slot]] = false;
    this.#duplicates--;
    this.#requests--;
  }

  /** One more request is in flight. */
  #count(): void {
    if (++this.#requests >= JUDGED_FROM) this.isSpread = this.#requests < 2 * this.#duplicates;
  }

  /** A hold on `fd` for one more request of this turn; give it back with `release`. */
  take(fd: number): Hold {
    const hold = this.#find(fd) ?? this.#make(fd);
    hold.requests++;
    hold.usesInTurn++;
    if (hold.duplicate >= 0) this.#count();
    if (++hold.uses === REGISTER_AFTER && hold.duplicate >= 0)
      hold.registered = this.#files.add(hold.duplicate);
    return hold;
  }

  /** The hold on `fd`, if there is one and the number still means its file. */
  #find(fd: number): Hold | null {
    if (this.#last?.fd === fd) return this.#last;
    const hold = this.#holds[fd];
    if (hold === undefined || !this.#isCurrent(hold)) return null;
    this.#last = hold;
    return hold;
  }

  /** Whether the number still means the file of the hold, as far as this turn is concerned. */
  #isCurrent(hold: Hold): boolean {
    if (hold.turn === this.#turn) return true;
    if (native().sameFile(hold.fd, hold.duplicate) !== 1) return false;
    hold.turn = this.#turn;
    hold.usesInTurn = 0;
    this.#ofTurn.push(hold);
    return true;
  }

  #make(fd: number): Hold {
    const hold: Hold = {
      fd,
      duplicate: native().duplicate(fd),
      registered: -1,
      requests: 0,
      uses: 0,
      turn: this.#turn,
      usesInTurn: 0,
      isListed: false,
      isClosed: false,
    };
    if (hold.duplicate < 0) return hold;
    this.#duplicates++;
    this.#holds[fd] = hold;
    this.#ofTurn.push(hold);
    this.#last = hold;
    return hold;
  }

  /** A request of this hold is over. `sweep` gives the descriptor back. */
  release(hold: Hold): void {
    if (hold.duplicate >= 0) this.#requests--;
    if (--hold.requests > 0 || hold.duplicate < 0 || hold.isListed) return;
    hold.isListed = true;
    this.#unused.push(hold);
  }

  /** No request has been held in this turn. */
  get isEmpty(): boolean {
    return this.#ofTurn.length === 0;
  }

  /** The turn ends. Returns the requests that were held in it and whose number was reused meanwhile. */
  endTurn(): readonly number[] {
    // Here the turn's requests have been made, so what none of them uses is not wanted again soon.
    this.sweep();
    const turn = this.#turn++;
    const held = this.#ofTurn;
    this.#ofTurn = [];
    this.#last = null;
    const reused = held.filter(isReused);
    return reused.length === 0 ? NONE : reused.flatMap((hold) => this.#requestsOf(hold, turn));
  }

  #requestsOf(hold: Hold, turn: number): number[] {
    const { capacity, hold: holds, turn: turns } = this.#slots;
    const requests: number[] = [];
    for (let slot = 0; slot < capacity; slot++) {
      if (holds[slot] === hold && turns[slot] === turn) requests.push(slot);
    }
    return requests;
  }

  /**
   * Gives back the descriptors that no request needs any more. At once: a file that is open for writing cannot be executed,
   * and a pipe does not end, until the last of its descriptors is closed.
   */
  sweep(): void {
    if (this.#unused.length === 0) return;
    for (const hold of this.#unused) {
      hold.isListed = false;
      if (hold.requests === 0) this.#close(hold);
    }
    this.#unused.length = 0;
  }

  #close(hold: Hold): void {
    hold.isClosed = true;
    this.#duplicates--;
    if (this.#holds[hold.fd] === hold) this.#holds[hold.fd] = undefined;
    if (this.#last === hold) this.#last = null;
    if (hold.registered >= 0) this.#files.remove(hold.registered);
    native().closeDescriptor(hold.duplicate);
  }
}
