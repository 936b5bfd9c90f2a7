// A regular file of known size, read whole: several requests in flight, each large enough to be worth a worker's
// while, so that no copy holds up the event loop.
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { OP } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import type { Descriptor } from '../file/descriptor.js';
import { fileTooLarge } from '../file/read-file.js';
import { readOnce } from '../file/transfer.js';
import { onLoan } from '../ring/memory.js';
import type { LeftOpen } from '../ring/whole-file.js';

const { S_IFIFO, S_IFMT, S_IFREG } = constants;

/** Per request: 512 KiB are 50 to 100 µs of a worker. */
const CHUNK_BYTES = 512 * 1024;
/** The same while many files are read: they keep the workers busy, and a request costs this thread more than it gains. */
const LARGE_CHUNK_BYTES = 4 * CHUNK_BYTES;
/** Requests in flight. */
const DEPTH = 4;
/** Files that are being read. */
let files = 0;
/** For such files the page faults of fresh memory count for more than anything else. */
const LARGE_BYTES = 1024 * 1024;
let keepsFreedMemory = false;
/** Node's limit for readFile of a regular file. */
const FILE_BYTES_MAX = 2 ** 31 - 1;

export function isRegular(file: LeftOpen): boolean {
  return (file.mode & S_IFMT) === S_IFREG;
}

export function isPipe(file: LeftOpen): boolean {
  return (file.mode & S_IFMT) === S_IFIFO;
}

/**
 * The first `size` bytes of the file, fewer when it has shrunk.
 *
 * @throws ERR_FS_FILE_TOO_LARGE above 2 GiB, the system's error of read(2)
 */
export async function readRegular(
  descriptor: Descriptor,
  size: number,
  encoding: BufferEncoding | undefined,
): Promise<Buffer | string> {
  if (size > FILE_BYTES_MAX) throw fileTooLarge(size);
  if (!keepsFreedMemory && size >= LARGE_BYTES) {
    keepsFreedMemory = true;
    native().keepFreedMemory();
  }
  const view = Buffer.allocUnsafeSlow(size);
  files++;
  let end: number;
  try {
    end = await onLoan(view, () => fill(view, descriptor, files > DEPTH ? LARGE_CHUNK_BYTES : CHUNK_BYTES));
  } finally {
    files--;
  }
  view.fill(0, end); // nothing else that was in this memory is to be seen through `buffer`
  const bytes = end === size ? view : view.subarray(0, end);
  return encoding === undefined ? bytes : bytes.toString(encoding);
}

/** Reads the file into the view, in so many bytes at a time: where the file turned out to end. */
async function fill(view: Buffer, descriptor: Descriptor, chunkBytes: number): Promise<number> {
  const size = view.byteLength;
  if (size <= chunkBytes) return readChunk(descriptor, view, 0, size);
  let next = 0;
  let end = size;
  const reader = async (): Promise<void> => {
    while (next < end) {
      const first = next;
      const last = Math.min(first + chunkBytes, size);
      next = last;
      const bytes = await readChunk(descriptor, view, first, last);
      if (first + bytes < last) end = Math.min(end, first + bytes);
    }
  };
  const chunks = Math.ceil(size / chunkBytes);
  // All of them, whatever one of them meets: until then the kernel writes to the memory.
  const readers = await Promise.allSettled(Array.from({ length: Math.min(DEPTH, chunks) }, reader));
  for (const each of readers) if (each.status === 'rejected') throw each.reason;
  return end;
}

/** Bytes read: fewer than asked for only where the file ends. */
async function readChunk(descriptor: Descriptor, view: Buffer, first: number, last: number): Promise<number> {
  let offset = first;
  while (offset < last) {
    const length = last - offset;
    const count = await readOnce(descriptor, { op: OP.READ, view, offset, length, position: offset });
    if (count === 0) break;
    offset += count;
  }
  return offset - first;
}
