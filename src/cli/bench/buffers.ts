// The buffers of a burst: one stretch of memory cut into blocks, the same for every engine.
import { BufferPool } from '../../file/buffer-pool.js';
import { fillRandom, wordsOf } from './block.js';
import { burstCapacity } from './burst.js';
import type { Plan } from './plan.js';

export class Buffers implements Disposable {
  /** One per transfer of a burst, each of the block size. */
  readonly slots: readonly Uint8Array[];
  readonly #pool: BufferPool | null;
  readonly #memory: Uint8Array;

  constructor({ blockSize, depths, direct }: Pick<Plan, 'blockSize' | 'depths' | 'direct'>) {
    const count = burstCapacity(blockSize, Math.max(...depths));
    const bytes = count * blockSize;
    // O_DIRECT needs aligned memory, which only the package's own pool gives; node:fs gets the same.
    this.#pool = direct ? new BufferPool({ size: bytes, count: 1 }) : null;
    this.#memory = this.#pool ? this.#pool.acquire() : new Uint8Array(bytes);
    // Touches every page too, so that no transfer pays for a page fault.
    fillRandom(wordsOf(this.#memory), 2);
    this.slots = Array.from({ length: count }, (_, i) =>
      this.#memory.subarray(i * blockSize, (i + 1) * blockSize),
    );
  }

  [Symbol.dispose](): void {
    this.#pool?.release(this.#memory);
    this.#pool?.[Symbol.dispose]();
  }
}
