// The many signatures of FileHandle's read, write, readv and writev, reduced to one: view, offset, length, position,
// signal. This is the slow path, for calls that `File` did not recognise at a glance; what is not obviously right
// here either is put to Node itself (node-handle.ts), so that the errors are its own.
//
// Positions go beyond Node's: bigints are positions in every method and version, and a number that is none
// (2 ** 60, Infinity) is refused everywhere. Node takes such a number for "the current position" in write, readv
// and writev, and on Node 20 in read: the data would land in the wrong place.
import { Buffer } from 'node:buffer';
import { OP } from '../abi/io_uring.js';
import { checkSignal } from './abort.js';
import { askNode, POSITION_MAX, rejectedByNode, rejectPosition } from './node-handle.js';
import type { Position, Transfer } from './transfer.js';

interface TransferOptions {
  buffer?: unknown;
  offset?: unknown;
  length?: unknown;
  position?: unknown;
  signal?: unknown;
}

function isObject(value: unknown): value is TransferOptions {
  return typeof value === 'object' && value !== null;
}

/** A number of bytes that any view could have. */
export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether every version of Node takes it for a position, and the same one. */
function isPlainPosition(position: unknown, length: number): boolean {
  if (position === undefined || position === null) return true;
  if (typeof position === 'number') return Number.isSafeInteger(position) && position >= -1;
  return typeof position === 'bigint' && position >= -1n && position <= POSITION_MAX - BigInt(length);
}

/** The position that Node makes of a value it accepts. */
async function acceptedPosition(position: unknown, length: number): Promise<Position> {
  if (typeof position === 'bigint') {
    if (!isPlainPosition(position, length)) return await rejectPosition(position, length);
    return position <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(position) : position;
  }
  if (typeof position !== 'number') return -1;
  if (Math.abs(position) > Number.MAX_SAFE_INTEGER) return await rejectPosition(position, length);
  return Number.isInteger(position) && position >= 0 ? position : -1;
}

/** read(buffer, offset, length, position), read(buffer, options), read(options) and read(). */
export async function readArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<Transfer> {
  let view = buffer;
  let signal: unknown;
  if (!ArrayBuffer.isView(view)) {
    if (view !== undefined && view !== null && (!isObject(view) || Array.isArray(view))) {
      return await rejectedByNode('read', view);
    }
    const options: TransferOptions = view ?? {};
    // As large as Node's: callers look at the buffer they get back.
    ({ buffer: view = Buffer.alloc(16384), offset, length, position, signal } = options);
    if (!ArrayBuffer.isView(view)) return await rejectedByNode('read', { buffer: view });
  } else if (isObject(offset)) {
    ({ offset, length, position, signal } = offset);
  }
  offset ??= 0;
  if (!isIndex(offset)) return await rejectedByNode('read', view, offset, 1);
  // As fs.read and, since 26, FileHandle.read do. Until then a length that is no int32 aborts the process.
  const bytes = ((length ?? view.byteLength - offset) as number) | 0;
  if (bytes <= 0 || offset + bytes > view.byteLength || !isPlainPosition(position, bytes)) {
    await askNode('read', view, offset, bytes, position);
  }
  await checkSignal(signal);
  return {
    op: OP.READ,
    view,
    offset,
    length: bytes,
    position: await acceptedPosition(position, bytes),
    signal: signal as AbortSignal | undefined,
  };
}

/**
 * write(buffer, offset, length, position), write(buffer, options) and write(string, position, encoding).
 * Of length 0 when there is nothing to write and no system call to make.
 */
export async function writeArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<Transfer & { readonly isEmpty: boolean }> {
  const op = OP.WRITE;
  if (!ArrayBuffer.isView(buffer)) {
    if ((buffer as { byteLength?: unknown } | null | undefined)?.byteLength === 0) {
      return { op, view: new Uint8Array(0), offset: 0, length: 0, position: -1, isEmpty: true };
    }
    if (typeof buffer !== 'string') return await rejectedByNode('write', buffer, offset, length, position);
    const encoding = length as BufferEncoding | null | undefined;
    // Only odd hexadecimal is refused; an unknown encoding is UTF-8.
    if (String(encoding).toLowerCase() === 'hex') await askNode('write', buffer, null, encoding);
    const view = Buffer.from(
      buffer,
      typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8',
    );
    const at = await acceptedPosition(offset, view.byteLength);
    return { op, view, offset: 0, length: view.byteLength, position: at, isEmpty: view.byteLength === 0 };
  }
  const isEmpty = buffer.byteLength === 0;
  let signal: unknown;
  // null counts as options here, unlike in read: write(buffer, null, 3, 5) writes all at the current position.
  if (typeof offset === 'object')
    ({ offset, length, position, signal } = (offset as TransferOptions | null) ?? {});
  if (isEmpty) return { op, view: buffer, offset: 0, length: 0, position: -1, isEmpty };
  offset ??= 0;
  const rest = isIndex(offset) ? buffer.byteLength - offset : 0;
  const bytes = typeof length === 'number' ? length : rest;
  if (!isIndex(offset) || !isIndex(bytes) || bytes > 0x7fffffff || offset + bytes > buffer.byteLength) {
    await rejectedByNode('write', buffer, offset, bytes);
  }
  await checkSignal(signal);
  return {
    op,
    view: buffer,
    offset: offset as number,
    length: bytes,
    position: await acceptedPosition(position, bytes),
    signal: signal as AbortSignal | undefined,
    isEmpty,
  };
}

export interface VectorArguments {
  readonly views: readonly ArrayBufferView[];
  readonly position: Position;
  readonly signal: AbortSignal | undefined;
}

/** readv(buffers, position) and writev(buffers, position); `{ position, signal }` in place of the position too. */
export async function vectorArguments(
  method: 'readv' | 'writev',
  buffers: unknown,
  position: unknown,
): Promise<VectorArguments> {
  if (!Array.isArray(buffers) || !buffers.every((view) => ArrayBuffer.isView(view))) {
    return await rejectedByNode(method, buffers, null);
  }
  let signal: unknown;
  if (isObject(position)) ({ position, signal } = position);
  await checkSignal(signal);
  const views: readonly ArrayBufferView[] = buffers;
  const length = views.reduce((sum, view) => sum + view.byteLength, 0);
  return {
    views,
    position: await acceptedPosition(position, length),
    signal: signal as AbortSignal | undefined,
  };
}
