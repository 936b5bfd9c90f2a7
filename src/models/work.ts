// The computing there is to do: a hash (FNV-1a) over a count, which no compiler can shorten. Always the same amount per
// block, in every model; how much that is in milliseconds of this machine is found out once, beforehand.
//
// Numbers only, no typed array: how fast V8 makes a loop over one depends on what else the process has done with typed
// arrays (detached one, for instance), and the models would not be doing the same amount of work.

const FNV_PRIME = 0x01000193;
/** Signed throughout, as Math.imul is: an unsigned number would now and then be a floating-point one. */
const FNV_OFFSET = 0x811c9dc5 | 0;

/** Steps of a unit: about 4 µs. */
const STEPS = 4096;

export const CHECKSUM_START = FNV_OFFSET;

/** Does `units` units, continuing from `checksum`; the new checksum. */
export function workUnits(units: number, checksum: number): number {
  let hash = checksum;
  for (let unit = 0; unit < units; unit++) {
    for (let i = 0; i < STEPS; i++) hash = Math.imul(hash ^ (i & 0xff), FNV_PRIME);
  }
  return hash;
}

const TRIALS = 15;
const TRIAL_UNITS = 250;

/** How many units fill `ms` milliseconds here. The fastest trial counts: the others were disturbed. */
export function unitsFor(ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial++) {
    const begin = performance.now();
    workUnits(TRIAL_UNITS, CHECKSUM_START);
    best = Math.min(best, performance.now() - begin);
  }
  return Math.max(1, Math.round((ms / best) * TRIAL_UNITS));
}

/** Has the loop compiled before anything is measured. */
export function warmUp(): void {
  unitsFor(1);
}
