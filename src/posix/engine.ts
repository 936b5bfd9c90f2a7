// The ring behind <aio.h>: one per thread, opened with the first request. It is not the one that `open` uses, so what
// runs when a result is read back here is only this folder's bookkeeping, never a program's callback. That is why
// results can be read back at any moment, in the middle of `aio_error` for instance.
import { isMainThread } from 'node:worker_threads';
import { ERRNO } from '../abi/errno.js';
import type { RingCore } from '../ring/core.js';
import { STALL_MS } from '../ring/ports.js';
import { coreOf } from '../ring/requests.js';
import { Ring } from '../ring/ring.js';
import { EAGAIN, EINTR } from './constants.js';
import { ringOptions } from './limits.js';
import { caughtSignals, isInterrupted } from './signals.js';

/** A worker looks this often, while it blocks, whether it has been terminated; the main thread does not need to. */
const SLICE_MS = isMainThread ? Number.POSITIVE_INFINITY : 200;
/** The longest limit of one wait. */
const LIMIT_MAX_MS = 0x7fffffff;

let current: RingCore | null = null;

/** The core of this thread's ring. */
export function engine(): RingCore {
  current ??= open();
  return current;
}

function open(): RingCore {
  const core = coreOf(Ring.open(ringOptions));
  core.prompt = true;
  return core;
}

/** Brings every status up to date, without a turn of the event loop and as a rule without a system call. */
export function poll(): void {
  if (current === null) return;
  current.poll();
  if (!current.delivery.isEmpty) current.delivery.run(true);
}

/** Hands over what has been requested. */
export function enter(): void {
  engine().flush();
}

/**
 * Blocks the thread until `isOver`, with one system call per round; what is requested and not handed over goes along.
 *
 * @param atOnce how many completions to wait for in one system call
 * @param timeoutMs no limit when infinite
 * @returns 0; EAGAIN when the time is up; EINTR when a signal was caught meanwhile
 */
export function block(
  atOnce: () => number,
  timeoutMs: number,
  isOver: () => boolean,
): 0 | typeof EAGAIN | typeof EINTR {
  const core = engine();
  const { ports, delivery } = core;
  const deadline = performance.now() + timeoutMs;
  const caughtBefore = caughtSignals;
  if (ports.isFull) core.flush();
  if (isInterrupted()) {
    core.flush();
    return EINTR;
  }
  for (;;) {
    const left = deadline - performance.now();
    const slice = Math.min(Math.max(left, 0), ports.isFull ? STALL_MS : SLICE_MS);
    const limit = slice === Number.POSITIVE_INFINITY ? -1 : Math.min(slice, LIMIT_MAX_MS);
    // What has its result already must be looked at before this thread sleeps.
    const count = delivery.isEmpty ? Math.min(atOnce(), ports.primary.queues.cqEntries >> 1) : 0;
    const result = core.enterAndWait(count, limit);
    if (ports.isFull && ports.relieveIfStalled()) core.flush();
    delivery.run(true);
    if (isOver()) return 0;
    if (isInterrupted() || result === -ERRNO.EINTR || caughtSignals !== caughtBefore) return EINTR;
    if (performance.now() >= deadline) return EAGAIN;
  }
}
