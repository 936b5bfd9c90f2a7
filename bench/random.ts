// The one source of random offsets: Marsaglia's xorshift32, the same in limit.c. A slice's seed fixes its sequence, so
// every contestant of a round visits the same blocks in the same order, and the blocks it must have written are known.

/** Returns the next number as a signed 32-bit integer: `& mask` or `>>> 0` makes it a block number. */
export function xorshift(seed: number): () => number {
  let x = seed | 0 || 1; // xorshift stays at 0
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
}
