// "Did you mean …?": the nearest of a list of known words to one that was misspelt. Used for commands, options
// and option values, so that a typing error costs one look and not a walk through the help text.

/**
 * The word of `known` that `word` was probably meant to be, or undefined when none is near: at most one error in
 * a short word and two in a longer one, or `word` being the beginning of exactly one of them.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const asked = word.toLowerCase();
  const beginnings = known.filter((candidate) => asked.length >= 3 && candidate.startsWith(asked));
  if (beginnings.length === 1) return beginnings[0];
  const errorsMax = asked.length <= 4 ? 1 : 2;
  let best: string | undefined;
  let bestErrors = errorsMax + 1;
  for (const candidate of known) {
    const errors = editDistance(asked, candidate.toLowerCase());
    if (errors < bestErrors) {
      best = candidate;
      bestErrors = errors;
    }
  }
  return best;
}

/** ` (did you mean X?)`, or nothing: ready to be appended to a message. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const found = nearest(word, known);
  return found === undefined ? '' : ` (did you mean ${prefix}${found}?)`;
}

/**
 * How many letters must be inserted, removed, replaced or swapped with their neighbour to turn `a` into `b`
 * (optimal string alignment; a swap counts once because it is the commonest typing error).
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(row[j - 1] + 1, previous[j] + 1, previous[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], beforePrevious[j - 2] + 1);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}
