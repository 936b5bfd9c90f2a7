// Appended data arrives in the order of the calls (POSIX.1-2017, aio_write, of O_APPEND), though io_uring runs
// requests on the same file side by side. The ring keeps requests at the file's own position in order, so:
//
//   O_WRONLY | O_APPEND   every write is made at the file's own position. The kernel appends whatever position it
//                         is given, and nobody can see where the position of such a file stands.
//   O_RDWR | O_APPEND     reads depend on that position, which pwrite(2) must not move. There each write waits for
//                         the one before.
import { constants } from 'node:fs';
import type { Descriptor } from './descriptor.js';
import { atPosition, movedToEnd } from './own-position.js';
import type { Position } from './transfer.js';

const O_ACCMODE = 3;

/** Writes go to the file's own position, whatever position is asked for. */
export function appendsOnly(flags: number): boolean {
  return (flags & constants.O_APPEND) !== 0 && (flags & O_ACCMODE) === constants.O_WRONLY;
}

/** Writes run one after the other. */
export function appendsSerially(flags: number): boolean {
  return (flags & constants.O_APPEND) !== 0 && (flags & O_ACCMODE) === constants.O_RDWR;
}

/** The position that a write is made at. */
export function writePosition(descriptor: Descriptor, position: Position): Position {
  return descriptor.appendsOnly ? -1 : position;
}

/** Runs `write`, which tells how many bytes it wrote, when it is its turn, at the position where it belongs. */
export function inAppendOrder(
  descriptor: Descriptor,
  position: Position,
  write: (position: Position) => Promise<number>,
): Promise<number> {
  if (!descriptor.appendsSerially) return atPosition(descriptor, position, write);
  return inTurn(descriptor, position, write);
}

async function inTurn(
  descriptor: Descriptor,
  position: Position,
  write: (position: Position) => Promise<number>,
): Promise<number> {
  const previous = descriptor.appendTail;
  let finished = (): void => {};
  descriptor.appendTail = new Promise((resolve) => {
    finished = resolve;
  });
  try {
    await previous;
    const bytes = await atPosition(descriptor, position, write);
    if (position === -1) movedToEnd(descriptor);
    return bytes;
  } finally {
    finished();
  }
}
