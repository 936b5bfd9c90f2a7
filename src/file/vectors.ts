// readv(2) and writev(2): one request for several buffers.
import { ERRNO } from '../abi/errno.js';
import { ownedOf } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import { cancelOnAbort } from './abort.js';
import { inAppendOrder, writePosition } from './append-order.js';
import type { VectorArguments } from './arguments.js';
import type { Descriptor } from './descriptor.js';
import { AbortError, systemError, throwIfAborted, wasCancelled } from './errors.js';
import { atPosition } from './own-position.js';
import { advance, type Position } from './transfer.js';

/** IOV_MAX of Linux: more buffers than that are refused with EINVAL. */
const VECTOR_MAX = 1024;

type Operation = 'readv' | 'writev';

function submit(
  descriptor: Descriptor,
  operation: Operation,
  views: readonly ArrayBufferView[],
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (position !== -1 && descriptor.isStream) return Promise.resolve(-ERRNO.ESPIPE);
  const { ring, fd } = descriptor;
  const batch = views.length > VECTOR_MAX ? views.slice(0, VECTOR_MAX) : views;
  return new Promise((resolve) => {
    let settled = (): void => {};
    const id = ownedOf(ring)[operation](fd, batch, position, (result) => {
      settled();
      resolve(result);
    });
    if (signal) settled = cancelOnAbort(ring, () => [id], signal);
  });
}

/**
 * Into at most the first 1024 buffers, as libuv does it.
 *
 * @returns bytes read
 */
export function readVector(descriptor: Descriptor, call: VectorArguments): Promise<number> {
  if (call.views.length === 0) return fail(-ERRNO.EINVAL, 'read');
  return atPosition(descriptor, call.position, (position) => readBatch(descriptor, { ...call, position }));
}

async function readBatch(descriptor: Descriptor, call: VectorArguments): Promise<number> {
  const { views, position, signal } = call;
  throwIfAborted(signal);
  for (let attempts = 1; ; attempts++) {
    const result = await submit(descriptor, 'readv', views, position, signal);
    if (result >= 0) return result;
    if (signal?.aborted && wasCancelled(result)) throw new AbortError(signal);
    if (!shouldRetry(result, attempts, descriptor.flags)) return await fail(result, 'read');
  }
}

/**
 * Until everything is written, 1024 buffers at a time.
 *
 * @returns bytes written: all of them, or what an error, the signal or a full device let through
 */
export async function writeVector(descriptor: Descriptor, call: VectorArguments): Promise<number> {
  const { longWrites } = descriptor;
  const write = longWrites.begin();
  try {
    return await inAppendOrder(descriptor, writePosition(descriptor, call.position), (position) => {
      return writeBatches(descriptor, { ...call, position });
    });
  } finally {
    longWrites.end(write);
  }
}

async function writeBatches(descriptor: Descriptor, call: VectorArguments): Promise<number> {
  const { position, signal } = call;
  let views: readonly ArrayBufferView[] = call.views;
  let written = 0;
  throwIfAborted(signal);
  for (let attempts = 1; views.length > 0; attempts++) {
    const result = await submit(descriptor, 'writev', views, advance(position, written), signal);
    if (result > 0) {
      written += result;
      views = remaining(views, result);
      attempts = 0;
      if (signal?.aborted) return written;
      continue;
    }
    if (result === 0) return written;
    const cancelled = signal?.aborted === true && wasCancelled(result);
    if (!cancelled && shouldRetry(result, attempts, descriptor.flags)) continue;
    if (written > 0) return written;
    if (cancelled) throw new AbortError(signal);
    return await fail(result, 'write');
  }
  return written;
}

/** The views without their first `bytes` bytes, and without views that are used up. */
function remaining(views: readonly ArrayBufferView[], bytes: number): ArrayBufferView[] {
  let i = 0;
  while (i < views.length && bytes >= views[i].byteLength) bytes -= views[i++].byteLength;
  const rest = views.slice(i);
  if (bytes > 0) {
    const { buffer, byteOffset, byteLength } = rest[0];
    rest[0] = new Uint8Array(buffer, byteOffset + bytes, byteLength - bytes);
  }
  return rest;
}

async function fail(result: number, syscall: 'read' | 'write'): Promise<never> {
  await null;
  throw systemError(visibleResult(result), syscall);
}
