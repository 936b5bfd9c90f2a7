// The callback functions of node:fs on a descriptor's number. The program owns it and may close it at any time, so the
// ring holds the file while a request waits.
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { OP, TRANSFER_BYTES_MAX } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import { closeDescriptor } from '../file/close.js';
import type { Syscall } from '../file/errors.js';
import { readNow, readvNow } from '../file/inline.js';
import { advance, type Position } from '../file/transfer.js';
import type { RingCore } from '../ring/core.js';
import { byteLengthOf } from '../ring/memory.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { type Done, OWN_POSITION, TRAIT } from '../ring/slots.js';
import { startTransfer, startVector } from '../ring/transfer.js';
import { type Delivery, performFor } from './deliver.js';
import { type Call, errorOf, perform } from './request.js';

/** Starts the call and sees to its delivery, or answers false: Node has to do it. */
export type Start = (ring: Ring, args: readonly unknown[], delivery: Delivery) => boolean;

export function isFd(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value && value <= 0x7fffffff;
}

/**
 * Whether io_uring may leave the own position of the file where it is (src/file/own-position.ts): then what is at "the
 * current position" is Node's.
 */
function mayStayAtPosition(fd: number): boolean {
  const flags = native().statusFlags(fd);
  return flags < 0 || (flags & constants.O_DIRECT) !== 0 || native().completesLater(fd);
}

/** A position that means the same in every version: undefined for others. */
function plainPosition(fd: number, position: unknown): number | undefined {
  if (position === undefined || position === null || position === -1)
    return mayStayAtPosition(fd) ? undefined : -1;
  return Number.isSafeInteger(position) && (position as number) >= 0 ? (position as number) : undefined;
}

// ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Of a transfer on a program's descriptor. */
function traitsAt(position: Position): number {
  const traits = TRAIT.HOLD | TRAIT.POSITION_COUNTS;
  return position === -1 ? traits | OWN_POSITION : traits;
}

/** IOV_MAX of Linux. */
const VECTOR_MAX = 1024;

/** Of the first parts, as many as one request takes. */
function startParts(
  core: RingCore,
  op: typeof OP.READV | typeof OP.WRITEV,
  fd: number,
  parts: readonly ArrayBufferView[],
  position: Position,
  done: Done,
): number {
  const direction = op === OP.WRITEV ? TRAIT.WRITE : 0;
  const traits = direction | traitsAt(position);
  if (parts.length === 1) {
    const [first] = parts;
    const length = Math.min(byteLengthOf(first), TRANSFER_BYTES_MAX);
    const one = op === OP.WRITEV ? OP.WRITE : OP.READ;
    return startTransfer(core, one, fd, first, 0, length, position, traits, done);
  }
  const batch = parts.length > VECTOR_MAX ? parts.slice(0, VECTOR_MAX) : parts;
  let bytes = 0;
  for (const part of batch) bytes += byteLengthOf(part);
  return startVector(core, op, fd, batch, bytes, position, traits, done);
}

// ── read and write ─────────────────────────────────────────────────────────────────────────────────────────────

interface Range {
  readonly view: ArrayBufferView;
  /** bytes into the view */
  readonly from: number;
  readonly length: number;
  readonly position: number;
}

/** @param from bytes into the view */
function partOf(view: ArrayBufferView, from: number, length: number): ArrayBufferView {
  if (from === 0 && length === byteLengthOf(view)) return view;
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + from, length);
}

function range(
  fd: number,
  view: ArrayBufferView,
  offset: unknown,
  length: unknown,
  position: unknown,
): Range | null {
  const from = offset ?? 0;
  const at = plainPosition(fd, position);
  if (at === undefined || !isIndex(from) || !isIndex(length) || length === 0) return null;
  if (length > 0x7fffffff || from + length > view.byteLength) return null;
  return { view, from, length, position: at };
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

interface Options {
  buffer?: unknown;
  offset?: unknown;
  length?: unknown;
  position?: unknown;
}

function asOptions(value: unknown): Options | null {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value)) return null;
  return value;
}

