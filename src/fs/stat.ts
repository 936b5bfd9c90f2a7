// stat and lstat by path, and fstat by number.
import { Buffer } from 'node:buffer';
import type { BigIntStats, Stats } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD } from '../abi/io_uring.js';
import type { Syscall } from '../file/errors.js';
import { statsRecipe } from '../file/stats.js';
import { STATX, STATX_BYTES, statxNow } from '../file/statx.js';
import { coreOf, type Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { mayAnswerNow, statCached } from './inline.js';
import { type Call, errorOf, perform, rejection } from './request.js';

const AT_SYMLINK_NOFOLLOW = 0x100;

/** What is asked about: a path, or an open file. */
type Subject = Path | number;

/** Null where a Stats cannot be made here: Node has to. */
export function status(
  ring: Ring,
  syscall: Syscall,
  subject: Subject,
  bigint: boolean,
): Promise<Stats | BigIntStats> | null {
  const recipe = ring.supports('statx') ? statsRecipe(bigint) : null;
  if (recipe === null) return null;
  if (typeof subject !== 'number' && mayAnswerNow(ring)) {
    const flags = syscall === 'lstat' ? AT_SYMLINK_NOFOLLOW : 0;
    const fields = statCached(subject, flags);
    if (typeof fields === 'object') return Promise.resolve(recipe(fields));
    if (fields !== -ERRNO.EAGAIN) return rejection(() => errorOf({ syscall, path: subject }, fields));
  }
  if (typeof subject === 'number') {
    const fields = statxNow(coreOf(ring), subject);
    if (fields !== null) return Promise.resolve(recipe(fields));
  }
  const out = Buffer.allocUnsafeSlow(STATX_BYTES);
  const call: Call =
    typeof subject === 'number'
      ? { syscall, start: (r, done) => r.statx(subject, '', AT_EMPTY_PATH, STATX.ALL, out, done) }
      : {
          syscall,
          path: subject,
          start: (r, done) => r.statx(AT_FDCWD, subject, flags, STATX.ALL, out, done),
        };
  const flags = syscall === 'lstat' ? AT_SYMLINK_NOFOLLOW : 0;
  return new Promise((resolve) => {
    perform(ring, call, (result) => {
      if (result < 0) resolve(rejection(() => errorOf(call, result)));
      else resolve(recipe(new DataView(out.buffer, out.byteOffset)));
    });
  });
}
