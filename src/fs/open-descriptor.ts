// open(2) for the functions of node:fs: inside the call where all it needs is in memory, else on the ring.
import { constants } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { awaitWriter, openPath } from '../file/open-path.js';
import type { Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';
import { mayAnswerNow, openCached } from './inline.js';

const { O_CREAT, O_TRUNC } = constants;
/** asm-generic/fcntl.h: a temporary file without a name. */
const O_TMPFILE = 0o20000000;
/** What creates or truncates is never done inside the call. */
const CHANGES = O_CREAT | O_TRUNC | O_TMPFILE;

/** Opens a file: its descriptor, or -errno to `done`, perhaps inside the call. O_CLOEXEC is added. */
export function openDescriptor(ring: Ring, path: Path, flags: number, mode: number, done: Done): void {
  if ((flags & CHANGES) === 0 && mayAnswerNow(ring)) {
    const file = openCached(path, flags);
    if (typeof file === 'object') {
      awaitWriter(ring, file.pipe, done);
      return;
    }
    if (file !== -ERRNO.EAGAIN) {
      done(file);
      return;
    }
  }
  openPath(ring, path, flags, mode, done);
}
