// The end of a request: its status becomes final, and then, in this order, whoever waits for it is told, once.
import { getSystemErrorMap } from 'node:util';
import { finished, inFlight, KIND, type Kind, type Request } from './request.js';
import { notify } from './sigevent.js';

/**
 * Requests that have ended and were not collected, kept for `aio_waitcomplete`, before it is called for the first time.
 * A program that never calls it and never collects must not keep all its buffers for ever.
 */
const REMEMBERED_MAX = 1024;

let remembersAll = false;
let onDrained: (() => void)[] = [];

/** `aio_waitcomplete` is in use: from now on nothing that has ended is forgotten until it is collected. */
export function rememberAll(): void {
  remembersAll = true;
}

/** Calls `listener` once, when nothing is in flight. */
export function whenDrained(listener: () => void): void {
  if (inFlight.length === 0) listener();
  else onDrained.push(listener);
}

export function finish(request: Request, status: number, result: number): void {
  inFlight.remove(request);
  request.status = status;
  request.result = result;
  const { notification, list, waiters } = request;
  request.notification = request.list = request.waiters = null;
  finished.push(request);
  if (!remembersAll && finished.length > REMEMBERED_MAX) finished.remove(finished.first!);
  if (waiters !== null) {
    request.collect();
    for (const waiter of waiters) {
      if (status === 0) waiter.resolve(result);
      else waiter.reject(operationError(status, request.kind));
    }
  }
  if (notification !== null) notify(notification);
  list?.elementEnded(status);
  if (inFlight.length === 0 && onDrained.length > 0) {
    const listeners = onDrained;
    onDrained = [];
    for (const listener of listeners) listener();
  }
}

const NAMES: Record<Kind, string> = {
  [KIND.READ]: 'aio_read',
  [KIND.WRITE]: 'aio_write',
  [KIND.READV]: 'aio_readv',
  [KIND.WRITEV]: 'aio_writev',
  [KIND.FSYNC]: 'aio_fsync',
};

/** A failed operation as an Error of Node's kind: `code`, negative `errno`, `syscall`. */
export function operationError(status: number, kind: Kind): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(-status) ?? [`E${status}`, `errno ${status}`];
  const syscall = NAMES[kind];
  return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { errno: -status, code, syscall });
}
