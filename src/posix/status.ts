// aio_error, aio_return: what has become of a request. Neither needs a turn of the event loop.
import type { aiocb } from './aiocb.js';
import { EINPROGRESS, EINVAL } from './constants.js';
import { poll } from './engine.js';
import { fail } from './errno.js';
import { requestOf, statusOf, UNUSED } from './request.js';

/**
 * aio_error: "shall return the error status associated with the aiocb structure" (POSIX.1-2017). It may be called any
 * number of times, in a loop too: it looks for completions itself.
 *
 * Acceptance rows E1–E3, B13.
 *
 * @returns EINPROGRESS while it runs; 0 when it has succeeded; the errno of the operation when it has failed (ECANCELED
 *   when it was cancelled); -1 with EINVAL when the control block was never used or its status has been collected
 * @throws TypeError for what is no control block
 */
export function aio_error(cb: aiocb): number {
  let status = statusOf(cb);
  if (status === EINPROGRESS) {
    poll();
    status = statusOf(cb);
  }
  return status === UNUSED ? fail(EINVAL) : status;
}

/**
 * aio_return: "shall return the return status associated with the aiocb structure": "the value that would be returned by
 * the corresponding read(), write(), or fsync()" (POSIX.1-2017). Once: it collects the status.
 *
 * Acceptance rows T1–T4, X20, X23.
 *
 * @returns the bytes transferred; 0 for the end of the file, or for an fsync; -1 for a failed operation, whose error is
 *   then in `errno` (as on FreeBSD; portable programs ask `aio_error` before). Also -1 with EINPROGRESS while it runs,
 *   nothing being collected, and -1 with EINVAL when there is nothing to collect
 * @throws TypeError for what is no control block
 */
export function aio_return(cb: aiocb): number {
  const request = requestOf(cb);
  if (request.status === EINPROGRESS) poll();
  const { status } = request;
  if (status === UNUSED) return fail(EINVAL);
  if (status === EINPROGRESS) return fail(EINPROGRESS);
  const result = request.collect();
  return status === 0 ? result : fail(status);
}
