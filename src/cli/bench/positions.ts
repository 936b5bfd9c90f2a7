// In which order the blocks of the file are visited: one after the other, or every block once in an order that
// looks random, pass after pass. A random pass visits no block twice (as fio without norandommap), which keeps
// two writes in flight from ever being to the same block.

export class Positions {
  readonly #blocks: number;
  readonly #random: boolean;
  /** Bits that hold any block number. */
  readonly #bits: number;
  #counter = 0;
  #visited = 0;
  #pass = 0;

  /** `blocks` is at most 2^32: 16 TiB in blocks of 4 KiB. */
  constructor(blocks: number, random: boolean) {
    if (!(blocks >= 1 && blocks <= 2 ** 32)) throw new RangeError(`a file of ${blocks} blocks`);
    this.#blocks = blocks;
    this.#random = random;
    this.#bits = Math.max(1, Math.ceil(Math.log2(blocks)));
  }

  /** How many blocks this pass has not yet visited; never 0. */
  get remainingInPass(): number {
    return this.#blocks - this.#visited;
  }

  /** The next block number. */
  next(): number {
    let block = this.#counter++;
    if (this.#random) {
      // The scrambled numbers fill the next power of two: those beyond the file are passed over, at most every
      // second one on average.
      block = scramble(block, this.#bits, this.#pass);
      while (block >= this.#blocks) block = scramble(this.#counter++, this.#bits, this.#pass);
    }
    this.#visited++;
    if (this.#visited === this.#blocks) this.#startPass();
    return block;
  }

  #startPass(): void {
    this.#counter = 0;
    this.#visited = 0;
    this.#pass++;
  }
}

/**
 * Maps the numbers below 2^bits one to one to themselves, without pattern: multiplying by an odd number and
 * xor-ing with a right shift both lose nothing within `bits` bits.
 */
export function scramble(value: number, bits: number, pass: number): number {
  const mask = bits === 32 ? 0xffffffff : 2 ** bits - 1;
  const shift = (bits >>> 1) + 1;
  let x = value;
  for (let round = 0; round < 3; round++) {
    // The offset differs from pass to pass, so that no two passes have the same order.
    x = (x + Math.imul(pass + round + 1, 0x9e3779b1)) & mask;
    x = (Math.imul(x, 0x2c1b3c6d) & mask) >>> 0;
    x = (x ^ (x >>> shift)) >>> 0;
  }
  return x;
}
