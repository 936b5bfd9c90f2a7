// From <aio.h> to promises.
import type { aiocb } from './aiocb.js';
import { EINPROGRESS, EINVAL } from './constants.js';
import { poll } from './engine.js';
import { operationError, whenDrained } from './finish.js';
import { requestOf, UNUSED } from './request.js';

/**
 * The bridge to `await`: resolves with what `aio_return` would give, when the request is over, and collects it.
 *
 * @returns bytes transferred, or 0 for an fsync. Rejects with the operation's error (`code`, negative `errno`,
 *   `syscall`), or EINVAL when the control block was never used or its status has been collected
 * @throws TypeError for what is no control block
 */
export function completion(cb: aiocb): Promise<number> {
  const request = requestOf(cb);
  if (request.status === EINPROGRESS) poll();
  const { status, kind } = request;
  if (status === EINPROGRESS) {
    return new Promise((resolve, reject) => {
      request.waiters ??= [];
      request.waiters.push({ resolve, reject });
    });
  }
  if (status === UNUSED) return Promise.reject(operationError(EINVAL, kind));
  const result = request.collect();
  return status === 0 ? Promise.resolve(result) : Promise.reject(operationError(status, kind));
}

/**
 * Resolves when no request of this thread is in flight. `process.exit()` does not wait for requests: those not yet begun
 * may be lost, and nobody is notified (POSIX.1-2017, _Exit). Acceptance row X14.
 */
export function drain(): Promise<void> {
  return new Promise((resolve) => {
    poll();
    whenDrained(resolve);
  });
}
