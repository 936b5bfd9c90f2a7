// The short way of `read` and `write`: what makes one request at a time fast.
//
// An ordinary call (one view, numbers in range, no signal) is recognised at a glance and made inside the call. When
// the ring has the result in hand, it is returned as a resolved promise: no await, no closure, no reference counted.
// Whatever is not ordinary is left alone (null) and takes the way of arguments.ts.
//
// The two functions are long and alike on purpose: they run a million times a second, and an object to hand their
// values to a helper in would be an allocation each time.
import { OP } from '../abi/io_uring.js';
import { PENDING } from '../ring/transfer.js';
import { isIndex } from './arguments.js';
import type { Descriptor } from './descriptor.js';
import { begin, finishRead, finishWrite } from './transfer.js';
import type { ReadResult, TransferOptions, WriteResult } from './types.js';

/** Whether every version of Node takes these for the same transfer. Values of other types fail it too. */
function isOrdinary(from: unknown, count: unknown, size: number, position: unknown): boolean {
  return (
    isIndex(from) &&
    (count as number) > 0 &&
    ((count as number) | 0) === count &&
    from + count <= size &&
    Number.isSafeInteger(position) &&
    (position as number) >= -1
  );
}

// Without a prototype, as Node's: deepStrictEqual tells the difference. Object.create and two assignments take 38 ns,
// a literal with `__proto__: null` 95 (Node 20; 24 alike).
export function readResult(bytesRead: number, buffer: unknown): ReadResult<never> {
  const result = Object.create(null) as { bytesRead: number; buffer: unknown };
  result.bytesRead = bytesRead;
  result.buffer = buffer;
  return result as ReadResult<never>;
}

export function writeResult(bytesWritten: number, buffer: unknown): WriteResult<never> {
  const result = Object.create(null) as { bytesWritten: number; buffer: unknown };
  result.bytesWritten = bytesWritten;
  result.buffer = buffer;
  return result as WriteResult<never>;
}

/** read(buffer, offset, length, position) and read(buffer, options); null when the call is not ordinary. */
export function readNow(
  descriptor: Descriptor,
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<ReadResult<never>> | null {
  if (!ArrayBuffer.isView(buffer)) return null;
  try {
    const isOptions = typeof offset === 'object' && offset !== null;
    const options = isOptions ? (offset as TransferOptions) : undefined;
    const from = (isOptions ? options!.offset : offset) ?? 0;
    const size = buffer.byteLength;
    const count = (isOptions ? options!.length : length) ?? (typeof from === 'number' ? size - from : -1);
    const at = (isOptions ? options!.position : position) ?? -1;
    if (!isOrdinary(from, count, size, at) || options?.signal !== undefined) return null;
    if (descriptor.fd === -1 || (at === -1 && descriptor.tracksPosition)) return null;
    const result = begin(descriptor, OP.READ, buffer, from as number, count as number, at as number);
    if (result >= 0) return Promise.resolve(readResult(result, buffer));
    descriptor.ref();
    if (result !== PENDING) {
      return restOfRead(descriptor, buffer, from as number, count as number, at as number, result);
    }
    return new Promise((resolve) => {
      const { core } = descriptor;
      core.onDone(core.pendingId, (answer) => {
        if (answer < 0) {
          resolve(restOfRead(descriptor, buffer, from as number, count as number, at as number, answer));
          return;
        }
        descriptor.unref();
        resolve(readResult(answer, buffer));
      });
    });
  } catch (error) {
    return Promise.reject(error); // the ring is closed, or a getter of the options threw
  }
}

/** write(buffer, offset, length, position) and write(buffer, options); null when the call is not ordinary. */
export function writeNow(
  descriptor: Descriptor,
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<WriteResult<never>> | null {
  if (!ArrayBuffer.isView(buffer) || offset === null || descriptor.appendsSerially) return null;
  try {
    const isOptions = typeof offset === 'object';
    const options = isOptions ? (offset as TransferOptions) : undefined;
    const from = (isOptions ? options!.offset : offset) ?? 0;
    const size = buffer.byteLength;
    const count = (isOptions ? options!.length : length) ?? (typeof from === 'number' ? size - from : -1);
    const wanted = (isOptions ? options!.position : position) ?? -1;
    if (!isOrdinary(from, count, size, wanted) || options?.signal !== undefined) return null;
    if (descriptor.fd === -1 || (wanted === -1 && descriptor.tracksPosition)) return null;
    const at = descriptor.appendsOnly ? -1 : (wanted as number);
    const result = begin(descriptor, OP.WRITE, buffer, from as number, count as number, at);
    if (result === count) return Promise.resolve(writeResult(result, buffer));
    descriptor.ref();
    if (result !== PENDING) {
      return restOfWrite(descriptor, buffer, from as number, count as number, at, result);
    }
    return new Promise((resolve) => {
      const { core } = descriptor;
      core.onDone(core.pendingId, (answer) => {
        if (answer !== count) {
          resolve(restOfWrite(descriptor, buffer, from as number, count as number, at, answer));
          return;
        }
        descriptor.unref();
        resolve(writeResult(answer, buffer));
      });
    });
  } catch (error) {
    return Promise.reject(error);
  }
}

/** What is left to do after the first attempt of a read; it ends one use of the descriptor. */
async function restOfRead(
  descriptor: Descriptor,
  view: ArrayBufferView,
  offset: number,
  length: number,
  position: number,
  result: number,
): Promise<ReadResult<never>> {
  try {
    const transfer = { op: OP.READ, view, offset, length, position };
    return readResult(await finishRead(descriptor, transfer, result), view);
  } finally {
    descriptor.unref();
  }
}

/** The same of a write: it goes on until everything is written. */
async function restOfWrite(
  descriptor: Descriptor,
  view: ArrayBufferView,
  offset: number,
  length: number,
  position: number,
  result: number,
): Promise<WriteResult<never>> {
  const { longWrites } = descriptor;
  const write = longWrites.begin();
  try {
    const transfer = { op: OP.WRITE, view, offset, length, position };
    return writeResult(await finishWrite(descriptor, transfer, result), view);
  } finally {
    longWrites.end(write);
    descriptor.unref();
  }
}
