// Answers that are in memory, given on the calling thread (native/inline.c): as many per turn of the event loop as its
// budget allows, like the results that the ring has in hand at once (src/ring/fairness.ts).
import { Buffer } from 'node:buffer';
import { ERRNO } from '../abi/errno.js';
import { LEFT_OPEN, native } from '../abi/native.js';
import { setImmediate } from '../abi/timers.js';
import type { Path, RingOperations } from '../ring/requests.js';
import { coreOf } from '../ring/requests.js';
import { KIND } from '../ring/routing.js';
import type { LeftOpen } from '../ring/whole-file.js';
import { SCRATCH_BYTES } from './scratch.js';

/** For what the addon answers with. Never in use across a turn of the microtask queue. 64 KiB are read in 6 µs. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Whether this turn of the event loop has time left for answers inside the call. */
export function mayAnswerNow(ring: RingOperations): boolean {
  return coreOf(ring).delivery.mayReturnNow;
}

let turn: Promise<void> | undefined;

/** The next turn of the event loop. */
export function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

/** The whole file as a view of memory that the next call overwrites; an open file; or -errno. */
export type Contents = Buffer | LeftOpen | number;

/** -EAGAIN: the path is not in the cache. */
export function readCached(path: Path): Contents {
  return contents(native().readCached(path, scratch));
}

/** Closes the file when it has been read whole. */
export function readOpened(fd: number): Buffer | LeftOpen {
  return contents(native().readOpened(fd, scratch)) as Buffer | LeftOpen;
}

function contents(result: number): Contents {
  if (result >= 0) return scratch.subarray(0, result);
  if (result > LEFT_OPEN) return result;
  return { fd: LEFT_OPEN - result, mode: scratch.readUInt32LE(0), size: scratch.readDoubleLE(8) };
}

/** More than that is a worker's business. */
const READ_BYTES_MAX = 64 * 1024;

/**
 * Bytes of an open file at `position`: all `length` of them, or 0 at its end. -EAGAIN: they are not all in memory, or it
 * is not clear what this is.
 *
 * @param offset within the view, in bytes
 */
export function readNow(
  ring: RingOperations,
  fd: number,
  view: ArrayBufferView,
  offset: number,
  length: number,
  position: number,
): number {
  if (position < 0 || length > READ_BYTES_MAX || !isInPageCache(ring, fd)) return -ERRNO.EAGAIN;
  return native().readNow(fd, view, offset, length, position);
}

/** The same into several views. */
export function readvNow(
  ring: RingOperations,
  fd: number,
  views: readonly ArrayBufferView[],
  position: number,
): number {
  if (position < 0 || !isInPageCache(ring, fd)) return -ERRNO.EAGAIN;
  return native().readvNow(fd, views, READ_BYTES_MAX, position);
}

/** Whether the file is one whose cached data is read without waiting, and this turn has time for it. */
function isInPageCache(ring: RingOperations, fd: number): boolean {
  const { router, delivery } = coreOf(ring);
  const kind = router.kinds.of(fd);
  return (kind === KIND.FILE || (kind & KIND.MEMORY) !== 0) && delivery.mayReturnNow;
}

/** A struct statx, valid until the next call; or -errno, -EAGAIN when it is not all in memory. */
export function statCached(path: Path, flags: number): DataView<ArrayBuffer> | number {
  const result = native().statCached(path, flags, scratch);
  return result < 0 ? result : status;
}

const status = new DataView(scratch.buffer as ArrayBuffer, scratch.byteOffset, scratch.byteLength);

/**
 * 0 or -errno. -EAGAIN, and the descriptor is open still: closing it may have to wait for a server, or a device. -EBUSY,
 * likewise: it may take long.
 */
export function closeCached(ring: RingOperations, fd: number): number {
  const { router, held, delivery } = coreOf(ring);
  // With requests of this turn still in user space the number must not become another file's before the turn ends.
  if (!held.isEmpty || !delivery.mayReturnNow) return -ERRNO.EAGAIN;
  const result = native().closeCached(fd);
  if (result !== -ERRNO.EAGAIN && result !== -ERRNO.EBUSY) router.kinds.forget(fd);
  return result;
}

/** A descriptor; -errno; or an open file where opening may not be over yet: a named pipe. */
export function openCached(path: Path, flags: number): number | { readonly pipe: number } {
  const result = native().openCached(path, flags);
  return result > LEFT_OPEN ? result : { pipe: LEFT_OPEN - result };
}
