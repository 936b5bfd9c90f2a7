// The blocks a device delivers: number, when it was handed over, and a pattern that depends on the number.
//
//   0        4        8                16                            the block's end
//   | number | unused | clock in ns     | number & 0xff, repeated ...   |

const HEADER_BYTES = 16;

/** Fills `block`, all but the time. */
export function fillBlock(block: Buffer, number: number): void {
  block.fill(number & 0xff);
  block.writeUInt32LE(number, 0);
  block.writeBigUInt64LE(0n, 8);
}

/** Call at the last moment before handing the block over. */
export function stampBlock(block: Buffer, ns: bigint): void {
  block.writeBigUInt64LE(ns, 8);
}

/**
 * The time at which the block was handed over; 0n where that was not written.
 *
 * @throws Error when it is not block `number`, whole
 */
export function checkBlock(block: Buffer, number: number): bigint {
  const found = block.readUInt32LE(0);
  if (found !== number) throw new Error(`block ${number} was to come, and block ${found} came`);
  // All bytes of the pattern are equal when each equals its neighbour: one comparison at memcmp's speed.
  const pattern = block.subarray(HEADER_BYTES);
  if (pattern[0] !== (number & 0xff) || !pattern.subarray(1).equals(pattern.subarray(0, -1))) {
    throw new Error(`block ${number} is damaged`);
  }
  return block.readBigUInt64LE(8);
}
