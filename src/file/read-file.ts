// readFile: everything from the file's own position to its end, in requests of moderate size, so that a signal
// takes effect soon and no single copy holds up the event loop.
import { Buffer } from 'node:buffer';
import { OP } from '../abi/io_uring.js';
import { addressOf, onLoan } from '../ring/memory.js';
import { regularFileSize } from './attributes.js';
import type { Descriptor } from './descriptor.js';
import { invalidPropertyType, invalidPropertyValue, throwIfAborted } from './errors.js';
import { acceptedOptions, plainOptions } from './file-options.js';
import { askNode } from './node-handle.js';
import { giveScratch, SCRATCH_BYTES, takeScratch } from './scratch.js';
import { readOnce } from './transfer.js';

/** Node's steps, so that signals are looked at as often. */
const CHUNK_BYTES = 512 * 1024;
/** Where the size is not known: pipes, /proc, anything that says 0. */
const UNKNOWN_SIZE_BYTES = 64 * 1024;
/** Node's limit for readFile of a regular file. */
const FILE_BYTES_MAX = 2 ** 31 - 1;

type Target = ArrayBufferView | ((size: number) => ArrayBufferView);

/**
 * @throws AbortError, ERR_FS_FILE_TOO_LARGE above 2 GiB, the system's error of read(2)
 */
export async function readFile(
  descriptor: Descriptor,
  options: unknown,
): Promise<Buffer<ArrayBuffer> | string> {
  let known = plainOptions(options);
  let target = (options as { buffer?: Target } | null | undefined)?.buffer;
  if (target !== undefined && !(await hasBufferOption())) target = undefined;
  if (
    known === null ||
    (target !== undefined && typeof target !== 'function' && !ArrayBuffer.isView(target))
  ) {
    // Node must not call the function for /dev/null.
    await askNode(
      'readFile',
      typeof target === 'function' ? { ...(options as object), buffer: undefined } : options,
    );
    known ??= acceptedOptions(options);
  }
  const { encoding, signal } = known;
  throwIfAborted(signal);
  const begun =
    target === undefined && descriptor.alignment === null ? await readSmall(descriptor, signal) : null;
  if (begun?.isWhole) return encoding ? begun.bytes.toString(encoding) : begun.bytes;
  const size = await regularFileSize(descriptor);
  throwIfAborted(signal);
  if (size > FILE_BYTES_MAX) throw fileTooLarge(size);
  let bytes: Buffer<ArrayBuffer>;
  if (target !== undefined) bytes = await readIntoTarget(descriptor, target, size, signal);
  else if (size > 0) bytes = await fill(descriptor, makeBuffer(descriptor, size), size, begun?.bytes, signal);
  else bytes = await readToEnd(descriptor, begun?.bytes, signal);
  return encoding ? bytes.toString(encoding) : bytes;
}

/**
 * The beginning of the file, and whether that is all of it. Small files are read without a look at their size: reading
 * on until there is no more is one request too, and right where the size says nothing.
 */
