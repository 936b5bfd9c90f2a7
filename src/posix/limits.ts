// The limits that POSIX gives names to: finite, so that every EAGAIN and EINVAL they stand for can be met, and
// settable, so that it can be met with small numbers. One set per thread, as there is one ring per thread.
import type { RingOptions } from '../ring/engine.js';
import { checkInt32, invalidType } from '../ring/validate.js';
import { _SC_AIO_LISTIO_MAX, _SC_AIO_MAX, _SC_AIO_PRIO_DELTA_MAX, EINVAL } from './constants.js';
import { fail } from './errno.js';

/** Operations in flight at most; one more is refused with EAGAIN. POSIX: at least 1. */
export let AIO_MAX = 65536;
/** Elements of one `lio_listio` call at most; a longer list is refused with EINVAL. POSIX: at least 2. */
export let AIO_LISTIO_MAX = 4096;
/** The largest `aio_reqprio`. 20, as glibc has it. */
export let AIO_PRIO_DELTA_MAX = 20;

/**
 * sysconf(3), for the limits of <aio.h>.
 *
 * @param name `_SC_AIO_MAX`, `_SC_AIO_LISTIO_MAX` or `_SC_AIO_PRIO_DELTA_MAX`
 * @returns the limit, or -1 with EINVAL for another name
 */
export function sysconf(name: number): number {
  if (name === _SC_AIO_MAX) return AIO_MAX;
  if (name === _SC_AIO_LISTIO_MAX) return AIO_LISTIO_MAX;
  if (name === _SC_AIO_PRIO_DELTA_MAX) return AIO_PRIO_DELTA_MAX;
  return fail(EINVAL);
}

/**
 * Sets a limit of this thread. What is in flight already is not touched.
 *
 * @param name as for `sysconf`
 * @param value AIO_MAX: at least 1; AIO_LISTIO_MAX: at least 2; AIO_PRIO_DELTA_MAX: at least 0
 * @returns 0, or -1 with EINVAL
 */
export function setsysconf(name: number, value: number): 0 | -1 {
  if (!Number.isInteger(value) || value > 0x7fffffff) return fail(EINVAL);
  if (name === _SC_AIO_MAX && value >= 1) AIO_MAX = value;
  else if (name === _SC_AIO_LISTIO_MAX && value >= 2) AIO_LISTIO_MAX = value;
  else if (name === _SC_AIO_PRIO_DELTA_MAX && value >= 0) AIO_PRIO_DELTA_MAX = value;
  else return fail(EINVAL);
  return 0;
}

/** GNU's `struct aioinit`. */
export interface aioinit {
  /** threads that serve requests, at most; used where the engine has some */
  aio_threads?: number;
  /** requests in flight expected at once: as many go to the kernel in one system call (default 256) */
  aio_num?: number;
  /** seconds before an idle thread ends; accepted, not used */
  aio_idle_time?: number;
}

const ENTRIES_DEFAULT = 256;
const ENTRIES_MIN = 8;
const ENTRIES_MAX = 32768;

/**
 * The options of the ring that serves this thread, once it is opened. All of it on one engine: a list that went partly to
 * io_uring and partly to the pool beside it would be neither handed over nor waited for in one system call.
 */
export const ringOptions: RingOptions = { entries: ENTRIES_DEFAULT, routing: false };

/**
 * GNU: hints for the implementation. It takes effect before the first request of the thread, and none after it, as in
 * glibc.
 *
 * @throws TypeError, RangeError for what is no positive integer
 */
export function aio_init(init: aioinit): void {
  if (typeof init !== 'object' || init === null) throw invalidType('init', 'of type object', init);
  const { aio_threads, aio_num, aio_idle_time } = init;
  if (aio_idle_time !== undefined) checkInt32('aio_idle_time', aio_idle_time, 0);
  if (aio_threads !== undefined) {
    checkInt32('aio_threads', aio_threads, 1);
    ringOptions.workers = [aio_threads, aio_threads];
  }
  if (aio_num !== undefined) {
    checkInt32('aio_num', aio_num, 1);
    let entries = ENTRIES_MIN;
    while (entries < aio_num && entries < ENTRIES_MAX) entries *= 2;
    ringOptions.entries = entries;
  }
}
