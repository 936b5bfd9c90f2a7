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
import { type Notification, readSigevent } from './sigevent.js';
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

/** The descriptor of a control block, as every kind of request reads it. */
export function descriptorOf(cb: aiocb): number {
  const { aio_fildes } = cb;
  if (typeof aio_fildes !== 'number') throw invalidType('aiocb.aio_fildes', 'of type number', aio_fildes);
  return aio_fildes;
}

/** What every kind of request keeps of its control block. */
export function keepCommon(
  request: Request,
  kind: Kind,
  fd: number,
  notification: Notification | null,
): void {
  request.done ??= (result) => ended(request, result);
  request.kind = kind;
  request.fd = fd;
  request.notification = notification;
  request.list = null;
  request.isCancelled = false;
  request.moved = request.attempts = 0;
}

/**
 * Copies a control block, for a transfer. All of it is read before any of it is kept: reading may run accessors of the
 * program, which may throw, or use this very control block.
 *
 * @returns 0, EINVAL, or EBUSY when an accessor has started a request of the control block
 */
export function copyTransfer(request: Request, cb: aiocb, kind: Kind): number {
  const fd = descriptorOf(cb);
  const notification = readSigevent(cb.aio_sigevent);
  const { aio_reqprio = 0, aio_offset = 0 } = cb;
  if (typeof aio_reqprio !== 'number') throw invalidType('aiocb.aio_reqprio', 'of type number', aio_reqprio);
  const offset = offsetOf(aio_offset);
  const isVector = kind === KIND.READV || kind === KIND.WRITEV;
  const views = isVector ? readVector(cb as aiocbv) : null;
  const view = isVector ? null : readBuffer(cb);
  const length = views !== null ? lengthOf(views) : readLength(cb, view);
  if (isRunning(request)) return EBUSY;
  if (!Number.isInteger(aio_reqprio) || aio_reqprio < 0 || aio_reqprio > AIO_PRIO_DELTA_MAX) return EINVAL;
  if (offset < 0 || length < 0 || notification === undefined) return EINVAL;
  keepCommon(request, kind, fd, notification);
  request.offset = offset;
  request.length = length;
  request.view = view;
  request.address = view === null ? 0 : addressOf(view, 0, length);
  request.vector = views === null ? null : vectorOf(views);
  return 0;
}

/** -1 for what is no position. The kernel must not see that: to io_uring it is the file's own position. */
function offsetOf(offset: number | bigint): number | bigint {
  if (typeof offset === 'bigint') return offset >= 0n && offset <= OFFSET_MAX ? offset : -1;
  if (typeof offset !== 'number') throw invalidType('aiocb.aio_offset', 'of type number or bigint', offset);
  if (offset >= 0 && offset <= Number.MAX_SAFE_INTEGER) return Number.isInteger(offset) ? offset : -1;
  return offset > 0 && offset < 2 ** 63 ? BigInt(offset) : -1;
}

function readBuffer(cb: aiocb): ArrayBufferView | null {
  const { aio_buf = null } = cb;
  if (aio_buf !== null && !ArrayBuffer.isView(aio_buf)) {
    throw invalidType('aiocb.aio_buf', 'an instance of Buffer, TypedArray, or DataView', aio_buf);
  }
  return aio_buf;
}

/** The bytes to transfer; -1 where the view has not as many. */
function readLength(cb: aiocb, view: ArrayBufferView | null): number {
  const { aio_nbytes } = cb;
  const size = view === null ? 0 : byteLengthOf(view);
  const length = aio_nbytes === undefined ? size : aio_nbytes;
  if (typeof length !== 'number') throw invalidType('aiocb.aio_nbytes', 'of type number', length);
  if (!Number.isInteger(length) || length < 0 || length > size) return -1;
  return size === 0 && view !== null && isDetached(view) ? -1 : length;
}

function readVector(cb: aiocbv): ArrayBufferView[] {
  const { aio_iov } = cb;
  if (!Array.isArray(aio_iov)) throw invalidType('aiocb.aio_iov', 'an instance of Array', aio_iov);
  // Each element is read once: what is checked is what is used. A longer vector is refused, whatever is in it.
  const views = aio_iov.slice(0, VECTOR_MAX + 1);
  for (let i = 0; i < views.length; i++) {
    if (!ArrayBuffer.isView(views[i])) {
      throw invalidType(`aiocb.aio_iov[${i}]`, 'an instance of Buffer, TypedArray, or DataView', views[i]);
    }
  }
  return views;
}

/** The bytes of all views together; -1 for more views than a call may have, or one whose memory has gone. */
function lengthOf(views: readonly ArrayBufferView[]): number {
  if (views.length > VECTOR_MAX) return -1;
  let length = 0;
  for (const view of views) {
    const size = byteLengthOf(view);
    if (size === 0 && isDetached(view)) return -1;
    length += size;
  }
  return length;
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
