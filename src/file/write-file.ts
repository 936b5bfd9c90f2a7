// writeFile and appendFile: data at the file's own position, in requests of moderate size. Nothing is truncated:
// that is open's affair ('w').
import { Buffer } from 'node:buffer';
import { ERRNO } from '../abi/errno.js';
import { OP } from '../abi/io_uring.js';
import { onLoan } from '../ring/memory.js';
import { sync } from './attributes.js';
import type { Descriptor } from './descriptor.js';
import { invalidState, throwIfAborted } from './errors.js';
import { acceptedOptions, plainOptions } from './file-options.js';
import { askNode, rejectedByNode } from './node-handle.js';
import { writeAll } from './transfer.js';

/** Node's steps, so that signals are looked at as often. */
const CHUNK_BYTES = 512 * 1024;

type Piece = string | ArrayBufferView;
type Pieces = Iterable<Piece> | AsyncIterable<Piece>;

/** What writeFile takes: all at once, or piece by piece. */
export type FileData = Piece | Pieces;

/**
 * @throws AbortError (what was written before stays written), the system's error of write(2)
 */
export async function writeFile(descriptor: Descriptor, data: unknown, options: unknown): Promise<void> {
  const isPieces = !ArrayBuffer.isView(data) && isIterable(data);
  if (!isPieces && !ArrayBuffer.isView(data) && typeof data !== 'string') {
    return await rejectedByNode('writeFile', data, options);
  }
  let known = plainOptions(options);
  if (known === null) {
    await askNode('writeFile', '', options);
    known = acceptedOptions(options);
  }
  const { encoding = 'utf8', signal, flush } = known;
  throwIfAborted(signal);
  if (isPieces) {
    for await (const piece of data) {
      throwIfAborted(signal);
      await writeView(descriptor, asView(piece, encoding), signal);
      throwIfAborted(signal);
    }
  } else {
    await writeView(descriptor, asView(data as Piece, encoding), signal);
  }
  if (flush) await flushToDevice(descriptor);
}

function isIterable(data: unknown): data is Pieces {
  if (data === undefined || data === null || typeof data === 'string') return false;
  const pieces = data as Partial<AsyncIterable<Piece> & Iterable<Piece>>;
  return typeof pieces[Symbol.asyncIterator] === 'function' || typeof pieces[Symbol.iterator] === 'function';
}

function asView(piece: Piece, encoding: BufferEncoding): ArrayBufferView {
  return ArrayBuffer.isView(piece) ? piece : Buffer.from(piece, encoding);
}

async function writeView(descriptor: Descriptor, view: ArrayBufferView, signal?: AbortSignal): Promise<void> {
  const { longWrites } = descriptor;
  const write = longWrites.begin();
  try {
    const chunks = () => writeChunks(descriptor, view, signal);
    // A single request borrows the memory by itself.
    await (view.byteLength > CHUNK_BYTES ? onLoan(view, chunks) : chunks());
  } finally {
    longWrites.end(write);
  }
}

async function writeChunks(
  descriptor: Descriptor,
  view: ArrayBufferView,
  signal?: AbortSignal,
): Promise<void> {
  const total = view.byteLength;
  for (let offset = 0; offset < total; ) {
    throwIfAborted(signal);
    const length = Math.min(CHUNK_BYTES, total - offset);
    const count = await writeAll(descriptor, { op: OP.WRITE, view, offset, length, position: -1, signal });
    // write(2) answers 0 for no file that Linux has; should one do so, this must not go on for ever.
    if (count === 0) throw invalidState('the file takes no more data');
    offset += count;
  }
}

/** Node documents `flush` for FileHandle and ignores it; here it does what it says. */
async function flushToDevice(descriptor: Descriptor): Promise<void> {
  try {
    await sync(descriptor, false);
  } catch (error) {
    // fsync(2) of what has no device behind it (a pipe, /dev/null): there is nothing to flush.
    if ((error as NodeJS.ErrnoException).errno !== -ERRNO.EINVAL) throw error;
  }
}
