// Vectors of buffers as the kernel sees them: `struct iovec`, two 64-bit words each (address, bytes).
import { addressOf, byteLengthOf } from './memory.js';

export const IOVEC_WORDS = 4;
/** Node puts typed arrays smaller than that into its heap, where they move. */
const WORDS_MIN = 32;

/** The vector of `views`, whose buffers must be kept until the kernel is done. */
export function iovecOf(views: readonly ArrayBufferView[]): Int32Array {
  const words = new Int32Array(Math.max(IOVEC_WORDS * views.length, WORDS_MIN));
  for (let i = 0; i < views.length; i++) {
    const length = byteLengthOf(views[i]);
    setIovec(words, i, addressOf(views[i], 0, length), length);
  }
  return words;
}

export function setIovec(words: Int32Array, index: number, address: number, length: number): void {
  const w = IOVEC_WORDS * index;
  words[w] = address | 0;
  words[w + 1] = (address / 0x100000000) | 0;
  words[w + 2] = length | 0;
  words[w + 3] = (length / 0x100000000) | 0;
}
