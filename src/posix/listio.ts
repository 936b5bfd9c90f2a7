// lio_listio: a list of transfers, handed over together.
import { invalidType } from '../ring/validate.js';
import type { aiocb } from './aiocb.js';
import {
  EAGAIN,
  EBUSY,
  EINVAL,
  EIO,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_READV,
  LIO_WAIT,
  LIO_WRITE,
  LIO_WRITEV,
} from './constants.js';
import { forgetDescribed } from './descriptor.js';
import { block, enter } from './engine.js';
import { fail } from './errno.js';
import { AIO_LISTIO_MAX } from './limits.js';
import { KIND, type Kind, type Request, requestOf } from './request.js';
import { type Notification, notify, readSigevent, type sigevent } from './sigevent.js';
import { copyTransfer, isBusy, startChecked } from './submit.js';

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [LIO_READ, KIND.READ],
  [LIO_WRITE, KIND.WRITE],
  [LIO_READV, KIND.READV],
  [LIO_WRITEV, KIND.WRITEV],
]);

/** One call of lio_listio: what its elements have in common. */
export class ListCall {
  /** elements in flight, and one more while the list is being started: none may bring it to 0 before the last began */
  remaining = 1;
  /** whether an element that was started has failed */
  hasFailed = false;
  /** whether one has to wait for its turn, or may have to, on a stream or with O_APPEND */
  hasLanes = false;
  readonly #notification: Notification | null;

  constructor(notification: Notification | null) {
    this.#notification = notification;
  }

  elementEnded(status: number): void {
    if (status !== 0) this.hasFailed = true;
    this.#less();
  }

  /** All have been started. */
  started(): void {
    this.#less();
  }

  #less(): void {
    if (--this.remaining === 0 && this.#notification !== null) notify(this.#notification);
  }
}

/**
 * lio_listio: "shall initiate a list of I/O requests with a single function call" (POSIX.1-2017), and here with a single
 * system call, as long as the list is no longer than the submission queue (`aio_init`). With LIO_WAIT the same system
 * call waits for all of them.
 *
 * Null elements and those with LIO_NOP are ignored. One that fails, or cannot be started, does not keep the others back:
 * `aio_error` of each says what became of it. Its own `aio_sigevent` is obeyed in both modes.
 *
 * Acceptance rows L1–L25, X11, X12, B10–B13, B15, G-1 to G-5, G-8, G-10.
 *
 * @param mode LIO_WAIT: returns when all have ended, `sig` is ignored; LIO_NOWAIT: returns when all have begun
 * @param nent how many elements of the list, at most AIO_LISTIO_MAX
 * @param sig notifies, with LIO_NOWAIT, once, when all that were started have ended; at once when there is none to start
 * @returns 0; or -1 with EINVAL (mode, nent or sig: nothing was started), EIO (an element failed, with LIO_NOWAIT: could
 *   not be started for a reason of its own), EAGAIN (AIO_MAX: not all could be started), EINTR (a signal was caught
 *   while waiting: the requests go on)
 * @throws TypeError for what C's type system would have refused; then nothing was started
 */
export function lio_listio(
  mode: number,
  list: readonly (aiocb | null | undefined)[],
  nent: number,
  sig: sigevent | null,
): 0 | -1 {
  if (!Array.isArray(list)) throw invalidType('list', 'an instance of Array', list);
  if (typeof mode !== 'number') throw invalidType('mode', 'of type number', mode);
  if (typeof nent !== 'number') throw invalidType('nent', 'of type number', nent);
  if (mode !== LIO_WAIT && mode !== LIO_NOWAIT) return fail(EINVAL);
  if (!Number.isInteger(nent) || nent < 0 || nent > list.length || nent > AIO_LISTIO_MAX) return fail(EINVAL);
  const notification = mode === LIO_NOWAIT ? readSigevent(sig) : null;
  if (notification === undefined) return fail(EINVAL);
  const call = new ListCall(notification);
  const elements = plan(call, list, nent);
  if (elements.length === 0) {
    call.started();
    return 0;
  }
  const refused = startAll(call, elements);
  return mode === LIO_WAIT ? waitForAll(call, refused) : goOn(call, elements.length, refused);
}

interface Element {
  readonly request: Request;
  /** why it cannot be started; 0 when it can */
  readonly error: number;
}

/** What the list amounts to. Whatever throws, throws here, before anything has been started. */
function plan(call: ListCall, list: readonly (aiocb | null | undefined)[], nent: number): Element[] {
  const elements: Element[] = [];
  try {
    read(call, list, nent, elements);
  } catch (error) {
    for (const { request } of elements) if (request.list === call) request.forget();
    throw error;
  }
  return elements;
}

function read(
  call: ListCall,
  list: readonly (aiocb | null | undefined)[],
  nent: number,
  elements: Element[],
): void {
  for (let i = 0; i < nent; i++) {
    const cb = list[i];
    if (cb === null || cb === undefined) continue;
    const request = requestOf(cb, `list[${i}]`);
    const { aio_lio_opcode = LIO_READ } = cb;
    if (aio_lio_opcode === LIO_NOP) continue;
    const kind = KINDS.get(aio_lio_opcode);
    let error = EBUSY; // in flight, or in this list already
    if (request.list !== call && !isBusy(request)) {
      error = kind === undefined ? EINVAL : copyTransfer(request, cb, kind);
      if (error !== EBUSY) request.list = call;
    }
    elements.push({ request, error });
  }
}

/** What the call could not start: the reason that it reports, or 0. */
function startAll(call: ListCall, elements: readonly Element[]): Refusal {
  const refused: Refusal = { elements: 0, error: 0 };
  forgetDescribed();
  for (const { request, error: planned } of elements) {
    // Where it is not this call's any more, an accessor of a later element has used the control block.
    const error = request.list === call ? planned || startChecked(request) : EBUSY;
    if (error === 0) {
      if (request.lane !== null) call.hasLanes = true;
      call.remaining++;
      continue;
    }
    if (error !== EBUSY) request.refuse(error);
    refused.elements++;
    if (refused.error !== EIO) refused.error = error === EAGAIN ? EAGAIN : EIO;
  }
  return refused;
}

interface Refusal {
  elements: number;
  error: number;
}

function goOn(call: ListCall, elements: number, refused: Refusal): 0 | -1 {
  enter();
  // Where nothing was started there is nothing to notify of.
  if (refused.elements < elements) call.started();
  return refused.error === 0 ? 0 : fail(refused.error);
}

function waitForAll(call: ListCall, refused: Refusal): 0 | -1 {
  call.started();
  if (call.remaining > 0) {
    // Where requests run one after the other, the next one begins when this thread hears of the end of the last.
    const atOnce = () => (call.hasLanes ? 1 : call.remaining);
    const error = block(atOnce, Number.POSITIVE_INFINITY, () => call.remaining === 0);
    if (error !== 0) return fail(error);
  }
  const error = call.hasFailed ? EIO : refused.error;
  return error === 0 ? 0 : fail(error);
}
