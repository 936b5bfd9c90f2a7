// Memory to read small files into, kept for the next one: it is pinned already, and a result is copied out of it into a
// buffer of just its size.

/** Files of at most this many bytes, which most are, are read into scratch memory. */
export const SCRATCH_BYTES = 64 * 1024;
const KEPT = 64;
const kept: Uint8Array<ArrayBuffer>[] = [];

/** To be given back when nobody writes to it any more. */
export function takeScratch(): Uint8Array<ArrayBuffer> {
  return kept.pop() ?? new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));
}

export function giveScratch(view: Uint8Array<ArrayBuffer>): void {
  if (kept.length < KEPT) kept.push(view);
}
