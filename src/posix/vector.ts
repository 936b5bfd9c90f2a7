// Vectors of buffers, as they were when the call was made.
import { IOVEC_WORDS, iovecOf } from '../ring/iovec.js';

export interface Vector {
  readonly views: readonly ArrayBufferView[];
  /** struct iovec for each: of what is left to move */
  readonly words: Int32Array;
}

export function vectorOf(views: readonly ArrayBufferView[]): Vector {
  return { views, words: iovecOf(views) };
}

/** Takes the first `bytes` away, which have been moved. */
export function advanceVector({ views, words }: Vector, bytes: number): void {
  for (let i = 0; i < views.length && bytes > 0; i++) {
    const w = i * IOVEC_WORDS;
    const iovec = new BigInt64Array(words.buffer, w * words.BYTES_PER_ELEMENT, 2);
    const taken = Math.min(Number(iovec[1]), bytes);
    iovec[0] += BigInt(taken);
    iovec[1] -= BigInt(taken);
    bytes -= taken;
  }
}
