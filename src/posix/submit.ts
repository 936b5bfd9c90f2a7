// What all submitting functions have in common: a control block is checked and copied, in the order of the table in
// docs/posix.md, before anything is started.
import { addressOf, bufferOf, byteLengthOf } from '../ring/memory.js';
import { invalidType } from '../ring/validate.js';
import type { aiocb, aiocbv } from './aiocb.js';
import { EAGAIN, EBUSY, EINVAL } from './constants.js';
import { forgetDescribed } from './descriptor.js';
import { poll } from './engine.js';
import { AIO_MAX, AIO_PRIO_DELTA_MAX } from './limits.js';
import { inFlight, isRunning, KIND, type Kind, type Request, requestOf } from './request.js';
import { readSigevent } from './sigevent.js';
import { ended, start } from './transfer.js';
import { vectorOf } from './vector.js';

const OFFSET_MAX = 2n ** 63n - 1n;
/** IOV_MAX: longer vectors are not for the kernel. */
const VECTOR_MAX = 1024;

/**
 * Checks a control block, and starts its transfer. It is handed over by `enter` or `block`.
 *
 * @returns 0, or the errno with which the call fails; then `aio_error` says the same, except for EBUSY
 * @throws TypeError for what C's type system would have refused; then nothing has changed
 */
export function submitTransfer(cb: aiocb, kind: Kind): number {
  const request = requestOf(cb);
  if (isBusy(request)) return EBUSY;
  forgetDescribed();
  const error = copyTransfer(request, cb, kind) || startChecked(request);
  return error === 0 || error === EBUSY ? error : request.refuse(error);
}

/** Starts a transfer that has been copied: 0, or the errno that keeps it from starting. */
export function startChecked(request: Request): number {
  if (isRunning(request)) return EBUSY; // by an accessor of the control block, while it was copied
  return checkRoom() || start(request);
}

/** Whether the last request of the control block is still under way. */
export function isBusy(request: Request): boolean {
  if (!isRunning(request)) return false;
  poll();
  return isRunning(request);
}

/** EAGAIN when AIO_MAX requests are in flight. */
export function checkRoom(): number {
  if (inFlight.length < AIO_MAX) return 0;
  poll();
  return inFlight.length < AIO_MAX ? 0 : EAGAIN;
}

/** What every kind of request takes from its control block. */
export function copyCommon(request: Request, cb: aiocb, kind: Kind): number {
  const { aio_fildes, aio_sigevent } = cb;
  if (typeof aio_fildes !== 'number') throw invalidType('aiocb.aio_fildes', 'of type number', aio_fildes);
  const notification = readSigevent(aio_sigevent);
  request.kind = kind;
  request.fd = aio_fildes;
  if (notification === undefined) return EINVAL;
  request.done ??= (result) => ended(request, result);
  request.notification = notification;
  request.list = null;
  request.isCancelled = false;
  request.moved = request.attempts = 0;
  return 0;
}

/**
 * Copies a control block, for a transfer.
 *
 * @returns 0, or EINVAL
 */
export function copyTransfer(request: Request, cb: aiocb, kind: Kind): number {
  const { aio_reqprio = 0, aio_offset = 0 } = cb;
  if (typeof aio_reqprio !== 'number') throw invalidType('aiocb.aio_reqprio', 'of type number', aio_reqprio);
  const offset = offsetOf(aio_offset);
  const unfit =
    kind === KIND.READV || kind === KIND.WRITEV ? copyVector(request, cb as aiocbv) : copyBuffer(request, cb);
  const error = copyCommon(request, cb, kind);
  if (!Number.isInteger(aio_reqprio) || aio_reqprio < 0 || aio_reqprio > AIO_PRIO_DELTA_MAX) return EINVAL;
  if (offset < 0) return EINVAL;
  request.offset = offset;
  return unfit || error;
}

/** -1 for what is no position. The kernel must not see that: to io_uring it is the file's own position. */
function offsetOf(offset: number | bigint): number | bigint {
  if (typeof offset === 'bigint') return offset >= 0n && offset <= OFFSET_MAX ? offset : -1;
  if (typeof offset !== 'number') throw invalidType('aiocb.aio_offset', 'of type number or bigint', offset);
  if (offset >= 0 && offset <= Number.MAX_SAFE_INTEGER) return Number.isInteger(offset) ? offset : -1;
  return offset > 0 && offset < 2 ** 63 ? BigInt(offset) : -1;
}

function copyBuffer(request: Request, cb: aiocb): number {
  const { aio_buf = null, aio_nbytes } = cb;
  if (aio_buf !== null && !ArrayBuffer.isView(aio_buf)) {
    throw invalidType('aiocb.aio_buf', 'an instance of Buffer, TypedArray, or DataView', aio_buf);
  }
  const size = aio_buf === null ? 0 : byteLengthOf(aio_buf);
  const length = aio_nbytes === undefined ? size : aio_nbytes;
  if (typeof length !== 'number') throw invalidType('aiocb.aio_nbytes', 'of type number', length);
  if (!Number.isInteger(length) || length < 0 || length > size) return EINVAL;
  if (size === 0 && aio_buf !== null && isDetached(aio_buf)) return EINVAL;
  request.view = aio_buf;
  request.address = aio_buf === null ? 0 : addressOf(aio_buf, 0, length);
  request.vector = null;
  request.length = length;
  return 0;
}

function copyVector(request: Request, cb: aiocbv): number {
  const { aio_iov } = cb;
  if (!Array.isArray(aio_iov)) throw invalidType('aiocb.aio_iov', 'an instance of Array', aio_iov);
  if (aio_iov.length > VECTOR_MAX) return EINVAL;
  const vector = [...aio_iov]; // each element is read once: what was checked is what is used
  let length = 0;
  for (let i = 0; i < vector.length; i++) {
    if (!ArrayBuffer.isView(vector[i])) {
      throw invalidType(`aiocb.aio_iov[${i}]`, 'an instance of Buffer, TypedArray, or DataView', vector[i]);
    }
    length += byteLengthOf(vector[i]);
    if (byteLengthOf(vector[i]) === 0 && isDetached(vector[i])) return EINVAL;
  }
  request.view = null;
  request.vector = vectorOf(vector);
  request.length = length;
  return 0;
}

/** Whether the memory of a view of 0 bytes has gone to another owner. */
function isDetached(view: ArrayBufferView): boolean {
  try {
    new Uint8Array(bufferOf(view));
    return false;
  } catch {
    return true; // that is what the constructor throws for
  }
}
