// An AbortSignal takes a request back from the kernel. Whatever the answer to that, the promise of the operation
// settles only when the request itself has completed: until then its buffer is the kernel's, and data that did
// arrive is delivered, not dropped.
import { addAbortListener } from 'node:events';
import { clearTimeout, setTimeout } from '../abi/timers.js';
import type { Ring } from '../ring/ring.js';

/**
 * Pauses between repeated cancellations, in ms. One can be missed: a worker that is just arming a poll or picking
 * up hashed work is not found before Linux 6.1.191 and 6.12.115, and a request on its way answers EALREADY.
 */
const REPEAT_AFTER_MS = [1, 5, 25, 125, 625];

/**
 * Who is to be told of a signal's abortion. One listener serves all requests with the same signal: any number of
 * them may use one, and Node warns of a leak at eleven listeners.
 */
const watched = new WeakMap<
  AbortSignal,
  { readonly callbacks: Set<() => void>; readonly listener: Disposable }
>();

function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let watch = watched.get(signal);
  if (watch === undefined) {
    const callbacks = new Set<() => void>();
    const listener = addAbortListener(signal, () => {
      for (const each of [...callbacks]) each();
    });
    watch = { callbacks, listener };
    watched.set(signal, watch);
  }
  const { callbacks, listener } = watch;
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || watched.get(signal)?.listener !== listener) return;
    listener[Symbol.dispose]();
    watched.delete(signal);
  };
}

/**
 * Has requests cancelled when the signal is aborted.
 *
 * @param inFlight the requests that have not completed when it is called
 * @returns to be called when all have completed: removes every trace from the signal
 */
export function cancelOnAbort(
  ring: Ring,
  inFlight: () => readonly number[],
  signal: AbortSignal,
): () => void {
  // What Node takes for a signal may be less than one; then `aborted` is all there is to look at.
  if (!(signal instanceof EventTarget)) return () => {};
  let timer: NodeJS.Timeout | undefined;
  let settled = false;
  const cancelAll = (repetition: number): void => {
    const ids = inFlight();
    let unanswered = ids.length;
    let isMissed = false;
    for (const id of ids) {
      ring.cancel(id, (result) => {
        isMissed ||= result !== 0;
        if (--unanswered > 0 || settled || !isMissed || repetition === REPEAT_AFTER_MS.length) return;
        timer = setTimeout(cancelAll, REPEAT_AFTER_MS[repetition], repetition + 1);
        timer.unref();
      });
    }
  };
  const unwatch = onAbort(signal, () => cancelAll(0));
  return () => {
    settled = true;
    clearTimeout(timer);
    unwatch();
  };
}
