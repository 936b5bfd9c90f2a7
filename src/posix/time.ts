// Limits of waiting.
import { invalidType } from '../ring/validate.js';

/** POSIX's `struct timespec`. */
export interface timespec {
  tv_sec: number;
  tv_nsec: number;
}

/**
 * A timeout in ms: infinite for null; NaN for one that is not valid (EINVAL).
 *
 * @throws TypeError for what is no timespec
 */
export function milliseconds(timeout: timespec | null | undefined): number {
  if (timeout === null || timeout === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeout !== 'object') throw invalidType('timeout', 'of type object', timeout);
  const { tv_sec, tv_nsec } = timeout;
  if (typeof tv_sec !== 'number') throw invalidType('timeout.tv_sec', 'of type number', tv_sec);
  if (typeof tv_nsec !== 'number') throw invalidType('timeout.tv_nsec', 'of type number', tv_nsec);
  if (!Number.isInteger(tv_sec) || !Number.isInteger(tv_nsec)) return Number.NaN;
  if (tv_sec < 0 || tv_nsec < 0 || tv_nsec >= 1e9) return Number.NaN;
  return tv_sec * 1000 + tv_nsec / 1e6;
}
