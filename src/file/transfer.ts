// One read or write of one buffer, from the call into the ring to its final result. `File` makes the first attempt
// itself, because that is the hot path; what is not finished by it ends up in `finishRead` or `finishWrite`.
import { ERRNO } from '../abi/errno.js';
import { OP, TRANSFER_BYTES_MAX } from '../abi/io_uring.js';
import { shouldRetry } from '../ring/retry.js';
import { PENDING, transfer } from '../ring/transfer.js';
import { cancelOnAbort } from './abort.js';
import { transferError } from './alignment.js';
import { inAppendOrder, writePosition } from './append-order.js';
import type { Descriptor } from './descriptor.js';
import { AbortError, throwIfAborted, wasCancelled } from './errors.js';
import { atPosition } from './own-position.js';

/** Bytes from the start of the file, or -1 for the file's own position. A bigint only above 2^53-1. */
export type Position = number | bigint;

export interface Transfer {
  readonly op: typeof OP.READ | typeof OP.WRITE;
  readonly view: ArrayBufferView;
  /** bytes into the view */
  readonly offset: number;
  readonly length: number;
  readonly position: Position;
  readonly signal?: AbortSignal | undefined;
}

/** Calls the ring: ≥ 0 or -errno when the result is in hand, else PENDING with the request in `core.pendingId`. */
export function begin(
  descriptor: Descriptor,
  op: number,
  view: ArrayBufferView,
  offset: number,
  length: number,
  position: Position,
): number {
  if (position !== -1 && descriptor.isStream) return -ERRNO.ESPIPE;
  const { core, fd } = descriptor;
  const bytes = Math.min(length, TRANSFER_BYTES_MAX); // the kernel would stop there too
  return transfer(core, op, fd, view, offset, bytes, position);
}

/** One request, whatever it answers. */
function submit(descriptor: Descriptor, t: Transfer, done: number): Promise<number> {
  const result = begin(descriptor, t.op, t.view, t.offset + done, t.length - done, advance(t.position, done));
  if (result !== PENDING) return Promise.resolve(result);
  const { ring, core } = descriptor;
  const id = core.pendingId;
  const { signal } = t;
  return new Promise((resolve) => {
    if (signal === undefined) {
      core.onDone(id, resolve);
      return;
    }
    const settled = cancelOnAbort(ring, () => [id], signal);
    core.onDone(id, (answer) => {
      settled();
      resolve(answer);
    });
  });
}

/** The position `bytes` further on. The file's own position moves by itself. */
export function advance(position: Position, bytes: number): Position {
  if (typeof position === 'bigint') return position + BigInt(bytes);
  if (position === -1) return -1;
  const next = position + bytes;
  return next <= Number.MAX_SAFE_INTEGER ? next : BigInt(position) + BigInt(bytes);
}

/**
 * read(2): one request, made again where retry.ts says so.
 *
 * @returns bytes read, 0 at the end of the file
 * @throws the system's error; AbortError when the signal ended it before anything was read
 */
export function readOnce(descriptor: Descriptor, t: Transfer): Promise<number> {
  return atPosition(descriptor, t.position, async (position) => {
    const at = { ...t, position };
    throwIfAborted(at.signal);
    return await finishRead(descriptor, at, await submit(descriptor, at, 0));
  });
}

/** The rest of a read whose first attempt answered `result`. */
export async function finishRead(descriptor: Descriptor, t: Transfer, result: number): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    if (result >= 0) return result;
    if (t.signal?.aborted && wasCancelled(result)) break;
    if (!shouldRetry(result, attempts, descriptor.flags)) break;
    result = await submit(descriptor, t, 0);
  }
  return await fail(descriptor, t, 0, result);
}

/**
 * write(2) until everything is written, as libuv does it (uv__fs_write_all in src/unix/fs.c).
 *
 * @returns bytes written: all of them, or what an error, the signal or a full device let through
 * @throws the system's error, or AbortError, when nothing was written
 */
export async function writeAll(descriptor: Descriptor, transfer: Transfer): Promise<number> {
  const { longWrites } = descriptor;
  const wanted = writePosition(descriptor, transfer.position);
  const write = longWrites.begin();
  try {
    return await inAppendOrder(descriptor, wanted, async (position) => {
      const t = { ...transfer, position };
      throwIfAborted(t.signal);
      return await finishWrite(descriptor, t, await submit(descriptor, t, 0));
    });
  } finally {
    longWrites.end(write);
  }
}

/** The rest of a write whose first attempt answered `result`. */
export async function finishWrite(descriptor: Descriptor, t: Transfer, result: number): Promise<number> {
  let written = 0;
  for (let attempts = 1; ; attempts++) {
    if (result > 0) {
      written += result;
      attempts = 0;
      if (written === t.length || t.signal?.aborted) return written;
    } else {
      if (result === 0) return written;
      const cancelled = t.signal?.aborted === true && wasCancelled(result);
      if (cancelled || !shouldRetry(result, attempts, descriptor.flags)) {
        // The bytes that did go out count; whoever writes on will meet the error again.
        if (written > 0) return written;
        return await fail(descriptor, t, written, result);
      }
    }
    result = await submit(descriptor, t, written);
  }
}

async function fail(descriptor: Descriptor, t: Transfer, done: number, result: number): Promise<never> {
  // Two turns of the microtask queue: the promise that the caller awaits is resolved with this function's only in
  // the next one, and until then V8 cannot see the caller in the asynchronous stack.
  await null;
  await null;
  if (t.signal?.aborted && wasCancelled(result)) throw new AbortError(t.signal);
  const syscall = t.op === OP.READ ? 'read' : 'write';
  throw transferError(
    descriptor,
    result,
    syscall,
    t.view,
    t.offset + done,
    t.length - done,
    advance(t.position, done),
  );
}
