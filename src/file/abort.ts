// An AbortSignal takes a request back from the kernel. Whatever the answer to that, the promise of the operation
// settles only when the request itself has completed: until then its buffer is the kernel's, and data that did
// arrive is delivered, not dropped.
import { addAbortListener } from 'node:events';
import type { Ring } from '../ring/ring.js';
import { askNode } from './node-handle.js';

/**
 * Pauses between repeated cancellations, in ms. One can be missed: a worker that is just arming a poll or picking
 * up hashed work is not found before Linux 6.1.191 and 6.12.115, and a request on its way answers EALREADY.
 */
const REPEAT_AFTER_MS = [1, 5, 25, 125, 625];

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
  const listener = addAbortListener(signal, () => cancelAll(0));
  return () => {
    settled = true;
    clearTimeout(timer);
    listener[Symbol.dispose]();
  };
}

/** Lets pass what Node takes for `options.signal`, and throws its error for anything else. */
export async function checkSignal(signal: unknown): Promise<void> {
  if (signal === undefined || signal instanceof AbortSignal) return;
  await askNode('readFile', { signal });
}