/** read(fd, buffer, offset, length, position), read(fd, buffer, options), read(fd, options), read(fd, buffer), read(fd). */
function readRange(args: readonly unknown[]): Range | null {
  const [fd, second, third] = args as [number, unknown, unknown];
  // Errors in Node: options come behind a buffer, and in Node 20 they are something there.
  if (args.length === 3 && (third === undefined || !ArrayBuffer.isView(second))) return null;
  if (args.length === 5) {
    return ArrayBuffer.isView(second) ? range(fd, second, third, args[3], args[4]) : null;
  }
  const options = asOptions(args.length === 3 ? third : ArrayBuffer.isView(second) ? undefined : second);
  if (options === null) return null;
  const { buffer = Buffer.alloc(16384) } = options;
  const view = ArrayBuffer.isView(second) ? second : buffer;
  if (!ArrayBuffer.isView(view)) return null;
  const { offset = 0, position = null } = options;
  const { length = isIndex(offset) ? view.byteLength - offset : undefined } = options;
  return range(fd, view, offset, length, position);
}

/** @param data what the call was given */
function deliverTransferred(
  delivery: Delivery,
  syscall: 'read' | 'write',
  result: number,
  data: unknown,
): void {
  delivery.deliver(result < 0 ? [errorOf({ syscall }, result), 0, data] : [null, result, data]);
}

export const read: Start = (ring, args, delivery) => {
  const [fd] = args;
  const target = isFd(fd) ? readRange(args) : null;
  if (target === null) return false;
  const { view, from, length, position } = target;
  const now = readNow(ring, fd as number, view, from, length, position);
  if (now >= 0) {
    delivery.deliver([null, now, view]);
    return true;
  }
  const parts = [partOf(view, from, length)];
  const call: Call = {
    syscall: 'read',
    start: (r, done) => startParts(coreOf(r), OP.READV, fd as number, parts, position, done),
  };
  perform(ring, call, (result) => deliverTransferred(delivery, 'read', result, view));
  return true;
};

/** write(fd, buffer, offset, length, position), with fewer arguments, or with options in place of the offset. */
function writeRange(fd: number, view: ArrayBufferView, args: readonly unknown[]): Range | null {
  let [, , offset, length, position] = args;
  // null is an object to Node: what follows it does not count
  if (typeof offset === 'object') {
    const options = asOptions(offset);
    if (options === null || (args.length > 3 && offset !== null)) return null;
    ({ offset, length, position } = options);
  }
  const from = offset ?? 0;
  if (typeof length !== 'number') length = isIndex(from) ? view.byteLength - from : -1;
  return range(fd, view, from, length, position);
}

/** write(fd, text, position, encoding) */
function textRange(fd: number, text: string, position: unknown, encoding: unknown): Range | null {
  const known = encoding ?? 'utf8';
  if (known !== 'utf8' && known !== 'utf-8' && known !== 'latin1') return null;
  const bytes = Buffer.from(text, known);
  return range(fd, bytes, 0, bytes.byteLength, position);
}

export const write: Start = (ring, args, delivery) => {
  const [fd, data] = args;
  if (!isFd(fd)) return false;
  let source: Range | null = null;
  if (ArrayBuffer.isView(data)) source = writeRange(fd, data, args);
  else if (typeof data === 'string' && args.length <= 4) source = textRange(fd, data, args[2], args[3]);
  if (source === null) return false;
  const { view, from, length, position } = source;
  writeAll(ring, fd, [partOf(view, from, length)], position, (result) => {
    deliverTransferred(delivery, 'write', result, data);
  });
  return true;
};

/**
 * Until everything is written or nothing more goes, as libuv does: the bytes written, or -errno.
 *
 * @param parts nobody else's
 */
