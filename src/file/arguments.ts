// The many signatures of FileHandle's read, write, readv and writev, reduced to one: view, offset, length, position,
// signal. For calls that `File` did not recognise at a glance.
//
// What is obviously right is answered at once, so that the request is made inside the call and requests keep the
// order of the calls. What is not is put to Node itself (node-handle.ts), so that the errors are its own; only then
// is the answer a promise.
//
// Positions go beyond Node's: bigints are positions in every method and version, and a number that is none
// (2 ** 60, Infinity) is refused everywhere. Node takes such a number for "the current position" in write, readv
// and writev, and on Node 20 in read: the data would land in the wrong place.
import { Buffer } from 'node:buffer';
import { OP } from '../abi/io_uring.js';
import { askNode, POSITION_MAX, rejectedByNode, rejectPosition } from './node-handle.js';
import type { Position, Transfer } from './transfer.js';

export type Answer<T> = T | Promise<T>;

interface Options {
  buffer?: unknown;
  offset?: unknown;
  length?: unknown;
  position?: unknown;
  signal?: unknown;
}

function isObject(value: unknown): value is Options {
  return typeof value === 'object' && value !== null;
}

/** A number of bytes that any view could have. */
export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

// ── position and signal ────────────────────────────────────────────────────────────────────────────────────────

/** The position that every version of Node takes it for, or undefined when they do not agree. */
function plainPosition(position: unknown, length: number): Position | undefined {
  if (position === undefined || position === null) return -1;
  if (typeof position === 'number')
    return Number.isSafeInteger(position) && position >= -1 ? position : undefined;
  if (typeof position !== 'bigint' || position < -1n || position > POSITION_MAX - BigInt(length))
    return undefined;
  return position <= Number.MAX_SAFE_INTEGER ? Number(position) : position;
}

/** The position that Node makes of a value it accepts. */
async function acceptedPosition(position: unknown, length: number): Promise<Position> {
  const plain = plainPosition(position, length);
  if (plain !== undefined) return plain;
  if (typeof position === 'bigint') return await rejectPosition(position, length);
  if (typeof position !== 'number') return -1;
  if (Math.abs(position) > Number.MAX_SAFE_INTEGER) return await rejectPosition(position, length);
  return -1; // a fraction, NaN, or less than -1
}

export function isPlainSignal(signal: unknown): signal is AbortSignal | undefined {
  return signal === undefined || signal instanceof AbortSignal;
}

/** Lets pass what Node takes for `options.signal`, and throws its error for anything else. */
export async function acceptedSignal(signal: unknown): Promise<AbortSignal | undefined> {
  if (!isPlainSignal(signal)) await askNode('readFile', { signal });
  return signal as AbortSignal | undefined;
}

// ── read ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** read(buffer, offset, length, position), read(buffer, options), read(options) and read(). */
export function readArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Answer<Transfer> {
  let view = buffer;
  let signal: unknown;
  if (!ArrayBuffer.isView(view)) {
    if (view !== undefined && view !== null && (!isObject(view) || Array.isArray(view))) {
      return rejectedByNode('read', view);
    }
    const options: Options = view ?? {};
    // As large as Node's: callers look at the buffer they get back.
    ({ buffer: view = Buffer.alloc(16384), offset, length, position, signal } = options);
    if (!ArrayBuffer.isView(view)) return rejectedByNode('read', { buffer: view });
  } else if (isObject(offset)) {
    ({ offset, length, position, signal } = offset);
  }
  offset ??= 0;
  if (!isIndex(offset)) return rejectedByNode('read', view, offset, 1);
  // As fs.read and, since 26, FileHandle.read do. Until then a length that is no int32 aborts the process.
  const bytes = ((length ?? view.byteLength - offset) as number) | 0;
  const at = plainPosition(position, bytes);
  if (bytes > 0 && offset + bytes <= view.byteLength && at !== undefined && isPlainSignal(signal)) {
    return { op: OP.READ, view, offset, length: bytes, position: at, signal };
  }
  return unusualRead(view, offset, bytes, position, signal);
}

