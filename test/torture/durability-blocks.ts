// The blocks of the durability parts: each number has its own bytes, so whoever knows the number can check the block.
import { randomOf } from '../differential/random.js';

export const BLOCK = 4096;

export function blockContent(number: number, into: Uint8Array = Buffer.alloc(BLOCK)): Uint8Array {
  const words = new Uint32Array(into.buffer, into.byteOffset, BLOCK / 4);
  const random = randomOf(number + 1);
  for (let i = 0; i < words.length; i++) words[i] = random(0xffffffff);
  words[0] = number;
  return into;
}
