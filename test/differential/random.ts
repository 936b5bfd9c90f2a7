// Seeds, and numbers that follow from them.

export type Random = (below: number) => number;

/** Integers from 0 to `below` - 1: the same ones for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)];

/** Steps of a sequence. */
export const LENGTH = 200;

/**
 * Sixteen sequences that are always the same and one that never is; LINUX_AIO_SEED=7,8 runs those alone, to see a failure
 * again. The seed is in the test's name.
 */
export function seeds(): number[] {
  const wanted = process.env['LINUX_AIO_SEED'];
  if (wanted) return wanted.split(',').map(Number);
  return [...Array.from({ length: 16 }, (_, i) => i + 1), Math.floor(Math.random() * 2 ** 31)];
}

/** What a failure is reported with. */
export const again = (seed: number): string => `LINUX_AIO_SEED=${seed} npm test -- differential/`;
