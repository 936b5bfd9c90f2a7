// Addresses of JavaScript memory for the kernel, and the guarantee behind them: the memory of a request stays allocated
// until its completion. It is lent for that long, or, of a buffer that is used again and again, pinned until the
// ArrayBuffer object itself is collected, which the request keeps (native/pin.c). So transfer, structuredClone, resize,
// garbage collection and the end of a worker cannot free memory under the kernel.
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

/** What is known about the memory of one ArrayBuffer. Its address holds while the memory is pinned, or on loan. */
export class HeldMemory {
  address = 0;
  /** its halves, as integers of 32 bits */
  addressLow = 0;
  addressHigh = 0;
  /** bytes from there that belong to it, whatever the views say; the most a resizable buffer can grow to */
  size = 0;
  /** held until the ArrayBuffer object is collected */
  isPinned = false;
  /** the ring's registered buffers that know this memory, and its index there; see registered.ts */
  registeredWith: object | null = null;
  registeredIndex = -1;
  /** transfers that could have used a registration; see registered.ts */
  uses = 0;
  /** number of its loan */
  loan = NONE;
  /** requests that use the memory; a loan ends with the last */
  borrowers = 0;
  /** loans there have been */
  loans = 0;
}

const NONE = -1;
/** What is used more often is pinned: a few attempts at one transfer are no sign of that yet. */
const LOANS_MAX = 3;

class Held extends Adopt {
  #memory: HeldMemory;

  private constructor(buffer: ArrayBufferLike, memory: HeldMemory) {
    super(buffer);
    this.#memory = memory;
  }

  static memory(buffer: ArrayBufferLike): HeldMemory {
    return #memory in buffer ? (buffer as unknown as Held).#memory : Held.#adopt(buffer);
  }

  static #adopt(buffer: ArrayBufferLike): HeldMemory {
    if (!types.isAnyArrayBuffer(buffer)) throw invalidType('view.buffer', 'an ArrayBuffer', buffer);
    const memory = new HeldMemory();
    new Held(buffer, memory);
    return memory;
  }

  /** Whether transfers of the buffer must leave its memory where it is. */
  static isHeld(buffer: ArrayBufferLike): boolean {
    if (!(#memory in buffer)) return false;
    const { isPinned, borrowers } = (buffer as unknown as Held).#memory;
    return isPinned || borrowers > 0;
  }
}

function pin(memory: HeldMemory, buffer: ArrayBufferLike): void {
  const address = native().pin(buffer);
  if (address < 0) throw cannotHold();
  memory.isPinned = true;
  describe(memory, buffer, address | 0, Math.floor(address / 0x100000000));
}

/** Where native code says the address of a loan is. */
let loanAddress: Int32Array | undefined;

function lend(memory: HeldMemory, buffer: ArrayBufferLike): void {
  const loan = native().lend(buffer);
  if (loan < 0) throw cannotHold();
  loanAddress ??= new Int32Array(native().loanAddress);
  memory.loan = loan;
  memory.loans++;
  describe(memory, buffer, loanAddress[0], loanAddress[1]);
}

function describe(memory: HeldMemory, buffer: ArrayBufferLike, low: number, high: number): void {
  memory.address = (high >>> 0) * 0x100000000 + (low >>> 0);
  memory.addressLow = low;
  memory.addressHigh = high;
  memory.size = types.isArrayBuffer(buffer)
    ? maxByteLength.call(buffer as never)
    : maxByteLengthOfShared.call(buffer as never);
}

function cannotHold(): UnavailableError {
  return new UnavailableError(
    'linux-aio cannot hold the memory of a buffer in this runtime ' +
      '(it needs the V8 of an official Node.js build, linked with libstdc++)',
  );
}

/** The memory of a buffer, pinned: it stays allocated while the buffer object is reachable. */
export function memoryOf(buffer: ArrayBufferLike): HeldMemory {
  const memory = Held.memory(buffer);
  if (!memory.isPinned) pin(memory, buffer);
  return memory;
}

/**
 * The memory of a buffer for one request, until `giveBack`. Unless it is pinned it is on loan, and stays allocated, whatever
 * becomes of the buffer object, until it has been given back as often as it was borrowed.
 *
 * A buffer that is used once is only lent: to the garbage collector it is like any other (native/pin.c).
 */
export function borrow(buffer: ArrayBufferLike): HeldMemory {
  const memory = Held.memory(buffer);
  if (!memory.isPinned && memory.borrowers === 0) {
    if (memory.loans === LOANS_MAX) pin(memory, buffer);
    else lend(memory, buffer);
  }
  memory.borrowers++;
  return memory;
}

/** Undoes a `borrow`: the kernel is done with it. */
export function giveBack(memory: HeldMemory): void {
  if (--memory.borrowers > 0 || memory.loan === NONE) return;
  native().giveBack(memory.loan);
  memory.loan = NONE;
}

/**
 * Runs `work`, which makes several requests with the same memory, on one loan of it. They must all be over when it ends.
 */
export async function onLoan<T>(view: ArrayBufferView, work: () => Promise<T>): Promise<T> {
  const memory = borrow(bufferOf(view));
  try {
    return await work();
  } finally {
    giveBack(memory);
  }
}

/**
 * The address of `length` bytes of a view, from `byteOffset` on. The memory is pinned: it stays allocated while the view's
 * buffer is reachable.
 *
 * The bounds are those of the memory itself: a wrong length gets an error, not somebody else's memory.
 *
 * @throws RangeError when the bytes are not all inside
 */
export function addressOf(view: ArrayBufferView, byteOffset = 0, length = byteLengthOf(view)): number {
  return addressIn(memoryOf(bufferOf(view)), view, byteOffset, length);
}

/** The same in the memory of the view's buffer. */
export function addressIn(
  memory: HeldMemory,
  view: ArrayBufferView,
  byteOffset: number,
  length: number,
): number {
  const start = byteOffsetOf(view) + byteOffset;
  if (!isInside(memory, start, length)) throw outside(memory, start + length);
  return memory.address + start;
}

/** Whether `length` bytes from `start` on belong to the memory. False for NaN as well. */
export function isInside(memory: HeldMemory, start: number, length: number): boolean {
  return start >= 0 && length >= 0 && start + length <= memory.size;
}

export function outside(memory: HeldMemory, end: number): RangeError {
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

/** Makes `transfer` to another size copy, as in later versions, while the memory is held. */
function guardTransfers(): void {
  guarded = true;
  for (const name of ['transfer', 'transferToFixedLength'] as const) {
    const original = ArrayBuffer.prototype[name];
    const { [name]: guard } = {
      [name](this: ArrayBuffer, size?: number): ArrayBuffer {
        if (size === undefined || !types.isArrayBuffer(this) || !Held.isHeld(this) || this.resizable) {
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
