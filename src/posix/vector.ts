// Vectors of buffers.
import { byteLengthOf } from '../ring/memory.js';

/** What is left of a vector after its first `moved` bytes. */
export function bytesLeft(vector: readonly ArrayBufferView[], moved: number): readonly ArrayBufferView[] {
  if (moved === 0) return vector;
  const rest: ArrayBufferView[] = [];
  for (const view of vector) {
    const length = byteLengthOf(view);
    if (moved < length) rest.push(new Uint8Array(view.buffer, view.byteOffset + moved, length - moved));
    moved = Math.max(moved - length, 0);
  }
  return rest;
}