async function unusualRead(
  view: ArrayBufferView,
  offset: number,
  length: number,
  position: unknown,
  signal: unknown,
): Promise<Transfer> {
  await askNode('read', view, offset, length, position);
  const at = await acceptedPosition(position, length);
  return { op: OP.READ, view, offset, length, position: at, signal: await acceptedSignal(signal) };
}

// ── write ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** `isEmpty`: there is nothing to write, and Node makes no system call. */
type WriteTransfer = Transfer & { readonly isEmpty: boolean };

const EMPTY: WriteTransfer = {
  op: OP.WRITE,
  view: new Uint8Array(0),
  offset: 0,
  length: 0,
  position: -1,
  isEmpty: true,
};

/** write(buffer, offset, length, position), write(buffer, options) and write(text, position, encoding). */
export function writeArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Answer<WriteTransfer> {
  if ((buffer as { byteLength?: unknown } | null | undefined)?.byteLength === 0) return EMPTY;
  if (typeof buffer === 'string') return textArguments(buffer, offset, length);
  if (!ArrayBuffer.isView(buffer)) return rejectedByNode('write', buffer, offset, length, position);
  let signal: unknown;
  // null counts as options here, unlike in read: write(buffer, null, 3, 5) writes all at the current position.
  if (typeof offset === 'object') ({ offset, length, position, signal } = (offset as Options | null) ?? {});
  offset ??= 0;
  const rest = isIndex(offset) ? buffer.byteLength - offset : 0;
  const bytes = typeof length === 'number' ? length : rest;
  if (!isIndex(offset) || !isIndex(bytes) || bytes > 0x7fffffff || bytes > rest) {
    return rejectedByNode('write', buffer, offset, bytes);
  }
  const transfer = { op: OP.WRITE, view: buffer, offset, length: bytes, isEmpty: false };
  const at = plainPosition(position, bytes);
  if (at !== undefined && isPlainSignal(signal)) return { ...transfer, position: at, signal };
  return unusualWrite(transfer, position, signal);
}

async function unusualWrite(
  transfer: Omit<WriteTransfer, 'position'>,
  position: unknown,
  signal: unknown,
): Promise<WriteTransfer> {
  const at = await acceptedPosition(position, transfer.length);
  return { ...transfer, position: at, signal: await acceptedSignal(signal) };
}

function textArguments(text: string, position: unknown, encoding: unknown): Answer<WriteTransfer> {
  // An unknown encoding is UTF-8.
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
  const view = Buffer.from(text, known);
  const length = view.byteLength;
  const transfer = { op: OP.WRITE, view, offset: 0, length, isEmpty: length === 0 };
  const at = plainPosition(position, length);
  // Half a byte of hexadecimal is the one thing that is refused.
  const isOdd = known.toLowerCase() === 'hex' && text.length % 2 !== 0;
  if (isOdd) return rejectedByNode('write', text, null, encoding);
  return at !== undefined ? { ...transfer, position: at } : unusualWrite(transfer, position, undefined);
}

// ── readv and writev ───────────────────────────────────────────────────────────────────────────────────────────

export interface VectorArguments {
  readonly views: readonly ArrayBufferView[];
  readonly position: Position;
  readonly signal: AbortSignal | undefined;
}

/** readv(buffers, position) and writev(buffers, position); `{ position, signal }` in place of the position too. */
export function vectorArguments(
  method: 'readv' | 'writev',
  buffers: unknown,
  position: unknown,
): Answer<VectorArguments> {
  if (!Array.isArray(buffers) || !buffers.every((view) => ArrayBuffer.isView(view))) {
    return rejectedByNode(method, buffers, null);
  }
  const views: readonly ArrayBufferView[] = buffers;
  let signal: unknown;
  if (isObject(position)) ({ position, signal } = position);
  const length = views.reduce((sum, view) => sum + view.byteLength, 0);
  const at = plainPosition(position, length);
  if (at !== undefined && isPlainSignal(signal)) return { views, position: at, signal };
  return unusualVector(views, position, length, signal);
}

async function unusualVector(
  views: readonly ArrayBufferView[],
  position: unknown,
  length: number,
  signal: unknown,
): Promise<VectorArguments> {
  return { views, position: await acceptedPosition(position, length), signal: await acceptedSignal(signal) };
}
