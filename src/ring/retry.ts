// The one place for what is done about results that mean nothing to the caller: codes that the kernel should have
// kept to itself, and refusals that a second attempt overcomes.
import { constants } from 'node:fs';
import { ERRNO } from '../abi/errno.js';

/** More attempts than that are no accident; the result is reported then. */
const ATTEMPTS_MAX = 8;

/**
 * The kernel's internal restart codes, ERESTARTSYS (512) to ERESTART_RESTARTBLOCK (516). io_uring let them out
 * before Linux 6.1.183 and 6.12.101; they mean EINTR.
 */
const RESTART_FIRST = 512;
const RESTART_LAST = 516;

/**
 * The result as the caller may see it: restart codes, after all attempts, are EINTR.
 *
 * @param result ≥ 0 or -errno
 */
export function visibleResult(result: number): number {
  return isRestart(result) ? -ERRNO.EINTR : result;
}

function isRestart(result: number): boolean {
  return result <= -RESTART_FIRST && result >= -RESTART_LAST;
}

/**
 * Whether a request that answered `result` is made again.
 *
 * - EINTR and the restart codes: nothing has been transferred, or the answer would be the count. libuv repeats
 *   such calls too, so no program of Node's knows them. Never for close(2), which has let go of the number.
 * - EAGAIN: an answer for O_NONBLOCK. On other files it is a quirk of a file system (XFS on 5.x, zram and tmpfs
 *   on 5.15) or of io_uring's own non-blocking attempt; once more helps.
 * - ENOMEM: Linux 6.4 to 6.6.86, 6.12.21 and 6.13.9 answer so when a non-blocking attempt finds no page at hand.
 *
 * @param attempts how often it has been made, 1 after the first
 * @param flags of open(2) of its descriptor
 */
export function shouldRetry(result: number, attempts: number, flags: number): boolean {
  if (result >= 0) return false;
  if (result === -ERRNO.EINTR || isRestart(result)) return attempts < ATTEMPTS_MAX;
  if (result === -ERRNO.EAGAIN) return attempts < 2 && (flags & constants.O_NONBLOCK) === 0;
  if (result === -ERRNO.ENOMEM) return attempts < 2;
  return false;
}
