// Addresses of JavaScript memory for the kernel, and the guarantee behind them: from the first time a buffer is
// used here its memory stays allocated until the ArrayBuffer object itself is collected (native/pin.c). A request
// keeps that object until its completion, so transfer, structuredClone, resize, garbage collection and the end of
// a worker cannot free memory under the kernel.
import { types } from 'node:util';
import { native, UnavailableError } from '../abi/native.js';
import { Adopt } from './adopt.js';
import { invalidType, outOfRange } from './validate.js';

// The genuine getters: an object or a subclass may have its own, and the kernel must not be told what those say.
const maxByteLength =
  getter(ArrayBuffer.prototype, 'maxByteLength') ?? getter(ArrayBuffer.prototype, 'byteLength')!;
const maxByteLengthOfShared =
  getter(SharedArrayBuffer.prototype, 'maxByteLength') ?? getter(SharedArrayBuffer.prototype, 'byteLength')!;
const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const kindOf = getter(TypedArray, Symbol.toStringTag) as (this: ArrayBufferView) => string | undefined;
const ofTypedArray = viewGetters(TypedArray);
const ofDataView = viewGetters(DataView.prototype);

function getter(prototype: object, name: string | symbol): (() => never) | undefined {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as (() => never) | undefined;
}

function viewGetters(prototype: object) {
  return {
    buffer: getter(prototype, 'buffer') as (this: ArrayBufferView) => ArrayBufferLike,
    byteOffset: getter(prototype, 'byteOffset') as unknown as (this: ArrayBufferView) => number,
    byteLength: getter(prototype, 'byteLength') as unknown as (this: ArrayBufferView) => number,
  };
}

/** The buffer behind a view. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return kindOf.call(view) === undefined ? ofDataView.buffer.call(view) : ofTypedArray.buffer.call(view);
}

/** Where in its buffer a view begins; 0 when its buffer has been transferred, or has become too small for it. */
export function byteOffsetOf(view: ArrayBufferView): number {
  return kindOf.call(view) === undefined
    ? ofDataViewOr0(ofDataView.byteOffset, view)
    : ofTypedArray.byteOffset.call(view);
}

/** The size of a view in bytes; 0 when its buffer has been transferred, or has become too small for it. */
export function byteLengthOf(view: ArrayBufferView): number {
  return kindOf.call(view) === undefined
    ? ofDataViewOr0(ofDataView.byteLength, view)
    : ofTypedArray.byteLength.call(view);
}

/** A DataView without bytes throws where a typed array says 0. */
function ofDataViewOr0(get: (this: ArrayBufferView) => number, view: ArrayBufferView): number {
  try {
    return get.call(view);
  } catch {
    ofDataView.buffer.call(view); // what is no DataView at all is still a TypeError
    return 0;
  }
}

/** What is known about the memory of one ArrayBuffer. */
export interface PinnedMemory {
  readonly address: number;
  /** its halves, as integers of 32 bits */
  readonly addressLow: number;
  readonly addressHigh: number;
  /** bytes from there that belong to it, whatever the views say; the most a resizable buffer can grow to */
  readonly size: number;
  /** the ring's registered buffers that know this memory, and its index there; see registered.ts */
  registeredWith: object | null;
  registeredIndex: number;
  /** transfers that could have used a registration; see registered.ts */
  uses: number;
}

class Pinned extends Adopt {
  #memory: PinnedMemory;

  private constructor(buffer: ArrayBufferLike, memory: PinnedMemory) {
    super(buffer);
    this.#memory = memory;
  }

  static memory(buffer: ArrayBufferLike): PinnedMemory {
    return #memory in buffer ? (buffer as unknown as Pinned).#memory : Pinned.#pin(buffer);
  }

  static has(buffer: object): boolean {
    return #memory in buffer;
  }

  static #pin(buffer: ArrayBufferLike): PinnedMemory {
    if (!types.isAnyArrayBuffer(buffer)) throw invalidType('view.buffer', 'an ArrayBuffer', buffer);
    const address = native().pin(buffer);
    if (address < 0) {
      throw new UnavailableError(
        'linux-aio cannot hold the memory of a buffer in this runtime ' +
          '(it needs the V8 of an official Node.js build, linked with libstdc++)',
      );
    }
    const size = types.isArrayBuffer(buffer)
      ? maxByteLength.call(buffer as never)
      : maxByteLengthOfShared.call(buffer as never);
    const addressLow = address | 0;
    const addressHigh = Math.floor(address / 0x100000000);
    const memory = {
      address,
      addressLow,
      addressHigh,
      size,
      registeredWith: null,
      registeredIndex: -1,
      uses: 0,
    };
    new Pinned(buffer, memory);
    return memory;
  }
}

/** The memory of a buffer. It stays allocated while the buffer object is reachable. */
export function memoryOf(buffer: ArrayBufferLike): PinnedMemory {
  return Pinned.memory(buffer);
}

/**
 * The address of `length` bytes of a view, from `byteOffset` on. The memory stays allocated while the view's buffer is
 * reachable.
 *
 * The bounds are those of the memory itself: a wrong length gets an error, not somebody else's memory.
 *
 * @throws RangeError when the bytes are not all inside
 */
export function addressOf(view: ArrayBufferView, byteOffset = 0, length = byteLengthOf(view)): number {
  const memory = Pinned.memory(bufferOf(view));
  const start = byteOffsetOf(view) + byteOffset;
  if (!isInside(memory, start, length)) throw outside(memory, start + length);
  return memory.address + start;
}

/** Whether `length` bytes from `start` on belong to the memory. False for NaN as well. */
export function isInside(memory: PinnedMemory, start: number, length: number): boolean {
  return start >= 0 && length >= 0 && start + length <= memory.size;
}

export function outside(memory: PinnedMemory, end: number): RangeError {
  return outOfRange('byteOffset + length', `within the ${memory.size} bytes of the buffer`, end);
}

/** Fails where buffers cannot be pinned, before anything relies on it. */
export function requirePinning(): void {
  if (TRANSFER_REALLOCATES && !guarded) guardTransfers();
  addressOf(new Uint8Array(16));
}

/**
 * V8 12 (Node 22) hands memory to realloc() when `transfer` changes its size, whoever else holds it; before there is no
 * `transfer`, later versions copy.
 */
const TRANSFER_REALLOCATES = process.versions.v8.startsWith('12.');
let guarded = false;

/** Makes `transfer` to another size copy, as in later versions, if the memory is pinned. */
function guardTransfers(): void {
  guarded = true;
  for (const name of ['transfer', 'transferToFixedLength'] as const) {
    const original = ArrayBuffer.prototype[name];
    const { [name]: guard } = {
      [name](this: ArrayBuffer, size?: number): ArrayBuffer {
        if (size === undefined || !types.isArrayBuffer(this) || !Pinned.has(this) || this.resizable) {
          return original.call(this, size);
        }
        const result = new ArrayBuffer(size); // throws for a bad size before anything is detached
        if (result.byteLength === this.byteLength) return original.call(this);
        const whole = original.call(this); // the same size: the memory stays where it is
        new Uint8Array(result).set(new Uint8Array(whole, 0, Math.min(whole.byteLength, result.byteLength)));
        return result;
      },
    };
    Object.defineProperty(guard, 'length', { value: original.length, configurable: true });
    Object.defineProperty(ArrayBuffer.prototype, name, { value: guard, writable: true, configurable: true });
  }
}
