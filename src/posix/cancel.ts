// aio_cancel: take requests back, and know what has become of them before the call returns.
import { ERRNO } from '../abi/errno.js';
import { cancel } from '../ring/control.js';
import { invalidType } from '../ring/validate.js';
import type { aiocb } from './aiocb.js';
import { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED, ECANCELED, EINVAL } from './constants.js';
import { describe, described } from './descriptor.js';
import { engine, poll } from './engine.js';
import { fail } from './errno.js';
import { inFlight, isRunning, type Request, requestOf } from './request.js';
import { cancelWaiting } from './transfer.js';

/** How long a request may take to end once the engine has agreed to cancel it: that is only said, not done. */
const AGREED_MS = 100;
/** How long a worker of the kernel that blocks on a stream may take to notice that it is interrupted. */
const INTERRUPTED_MS = 20;

/**
 * aio_cancel: "shall attempt to cancel one or more asynchronous I/O requests currently outstanding against file
 * descriptor fildes" (POSIX.1-2017): the one of `cb`, or with null all of them. For each that is cancelled `aio_error`
 * is ECANCELED and `aio_return` -1 when the call returns, and it is notified as any other, once.
 *
 * A blocked read or write of a pipe, socket or terminal can be cancelled; if it had moved bytes already it ends with
 * their count and counts as not cancelled. What waits for its turn can be cancelled too. A transfer of a file that the
 * kernel has begun cannot: it is never waited for.
 *
 * Acceptance rows C1–C10, B3, B5, G-7.
 *
 * @returns AIO_CANCELED: all that were outstanding have been cancelled; AIO_NOTCANCELED: at least one has not;
 *   AIO_ALLDONE: none was outstanding. -1 with EBADF (no such descriptor) or EINVAL (`cb` is about another descriptor)
 * @throws TypeError for what C's type system would have refused
 */
export function aio_cancel(fildes: number, cb: aiocb | null): number {
  if (typeof fildes !== 'number') throw invalidType('fildes', 'of type number', fildes);
  const request = cb === null || cb === undefined ? null : requestOf(cb);
  poll();
  const unknown = describe(fildes);
  if (unknown !== 0) return fail(unknown);
  if (request !== null && fildes !== (isRunning(request) ? request.fd : cb!.aio_fildes)) return fail(EINVAL);
  const targets = request === null ? outstandingOn(fildes) : isRunning(request) ? [request] : [];
  if (targets.length === 0) return AIO_ALLDONE;
  return cancelAll(targets);
}

/** The requests made on this number while it meant the file that it means now. */
function outstandingOn(fd: number): Request[] {
  const targets: Request[] = [];
  for (let each = inFlight.first; each !== null; each = each.next) {
    if (each.fd === fd && each.isOnFileOf(described)) targets.push(each);
  }
  return targets;
}

function cancelAll(targets: readonly Request[]): number {
  // The last first: what waits in a lane must not get its turn because the one before it is cancelled.
  for (let i = targets.length - 1; i >= 0; i--) cancelOne(targets[i]);
  let result: number = AIO_ALLDONE;
  for (const request of targets) {
    if (isRunning(request) || wasCutShort(request)) return AIO_NOTCANCELED;
    if (request.status === ECANCELED) result = AIO_CANCELED;
  }
  return result;
}

/** A write to a stream that had moved bytes already: it ended early with their count. */
function wasCutShort({ status, isCancelled, isStream, isWrite, result, length }: Request): boolean {
  return status === 0 && isCancelled && isStream && isWrite && result > 0 && result < length;
}

function cancelOne(request: Request): void {
  if (!isRunning(request) || cancelWaiting(request)) return;
  const core = engine();
  let answer: number = -ERRNO.EALREADY;
  request.isCancelled = true;
  cancel(core, request.id, (result) => {
    answer = result;
  });
  poll();
  // EALREADY: it is running. On a stream a worker is blocked then, and has been interrupted.
  const patience = answer === 0 ? AGREED_MS : request.isStream ? INTERRUPTED_MS : 0;
  const deadline = performance.now() + patience;
  for (let left = patience; isRunning(request) && left > 0; left = deadline - performance.now()) {
    core.enterAndWait(1, left);
    core.delivery.run(true);
  }
  if (isRunning(request) && !request.isStream) request.isCancelled = false; // it goes on as if nothing had been
}
