// Memory that O_DIRECT takes.
import { addressOf } from '../ring/memory.js';

/** Enough for every device. */
const ALIGNMENT = 4096;

export function alignedBuffer(bytes: number): Buffer {
  const memory = new ArrayBuffer(bytes + ALIGNMENT);
  const past = addressOf(new Uint8Array(memory)) % ALIGNMENT;
  return Buffer.from(memory, ALIGNMENT - past, bytes);
}
