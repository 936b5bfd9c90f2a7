// Addresses of JavaScript memory for the kernel, and the guarantee behind them: from the first time a buffer is
// used here its memory stays allocated until the ArrayBuffer object itself is collected (native/pin.c). A request
// keeps that object until its completion, so transfer, structuredClone, resize, garbage collection and the end of
// a worker cannot free memory under the kernel.
import { native, UnavailableError } from '../abi/native.js';

/** Returns its argument as `this`, so that a private field can be put on any object without anybody seeing it. */
class Adopt {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: adopting another object is what this class is for
    return object;
  }
}

class Pinned extends Adopt {
  #address: number;

  private constructor(buffer: ArrayBufferLike, address: number) {
    super(buffer);
    this.#address = address;
  }

  // A private field is found through the same inline caches as an ordinary property: 2 ns, where a WeakMap
  // takes 60.
  static address(buffer: ArrayBufferLike): number {
    return #address in buffer ? (buffer as unknown as Pinned).#address : Pinned.#pin(buffer);
  }

  static #pin(buffer: ArrayBufferLike): number {
    const address = native().pin(buffer);
    if (address < 0) {
      throw new UnavailableError(
        'linux-aio cannot hold the memory of a buffer in this runtime ' +
          '(it needs the V8 of an official Node.js build, linked with libstdc++)',
      );
    }
    new Pinned(buffer, address);
    return address;
  }
}

/** The address of the first byte of a view. The memory stays allocated while the view's buffer is reachable. */
export function addressOf(view: ArrayBufferView): number {
  return Pinned.address(view.buffer) + view.byteOffset;
}

/** Fails where buffers cannot be pinned, before anything relies on it. */
export function requirePinning(): void {
  addressOf(new Uint8Array(16));
}