async function readSmall(
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<{ bytes: Buffer<ArrayBuffer>; isWhole: boolean }> {
  const view = takeScratch();
  try {
    let total = 0;
    let count: number;
    do {
      const length = SCRATCH_BYTES - total;
      count = await readOnce(descriptor, { op: OP.READ, view, offset: total, length, position: -1, signal });
      throwIfAborted(signal);
      total += count;
    } while (count > 0 && total < SCRATCH_BYTES);
    const bytes = Buffer.allocUnsafeSlow(total);
    bytes.set(view.subarray(0, total));
    return { bytes, isWhole: count === 0 };
  } finally {
    // Whatever happened, the request is over: nobody writes to the memory any more.
    giveScratch(view);
  }
}

/** Room for `size` bytes; on an O_DIRECT file aligned, and as much longer as its transfers must be. */
function makeBuffer(descriptor: Descriptor, size: number): Buffer<ArrayBuffer> {
  const { alignment } = descriptor;
  if (alignment === null) return Buffer.allocUnsafeSlow(size);
  const length = Math.ceil(size / alignment.offset) * alignment.offset;
  const memory = new ArrayBuffer(length + alignment.memory);
  const misaligned = addressOf(new Uint8Array(memory)) % alignment.memory;
  return Buffer.from(memory, misaligned === 0 ? 0 : alignment.memory - misaligned, length);
}

/** Reads until `wanted` bytes are there or the file ends: it may have shrunk, or not been at its start. */
async function fill(
  descriptor: Descriptor,
  view: Buffer<ArrayBuffer>,
  wanted: number,
  begun: Uint8Array | undefined,
  signal?: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  let total = 0;
  if (begun !== undefined) {
    total = Math.min(begun.byteLength, view.byteLength);
    view.set(begun.subarray(0, total));
  }
  await onLoan(view, async () => {
    while (total < wanted) {
      const length = Math.min(view.byteLength - total, CHUNK_BYTES);
      const count = await readOnce(descriptor, {
        op: OP.READ,
        view,
        offset: total,
        length,
        position: -1,
        signal,
      });
      if (count === 0) break;
      total += count;
    }
  });
  const bytes = Math.min(total, wanted);
  view.fill(0, bytes); // nothing else that was in this memory is to be seen through `buffer`
  return bytes === view.byteLength ? view : view.subarray(0, bytes);
}

async function readToEnd(
  descriptor: Descriptor,
  begun: Buffer<ArrayBuffer> | undefined,
  signal?: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  const pieces: Buffer<ArrayBuffer>[] = begun === undefined ? [] : [begun];
  for (;;) {
    const view = makeBuffer(descriptor, UNKNOWN_SIZE_BYTES);
    const length = view.byteLength;
    const count = await readOnce(descriptor, { op: OP.READ, view, offset: 0, length, position: -1, signal });
    if (count === 0) break;
    pieces.push(view.subarray(0, count));
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

// ── the `buffer` option of Node 24 ─────────────────────────────────────────────────────────────────────────────

let bufferOption: Promise<boolean> | undefined;

/** Whether the running Node reads into `options.buffer`; older ones do not look at it. */
function hasBufferOption(): Promise<boolean> {
  const buffer = new Uint8Array(1);
  bufferOption ??= askNode('readFile', { buffer }).then(
    (result) => (result as Buffer).buffer === buffer.buffer,
    () => false,
  );
  return bufferOption;
}

async function readIntoTarget(
  descriptor: Descriptor,
  target: Target,
  size: number,
  signal?: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  const isFunction = typeof target === 'function';
  const name = isFunction ? 'options.buffer().byteLength' : 'options.buffer.byteLength';
  const given: unknown = isFunction ? target(size) : target;
  if (!ArrayBuffer.isView(given)) {
    throw invalidPropertyType('options.buffer()', 'an instance of Buffer, TypedArray, or DataView', given);
  }
  const view = Buffer.from(given.buffer as ArrayBuffer, given.byteOffset, given.byteLength);
  if (size > view.byteLength) {
    throw invalidPropertyValue(name, view.byteLength, `is smaller than the file size of ${size} bytes`);
  }
  if (size > 0) return await fill(descriptor, view, size, undefined, signal);
  const bytes = await fill(descriptor, view, view.byteLength, undefined, signal);
  if (bytes.byteLength < view.byteLength) return bytes;
  // The size was not known: one byte more tells whether this was all.
  throwIfAborted(signal);
  const extra = new Uint8Array(1);
  const more = await readOnce(descriptor, {
    op: OP.READ,
    view: extra,
    offset: 0,
    length: 1,
    position: -1,
    signal,
  });
  if (more > 0) throw invalidPropertyValue(name, view.byteLength, 'is too small to contain the entire file');
  return bytes;
}

export function fileTooLarge(size: number): RangeError {
  const error = new RangeError(`File size (${size}) is greater than 2 GiB`);
  return Object.assign(error, { code: 'ERR_FS_FILE_TOO_LARGE' });
}
