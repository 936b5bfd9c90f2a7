// The hidden half of a control block: the state of its request. It hangs on the program's object, so it lives as long
// as that does, and using the object again allocates nothing.
//
// The states of a control block:
//
//              ┌──────────── refused: the call returned -1 ───────────┐
//              │                                                      ▼
//   UNUSED ── aio_read, … ──► EINPROGRESS ──── completion ────► 0 or an errno
//      ▲                          │                                │    │
//      │                          └── aio_return: -1, EINPROGRESS  │    └─► used again: aio_read, …
//      └──────────────────── aio_return, aio_waitcomplete ─────────┘
//
// While EINPROGRESS the request is in `inFlight`, which holds the control block and its buffer. Afterwards it is in
// `finished`, for aio_waitcomplete, until somebody collects it.
import { Adopt } from '../ring/adopt.js';
import type { Hold } from '../ring/descriptors.js';
import type { Done } from '../ring/slots.js';
import { invalidType } from '../ring/validate.js';
import type { aiocb } from './aiocb.js';
import { EINPROGRESS } from './constants.js';
import type { Barrier } from './fsync.js';
import type { Lane } from './lanes.js';
import type { ListCall } from './listio.js';
import type { Notification } from './sigevent.js';
import type { Vector } from './vector.js';

/** A status that is none: never used, or collected. */
export const UNUSED = -1;

/** What a request does. */
export const KIND = { READ: 0, WRITE: 1, READV: 2, WRITEV: 3, FSYNC: 4 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export interface Waiter {
  resolve(result: number): void;
  reject(error: Error): void;
}

export class Request {
  readonly cb: aiocb;
  /** UNUSED, EINPROGRESS, 0, or the errno of the operation */
  status: number = UNUSED;
  /** as read(2), write(2) or fsync(2) would have returned it */
  result = -1;

  // What was asked for, as it was when the call was made.
  kind: Kind = KIND.READ;
  fd = -1;
  offset: number | bigint = 0;
  /** bytes, over all buffers */
  length = 0;
  view: ArrayBufferView | null = null;
  /** where the bytes are: the view itself does not say any more when its buffer has been transferred */
  address = 0;
  vector: Vector | null = null;
  notification: Notification | null = null;
  /** fsync: of data only */
  dataOnly = false;
  /** fsync: of a write that it has waited for */
  earlierError = 0;

  // What the descriptor meant then.
  flags = 0;
  deviceMajor = 0;
  deviceMinor = 0;
  inodeLow = 0;
  inodeHigh = 0;

  // Where it is.
  /** the number the ring knows it by; 0 while it waits in this folder */
  id = 0;
  /** a pipe, socket or terminal: it has no positions */
  isStream = false;
  /** bytes moved by earlier attempts */
  moved = 0;
  attempts = 0;
  /** aio_cancel has asked for it to end */
  isCancelled = false;
  hold: Hold | null = null;
  lane: Lane | null = null;
  /** in the lane, behind others; between these two */
  isWaiting = false;
  laneNext: Request | null = null;
  lanePrev: Request | null = null;
  /** the fsync's own, while it waits for writes */
  barrier: Barrier | null = null;
  /** of the first fsync that waits for this write */
  waitedForBy: Barrier | null = null;
  list: ListCall | null = null;
  waiters: Waiter[] | null = null;

  /** the list of requests that it is in */
  owner: RequestList | null = null;
  next: Request | null = null;
  prev: Request | null = null;

  /** what the ring calls, made once for all requests of this control block */
  done: Done | null = null;

  constructor(cb: aiocb) {
    this.cb = cb;
  }

  get isWrite(): boolean {
    return this.kind === KIND.WRITE || this.kind === KIND.WRITEV;
  }

  /** Whether it was made on the same file as `other`. */
  isOnFileOf(other: FileIdentity): boolean {
    return (
      this.inodeLow === other.inodeLow &&
      this.inodeHigh === other.inodeHigh &&
      this.deviceMinor === other.deviceMinor &&
      this.deviceMajor === other.deviceMajor
    );
  }

  /** Takes the status away: there is none to retrieve any more. */
  collect(): number {
    this.owner?.remove(this);
    this.status = UNUSED;
    return this.result;
  }

  /** The call that was to start it returns -1; aio_error says the same number. */
  refuse(error: number): number {
    this.owner?.remove(this);
    this.status = error;
    this.result = -1;
    this.forget();
    return error;
  }

  /** Lets go of what was copied for a request that is not made. */
  forget(): void {
    this.view = this.vector = this.notification = this.list = null;
  }
}

/** Which file a descriptor means. */
export interface FileIdentity {
  deviceMajor: number;
  deviceMinor: number;
  inodeLow: number;
  inodeHigh: number;
}

/** The requests that have something in common, in the order in which they got it. */
export class RequestList {
  first: Request | null = null;
  #last: Request | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(request: Request): void {
    request.owner = this;
    request.next = null;
    request.prev = this.#last;
    if (this.#last === null) this.first = request;
    else this.#last.next = request;
    this.#last = request;
    this.#length++;
  }

  remove(request: Request): void {
    const { next, prev } = request;
    if (prev === null) this.first = next;
    else prev.next = next;
    if (next === null) this.#last = prev;
    else next.prev = prev;
    request.owner = request.next = request.prev = null;
    this.#length--;
  }
}

export const inFlight = new RequestList();
export const finished = new RequestList();

/** The private field that holds a control block's request. */
class Controlled extends Adopt {
  #request: Request;

  private constructor(cb: aiocb) {
    super(cb);
    this.#request = new Request(cb);
  }

  static request(cb: aiocb): Request {
    if (!(#request in cb)) new Controlled(cb);
    return (cb as unknown as Controlled).#request;
  }

  static status(cb: aiocb): number {
    return #request in cb ? (cb as unknown as Controlled).#request.status : UNUSED;
  }
}

/** @throws TypeError for what is no object */
export function requestOf(cb: aiocb, name = 'aiocb'): Request {
  if (typeof cb !== 'object' || cb === null) throw invalidType(name, 'of type object', cb);
  return Controlled.request(cb);
}

/** The status of a control block, as far as it has been read back; UNUSED for one that was never used. */
export function statusOf(cb: aiocb, name = 'aiocb'): number {
  if (typeof cb !== 'object' || cb === null) throw invalidType(name, 'of type object', cb);
  return Controlled.status(cb);
}

export function isRunning(request: Request): boolean {
  return request.status === EINPROGRESS;
}
