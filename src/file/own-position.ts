// The own position of O_DIRECT files, and of others that io_uring alone serves where it would lose it.
//
// io_uring moves a file's position only when a request completes inside its submission, or inside the call of a worker
// (kiocb_done in io_uring/rw.c, Linux 6.18). An O_DIRECT transfer never does, nor do some of FUSE, SMB and 9P: read at
// "the current position" twice, it gives the same bytes twice. So for these files the position is kept here, and every
// request has an explicit one. They run one at a time, because each begins where the one before ended. (Where the ring
// has a pool, the latter are the pool's: src/ring/routing.ts.)
//
// What cannot be helped: the kernel's idea of the position stays where it was when the File was made. Only other
// users of the same open file description can notice: fs.readSync(file.fd), a child process.
import { fstatSync, readFileSync } from 'node:fs';
import type { RingCore } from '../ring/core.js';
import { KIND } from '../ring/routing.js';
import type { Descriptor } from './descriptor.js';
import { advance, type Position } from './transfer.js';

/** Whether io_uring may leave the position of a file that was opened without O_DIRECT where it is. */
export function losesPosition({ ports, router }: RingCore, fd: number): boolean {
  if (ports.primary.engine.name !== 'io_uring' || (router.kinds.of(fd) & KIND.LATER) === 0) return false;
  return ports.companion === null;
}

/**
 * Runs `transfer`, which tells how many bytes it moved, at `position`; when that is -1, at the file's own position,
 * after the transfers that were called before.
 */
export function atPosition(
  descriptor: Descriptor,
  position: Position,
  transfer: (position: Position) => Promise<number>,
): Promise<number> {
  if (position !== -1 || !descriptor.tracksPosition) return transfer(position);
  return inTurn(descriptor, transfer);
}

async function inTurn(
  descriptor: Descriptor,
  transfer: (position: Position) => Promise<number>,
): Promise<number> {
  const previous = descriptor.positionTail;
  let finished = (): void => {};
  descriptor.positionTail = new Promise((resolve) => {
    finished = resolve;
  });
  try {
    await previous;
    descriptor.ownPosition ??= kernelPosition(descriptor.fd);
    const bytes = await transfer(descriptor.ownPosition);
    descriptor.ownPosition = advance(descriptor.ownPosition, bytes);
    return bytes;
  } finally {
    finished();
  }
}

/** Data was appended at the file's own position: it is at the end now, as after write(2). */
export function movedToEnd(descriptor: Descriptor): void {
  if (descriptor.tracksPosition) descriptor.ownPosition = fstatSync(descriptor.fd).size;
}

/** Where the position stands (proc_pid_fdinfo(5)); the start, where there is no /proc. */
function kernelPosition(fd: number): number {
  try {
    return Number(/^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