function writeAll(
  ring: Ring,
  fd: number,
  parts: readonly ArrayBufferView[],
  position: Position,
  done: (result: number) => void,
  written = 0,
): void {
  const call: Call = {
    syscall: 'write',
    start: (r, answer) => startParts(coreOf(r), OP.WRITEV, fd, parts, position, answer),
  };
  perform(ring, call, (result) => {
    const rest = result > 0 ? without(parts, result) : [];
    if (rest.length === 0) done(result > 0 || written === 0 ? written + result : written);
    else writeAll(ring, fd, rest, advance(position, result), done, written + result);
  });
}

function without(parts: readonly ArrayBufferView[], bytes: number): readonly ArrayBufferView[] {
  let i = 0;
  while (i < parts.length && bytes >= parts[i].byteLength) bytes -= parts[i++].byteLength;
  if (i === parts.length) return [];
  return [partOf(parts[i], bytes, parts[i].byteLength - bytes), ...parts.slice(i + 1)];
}

// ── readv and writev ───────────────────────────────────────────────────────────────────────────────────────────

interface Vector {
  readonly fd: number;
  /** what the program gave, and the callback gets */
  readonly views: readonly ArrayBufferView[];
  /** the same, nobody else's */
  readonly parts: readonly ArrayBufferView[];
  readonly position: number;
}

function vector(args: readonly unknown[]): Vector | null {
  const [fd, views, position] = args;
  if (!isFd(fd) || !Array.isArray(views) || views.length === 0) return null;
  const at = plainPosition(fd, position);
  if (at === undefined) return null;
  const parts = [...views];
  let bytes = 0;
  for (const part of parts) {
    if (!ArrayBuffer.isView(part)) return null;
    bytes += part.byteLength;
  }
  // Of nothing but empty ones there is a system call all the same, whose errors are seen.
  return bytes > 0 ? { fd, views, parts, position: at } : null;
}

export const readv: Start = (ring, args, delivery) => {
  const target = vector(args);
  if (target === null) return false;
  const { fd, views, parts, position } = target;
  const now = readvNow(ring, fd, parts, position);
  if (now >= 0) {
    delivery.deliver([null, now, views]);
    return true;
  }
  const call: Call = {
    syscall: 'read',
    start: (r, done) => startParts(coreOf(r), OP.READV, fd, parts, position, done),
  };
  perform(ring, call, (result) => deliverTransferred(delivery, 'read', result, views));
  return true;
};

export const writev: Start = (ring, args, delivery) => {
  const source = vector(args);
  if (source === null) return false;
  const { fd, views, parts, position } = source;
  writeAll(ring, fd, parts, position, (result) => deliverTransferred(delivery, 'write', result, views));
  return true;
};

// ── what answers nothing ───────────────────────────────────────────────────────────────────────────────────────

function simple(
  syscall: Syscall,
  operation: string,
  request: (fd: number, args: readonly unknown[]) => Call['start'] | null,
): Start {
  return (ring, args, delivery) => {
    const [fd] = args;
    const start = isFd(fd) && ring.supports(operation) ? request(fd, args) : null;
    if (start === null) return false;
    const call: Call = { syscall, start };
    performFor(delivery, ring, call);
    return true;
  };
}

export const fsync = simple('fsync', 'fsync', (fd) => (ring, done) => ring.fsync(fd, false, done));

export const fdatasync = simple('fdatasync', 'fsync', (fd) => (ring, done) => ring.fsync(fd, true, done));

export const ftruncate = simple('ftruncate', 'ftruncate', (fd, args) => {
  const length = args.length === 1 ? 0 : (args[1] ?? 0);
  if (!Number.isSafeInteger(length) || args[1] === null) return null;
  return (ring, done) => ring.ftruncate(fd, Math.max(0, length as number), done);
});

/** Never made again, whatever it answers: the number may be somebody else's by then. */
export const close: Start = (ring, args, delivery) => {
  const [fd] = args;
  if (!isFd(fd)) return false;
  closeDescriptor(ring, fd, native().statusFlags(fd), (result) => {
    delivery.deliver(result < 0 ? [errorOf({ syscall: 'close' }, result)] : [null]);
  });
  return true;
};
