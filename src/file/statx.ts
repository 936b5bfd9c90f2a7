// statx(2) on an open descriptor, and where in its answer each field lies (linux/stat.h, struct statx; the same on
// every architecture). test/file/statx.test.ts compares the offsets with what fs.fstatSync reads.
import { AT_EMPTY_PATH } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import type { RingCore } from '../ring/core.js';
import { ownedOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';

/** Size of `struct statx`. */
export const STATX_BYTES = 256;

/** Bits of `stx_mask`, and byte offsets of fields. */
export const STATX = {
  /** mask: all that fstat(2) gives and the time of birth, as libuv asks for it */
  ALL: 0xfff,
  /** mask: alignment of O_DIRECT, Linux 6.1 */
  DIOALIGN: 0x2000,

  MASK: 0x00,
  BLKSIZE: 0x04,
  NLINK: 0x10,
  UID: 0x14,
  GID: 0x18,
  MODE: 0x1c,
  INO: 0x20,
  SIZE: 0x28,
  BLOCKS: 0x30,
  ATIME: 0x40,
  BTIME: 0x50,
  CTIME: 0x60,
  MTIME: 0x70,
  RDEV_MAJOR: 0x80,
  RDEV_MINOR: 0x84,
  DEV_MAJOR: 0x88,
  DEV_MINOR: 0x8c,
  DIO_MEM_ALIGN: 0x98,
  DIO_OFFSET_ALIGN: 0x9c,

  /** within a time: seconds (i64), nanoseconds (u32) */
  TIME_NSEC: 8,
} as const;

const answer = new Uint8Array(STATX_BYTES);
const answered = new DataView(answer.buffer);

/**
 * The status of an open file inside the call, as long as this turn of the event loop has time for such answers: it is
 * in memory, unless a server has to be asked for it. The fields are valid until the next call.
 */
export function statxNow(core: RingCore, fd: number): DataView<ArrayBuffer> | null {
  return core.delivery.mayReturnNow ? statxInMemory(fd) : null;
}

/** The same whatever the turn's budget: once per stream, say. */
export function statxInMemory(fd: number): DataView<ArrayBuffer> | null {
  return native().statOpened(fd, answer) === 0 ? answered : null;
}

/**
 * `result` is 0 or -errno; the fields are little-endian.
 *
 * @param onRequest gets the number of the request
 */
export function statx(
  ring: Ring,
  fd: number,
  mask: number,
  onRequest?: (id: number) => void,
): Promise<{ result: number; fields: DataView<ArrayBuffer> }> {
  const out = new Uint8Array(STATX_BYTES);
  return new Promise((resolve) => {
    const id = ownedOf(ring).statx(fd, '', AT_EMPTY_PATH, mask, out, (result) => {
      resolve({ result, fields: new DataView(out.buffer) });
    });
    onRequest?.(id);
  });
}
