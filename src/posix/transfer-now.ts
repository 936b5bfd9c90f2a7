// Streams with O_NONBLOCK: the system call itself, which cannot block there. io_uring would wait for data all the same
// (it polls and tries again), and RWF_NOWAIT, which stops it from that, is refused by FIFOs and terminals.
import { readSync, readvSync, writeSync, writevSync } from 'node:fs';
import { EFAULT } from './constants.js';
import type { Request } from './request.js';

/** read(2) or write(2), once: its result or -errno. */
export function transferNow(request: Request): number {
  const fd = request.hold!.duplicate;
  const { length, isWrite } = request;
  const view = request.view as NodeJS.ArrayBufferView | null;
  const views = (request.vector?.views ?? null) as readonly NodeJS.ArrayBufferView[] | null;
  try {
    if (views !== null) return isWrite ? writevSync(fd, views) : readvSync(fd, views);
    if (view === null) return 0;
    return isWrite ? writeSync(fd, view, 0, length, null) : readSync(fd, view, 0, length, null);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    // Node's own refusal: the buffer has been transferred while the request waited for its turn.
    return typeof errno === 'number' && errno < 0 ? errno : -EFAULT;
  }
}
