// Ratios of two contestants that took turns, and how far to believe them. Each round has a ratio of its own, because a slow
// minute of the machine slows both sides; the median of the rounds' ratios is the figure, and between which values the true
// median lies with 90 % confidence follows from the order of the ratios alone (the sign test), whatever the noise is like.
import { median } from './results.js';

export interface Ratio {
  readonly median: number;
  /** with 90 % confidence the true median is between these; with few rounds, the least and the most there were */
  readonly low: number;
  readonly high: number;
}

/** Of `ours` to `theirs`, round by round. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.map((figure, round) => figure / theirs[round]).sort((a, b) => a - b);
  const rounds = ratios.length;
  // Half of a binomial distribution's 90 %: 1.645 standard deviations of sqrt(n) / 2.
  const first = Math.max(0, Math.floor(rounds / 2 - 0.8225 * Math.sqrt(rounds)));
  return { median: median(ratios), low: ratios[first], high: ratios[rounds - 1 - first] };
}

/** What a ratio says of a bound that it should reach. */
export type Verdict = 'reached' | 'in doubt' | 'missed';

export function verdictOn({ median: middle, high }: Ratio, bound: number): Verdict {
  if (middle >= bound) return 'reached';
  return high >= bound ? 'in doubt' : 'missed';
}
