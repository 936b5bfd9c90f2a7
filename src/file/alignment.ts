// What O_DIRECT demands of memory, position and length, and errors that say so.
//
// Nothing is checked before a transfer: what a misaligned one does is the file system's business (tmpfs and
// ext4 with data=journal take it, XFS does not), so the kernel decides. Only its bare EINVAL is explained.
import { fstatSync } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { addressOf } from '../ring/memory.js';
import type { Ring } from '../ring/ring.js';
import { type Syscall, systemError } from './errors.js';
import { STATX, statx } from './statx.js';

/** Bytes that addresses (`memory`), and positions and lengths (`offset`), of O_DIRECT transfers are multiples of. */
export interface Alignment {
  readonly memory: number;
  readonly offset: number;
}

/** When the kernel does not say: enough for every device with blocks of up to 4 KiB. */
const MEMORY_FALLBACK = 512;
const OFFSET_FALLBACK = 4096;

/**
 * Asks the kernel (statx(2), STATX_DIOALIGN, since Linux 6.1), else takes the file system's block size.
 *
 * @returns null for what has no blocks: on a pipe O_DIRECT means packets
 */
export async function directAlignment(ring: Ring, fd: number): Promise<Alignment | null> {
  if (ring.supports('statx')) {
    const { result, fields } = await statx(ring, fd, STATX.DIOALIGN);
    if (result === 0 && fields.getUint32(STATX.MASK, true) & STATX.DIOALIGN) {
      const memory = fields.getUint32(STATX.DIO_MEM_ALIGN, true);
      const offset = fields.getUint32(STATX.DIO_OFFSET_ALIGN, true);
      if (memory > 0 && offset > 0) return { memory, offset };
    }
  }
  return assumedAlignment(fd);
}

/** The same without waiting: never less than the device needs. */
export function assumedAlignment(fd: number): Alignment | null {
  const stats = fstatSync(fd);
  if (!stats.isFile() && !stats.isBlockDevice()) return null;
  const { blksize } = stats;
  // A block size that is none (0 on some file systems, megabytes on parallel ones) says nothing about the device.
  const offset = blksize >= 512 && blksize <= 65536 ? blksize : OFFSET_FALLBACK;
  return { memory: MEMORY_FALLBACK, offset };
}

/** The error of a transfer; EINVAL on an O_DIRECT file says what must be aligned and what was not. */
export function transferError(
  descriptor: { readonly alignment: Alignment | null },
  result: number,
  syscall: Syscall,
  view: ArrayBufferView,
  byteOffset: number,
  length: number,
  position: number | bigint,
): NodeJS.ErrnoException {
  const { alignment } = descriptor;
  if (result !== -ERRNO.EINVAL || alignment === null) return systemError(result, syscall);
  const { memory, offset } = alignment;
  const wrong = [];
  const memoryOff = (addressOf(view) + byteOffset) % memory;
  if (memoryOff !== 0) wrong.push(`the buffer begins ${memoryOff} bytes after a multiple`);
  if (length % offset !== 0) wrong.push(`the length is ${length}`);
  if (position !== -1 && BigInt(position) % BigInt(offset) !== 0n) wrong.push(`the position is ${position}`);
  const rule = `O_DIRECT needs memory aligned to ${memory} bytes, position and length to ${offset}`;
  return systemError(result, syscall, undefined, wrong.length > 0 ? `${rule}; ${wrong.join(', ')}` : rule);
}
