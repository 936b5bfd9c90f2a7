// The calling thread's shared ring.
import { Ring } from './ring.js';

let shared: Ring | null = null;

/** The ring that `open` uses when it is given none: opened on first use, one per thread. */
export function defaultRing(): Ring {
  if (shared === null || shared.closed) shared = Ring.open();
  return shared;
}
