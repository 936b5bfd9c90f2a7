// When a signal is looked at.
import { throwIfAborted } from '../file/errors.js';
import { nextTurn } from '../file/inline.js';

/**
 * With Node's, nothing is over before the next turn of the event loop: a program that aborts in this one, with
 * process.nextTick say, counts on it.
 */
export async function timeToAbort(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  throwIfAborted(signal);
  await nextTurn();
  throwIfAborted(signal);
}
