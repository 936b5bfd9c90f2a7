// Vectors of buffers as the kernel sees them: `struct iovec`, two 64-bit words each (address, bytes).
import { addressIn, addressOf, borrow, bufferOf, byteLengthOf, type HeldMemory } from './memory.js';

export const IOVEC_WORDS = 4;
/** Node puts typed arrays smaller than that into its heap, where they move. */
const WORDS_MIN = 32;
/** The vectors of a few buffers that no request uses: their memory is pinned already, which costs more than the rest. */
const free: Int32Array[] = [];
const FREE_MAX = 256;

/**
 * The vector of `views`, whose buffers must be kept until the kernel is done.
 *
 * @param borrowed gets their memories, to be given back then; without it all are pinned
 */
export function iovecOf(views: readonly ArrayBufferView[], borrowed?: HeldMemory[]): Int32Array {
  const length = Math.max(IOVEC_WORDS * views.length, WORDS_MIN);
  const words = (length === WORDS_MIN ? free.pop() : undefined) ?? new Int32Array(length);
  for (let i = 0; i < views.length; i++) {
    const bytes = byteLengthOf(views[i]);
    const address = borrowed ? borrowedAddress(views[i], bytes, borrowed) : addressOf(views[i], 0, bytes);
    setIovec(words, i, address, bytes);
  }
  return words;
}

function borrowedAddress(view: ArrayBufferView, bytes: number, borrowed: HeldMemory[]): number {
  const memory = borrow(bufferOf(view));
  borrowed.push(memory);
  return addressIn(memory, view, 0, bytes);
}

/** The request that used the vector is complete. */
export function giveIovec(words: Int32Array): void {
  if (words.length === WORDS_MIN && free.length < FREE_MAX) free.push(words);
}

export function setIovec(words: Int32Array, index: number, address: number, length: number): void {
  const w = IOVEC_WORDS * index;
  words[w] = address | 0;
  words[w + 1] = (address / 0x100000000) | 0;
  words[w + 2] = length | 0;
  words[w + 3] = (length / 0x100000000) | 0;
}
