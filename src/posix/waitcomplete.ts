// aio_waitcomplete, FreeBSD's: whatever is over next, with its result.
import type { aiocb } from './aiocb.js';
import { EINVAL } from './constants.js';
import { block, poll } from './engine.js';
import { fail } from './errno.js';
import { rememberAll } from './finish.js';
import { finished, inFlight } from './request.js';
import { milliseconds, type timespec } from './time.js';

const ONE = (): number => 1;

/**
 * FreeBSD's aio_waitcomplete: blocks this thread until a request of it is over, whichever that is, and collects it as
 * `aio_return` does. In the order of completion; one that ended before the call, and was not collected, counts.
 *
 * Requests that ended before this function was called for the first time are remembered up to the last 1024.
 *
 * @param timeout null: no limit; zero: only look
 * @returns the control block and what `aio_return` would give: for a failed operation result -1, and its error in
 *   `errno`. Or -1 with EAGAIN (the time has passed), EINTR (a signal was caught), EINVAL (the timeout, or nothing is in
 *   flight and no timeout: the wait would never end)
 * @throws TypeError for what is no timespec
 */
export function aio_waitcomplete(timeout: timespec | null): { cb: aiocb; result: number } | -1 {
  const limit = milliseconds(timeout);
  if (Number.isNaN(limit)) return fail(EINVAL);
  rememberAll();
  poll();
  if (finished.first === null) {
    if (inFlight.length === 0 && limit === Number.POSITIVE_INFINITY) return fail(EINVAL);
    // The promise of `completion` may collect the last one meanwhile: then nothing is left that could end.
    const mayEnd = () => inFlight.length > 0 || limit < Number.POSITIVE_INFINITY;
    const error = block(ONE, limit, () => finished.first !== null || !mayEnd());
    if (error !== 0) return fail(error);
    if (finished.first === null) return fail(EINVAL);
  }
  const request = finished.first!;
  const { cb, status } = request;
  const result = request.collect();
  if (status !== 0) fail(status);
  return { cb, result };
}
