// aio_suspend: block this thread until one of some requests is over.
import { invalidType } from '../ring/validate.js';
import type { aiocb } from './aiocb.js';
import { EINPROGRESS, EINVAL } from './constants.js';
import { block, poll } from './engine.js';
import { fail } from './errno.js';
import { statusOf, UNUSED } from './request.js';
import { milliseconds, type timespec } from './time.js';

const ONE = (): number => 1;

/** What a list of control blocks amounts to. */
const LIST = { ALL_NULL: 0, RUNNING: 1, FINISHED: 2, UNUSED: 3 } as const;

/**
 * aio_suspend: "shall suspend the calling thread until at least one of the asynchronous I/O operations referenced by the
 * list argument has completed, until a signal interrupts the function, or, if timeout is not NULL, until the time
 * interval specified by timeout has passed" (POSIX.1-2017). One system call as a rule; the event loop does not turn.
 *
 * Which one is over it does not say: ask `aio_error`. Null entries are ignored. The time is measured with the monotonic
 * clock.
 *
 * Acceptance rows S1–S10, G-6, G-7, G-9.
 *
 * @param nent how many entries of the list to look at
 * @param timeout null: no limit; zero: only look
 * @returns 0; or -1 with EAGAIN (the time has passed), EINTR (a signal was caught, maybe the one of a completion), EINVAL
 *   (nent, the timeout, an entry that was never used or is collected, or nothing to wait for and no timeout)
 * @throws TypeError for what C's type system would have refused
 */
export function aio_suspend(
  list: readonly (aiocb | null | undefined)[],
  nent: number,
  timeout: timespec | null,
): 0 | -1 {
  if (!Array.isArray(list)) throw invalidType('list', 'an instance of Array', list);
  if (typeof nent !== 'number') throw invalidType('nent', 'of type number', nent);
  const limit = milliseconds(timeout);
  if (Number.isNaN(limit) || !Number.isInteger(nent) || nent < 0 || nent > list.length) return fail(EINVAL);
  poll();
  const state = look(list, nent);
  if (state === LIST.FINISHED) return 0;
  if (state === LIST.UNUSED || (state === LIST.ALL_NULL && limit === Number.POSITIVE_INFINITY))
    return fail(EINVAL);
  const error = block(ONE, limit, () => {
    const now = look(list, nent);
    return now === LIST.FINISHED || now === LIST.UNUSED; // over, and collected by the promise of `completion`
  });
  return error === 0 ? 0 : fail(error);
}

function look(list: readonly (aiocb | null | undefined)[], nent: number): number {
  let state: number = LIST.ALL_NULL;
  for (let i = 0; i < nent; i++) {
    const cb = list[i];
    if (cb === null || cb === undefined) continue;
    const status = statusOf(cb, 'list[i]');
    if (status === UNUSED) return LIST.UNUSED;
    if (status !== EINPROGRESS) state = LIST.FINISHED;
    else if (state === LIST.ALL_NULL) state = LIST.RUNNING;
  }
  return state;
}
