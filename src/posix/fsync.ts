// aio_fsync: a barrier in software. The kernel runs an fsync beside the writes before it, so it is handed over when the
// last of those has ended (neither IOSQE_IO_DRAIN nor linked entries can do that; see src/ring/order.ts).
import { invalidType } from '../ring/validate.js';
import type { aiocb } from './aiocb.js';
import { EAGAIN, EBUSY, ECANCELED, EINVAL, O_DSYNC, O_SYNC } from './constants.js';
import { describe, described } from './descriptor.js';
import { enter } from './engine.js';
import { fail } from './errno.js';
import { isRunning, KIND, type Request, requestOf } from './request.js';
import { readSigevent } from './sigevent.js';
import { checkRoom, descriptorOf, isBusy, keepCommon } from './submit.js';
import { begin, holdFile, noteFile, run } from './transfer.js';

/**
 * An fsync that waits for writes.
 *
 *   write write  fsync 1   write  fsync 2      each write counts at the first fsync after it, and that one at the next:
 *     └─────┴──►  2 ──────── 1 ──►  2          ten thousand of both are twenty thousand counts, not the product
 */
export interface Barrier {
  readonly request: Request;
  /** writes that have not ended, and the barrier before this one if it waits */
  remaining: number;
  /** of the first write that failed; 0 for none */
  error: number;
  /** of the next fsync of the file, which waits for all that this one waits for */
  next: Barrier | null;
}

/**
 * aio_fsync: "shall asynchronously force all I/O operations associated with the file indicated by the file descriptor
 * aio_fildes … and queued at the time of the call … to the synchronized I/O completion state" (POSIX.1-2017). It is
 * about the file: writes through other descriptors of this thread count, later writes do not. It is never overtaken
 * by, and never overtakes, one of those it covers; `aio_reqprio` makes no difference.
 *
 * Only `aio_fildes` and `aio_sigevent` are looked at. When a write that it covers has failed, and the fsync itself has
 * not, `aio_error` reports the error of that write (cancelled ones do not count).
 *
 * Acceptance rows F1–F14, X17, X18, B6, B7.
 *
 * @param op O_SYNC: as fsync(2); O_DSYNC: as fdatasync(2)
 * @returns 0; or -1 with EINVAL (another op, or a pipe, socket or terminal), EBADF, EBUSY, EAGAIN
 * @throws TypeError for what C's type system would have refused
 */
export function aio_fsync(op: number, cb: aiocb): 0 | -1 {
  if (typeof op !== 'number') throw invalidType('op', 'of type number', op);
  const request = requestOf(cb);
  if (isBusy(request)) return fail(EBUSY);
  const error = prepare(request, op, cb);
  if (error !== 0) return fail(error === EBUSY ? EBUSY : request.refuse(error));
  begin(request);
  if (!waitsForWrites(request)) run(request);
  enter();
  return 0;
}

function prepare(request: Request, op: number, cb: aiocb): number {
  const fd = descriptorOf(cb);
  const notification = readSigevent(cb.aio_sigevent);
  if (isRunning(request)) return EBUSY; // by an accessor of the control block
  if (op !== O_SYNC && op !== O_DSYNC) return EINVAL;
  keepCommon(request, KIND.FSYNC, fd, notification ?? null);
  request.dataOnly = op === O_DSYNC;
  request.view = request.vector = null;
  request.isStream = false;
  request.earlierError = 0;
  const unknown = describe(request.fd);
  if (unknown !== 0) return unknown;
  noteFile(request);
  if (!described.isSeekable || notification === undefined) return EINVAL;
  const full = checkRoom();
  if (full !== 0) return full;
  return holdFile(request) ? 0 : EAGAIN;
}

/** Counts what is in flight before the fsync, which is the last. */
function waitsForWrites(fsync: Request): boolean {
  const barrier: Barrier = { request: fsync, remaining: 0, error: 0, next: null };
  for (let each = fsync.prev; each !== null; each = each.prev) {
    if (!each.isOnFileOf(fsync)) continue;
    if (each.isWrite && each.waitedForBy === null) {
      barrier.remaining++;
      each.waitedForBy = barrier;
    } else if (each.isWrite || each.kind === KIND.FSYNC) {
      // An fsync has seen to all that came before it; where a write is met first, one that was cancelled.
      const before = each.isWrite ? each.waitedForBy : each.barrier;
      if (before !== null) follow(before, barrier);
      break;
    }
  }
  if (barrier.remaining === 0) return false;
  fsync.barrier = barrier;
  return true;
}

function follow(before: Barrier, barrier: Barrier): void {
  while (before.next !== null) before = before.next; // those in between have been cancelled
  before.next = barrier;
  barrier.remaining++;
}

/** A write that `barrier` waits for has ended. Starts the fsyncs that have nothing more to wait for. */
export function passBarrier(barrier: Barrier, status: number): void {
  let error = status === ECANCELED ? 0 : status;
  for (let each: Barrier | null = barrier; each !== null; each = each.next) {
    if (each.error === 0) each.error = error;
    if (--each.remaining > 0) return;
    error = each.error;
    const fsync: Request = each.request;
    if (fsync.barrier !== each) continue; // it has been cancelled
    fsync.barrier = null;
    fsync.earlierError = error;
    run(fsync);
  }
}
