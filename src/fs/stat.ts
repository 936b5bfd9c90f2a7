// stat and lstat by path, and fstat by number.
import { Buffer } from 'node:buffer';
import type { BigIntStats, Stats } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD } from '../abi/io_uring.js';
import type { Syscall } from '../file/errors.js';
import { mayAnswerNow, statCached } from '../file/inline.js';
import { type StatsRecipe, statsRecipe } from '../file/stats.js';
import { STATX, STATX_BYTES, statxNow } from '../file/statx.js';
import { coreOf, type Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { type Call, errorOf, perform, rejection } from './request.js';

const AT_SYMLINK_NOFOLLOW = 0x100;

/** What is asked about: a path, or an open file. */
type Subject = Path | number;

/**
 * Answered inside the call: a Stats, or -errno. -EAGAIN: not everything is in memory, or the turn has had its share. Null
 * where a Stats cannot be made here: Node has to.
 */
export function statusNow(
  ring: Ring,
  syscall: Syscall,
  subject: Subject,
  bigint: boolean,
): Stats | BigIntStats | number | null {
  const recipe = recipeOf(ring, bigint);
  if (recipe === null) return null;
  if (typeof subject === 'number') {
    const fields = statxNow(coreOf(ring), subject);
    return fields === null ? -ERRNO.EAGAIN : recipe(fields);
  }
  if (!mayAnswerNow(ring)) return -ERRNO.EAGAIN;
  const fields = statCached(subject, flagsOf(syscall));
  return typeof fields === 'number' ? fields : recipe(fields);
}

function recipeOf(ring: Ring, bigint: boolean): StatsRecipe {
  return ring.supports('statx') ? statsRecipe(bigint) : null;
}

function flagsOf(syscall: Syscall): number {
  return syscall === 'lstat' ? AT_SYMLINK_NOFOLLOW : 0;
}

/** Inside the call or later; null where Node has to. */
export function status(
  ring: Ring,
  syscall: Syscall,
  subject: Subject,
  bigint: boolean,
): Promise<Stats | BigIntStats> | null {
  const now = statusNow(ring, syscall, subject, bigint);
  if (now === null) return null;
  if (typeof now === 'object') return Promise.resolve(now);
  if (now !== -ERRNO.EAGAIN) return rejection(() => errorOf({ syscall, path: subject as Path }, now));
  return statusLater(ring, syscall, subject, bigint);
}

/** What has not been answered inside the call. */
export function statusLater(
  ring: Ring,
  syscall: Syscall,
  subject: Subject,
  bigint: boolean,
): Promise<Stats | BigIntStats> {
  const recipe = recipeOf(ring, bigint)!;
  const out = Buffer.allocUnsafeSlow(STATX_BYTES);
  const call: Call =
    typeof subject === 'number'
      ? { syscall, start: (r, done) => r.statx(subject, '', AT_EMPTY_PATH, STATX.ALL, out, done) }
      : {
          syscall,
          path: subject,
          start: (r, done) => r.statx(AT_FDCWD, subject, flagsOf(syscall), STATX.ALL, out, done),
        };
  return new Promise((resolve) => {
    perform(ring, call, (result) => {
      if (result < 0) resolve(rejection(() => errorOf(call, result)));
      else resolve(recipe(new DataView(out.buffer, out.byteOffset)));
    });
  });
}
