// ArrayBuffer.prototype.transfer under the kernel. In V8 12 (Node 22) a transfer to another size is a realloc(), which
// moves or cuts the memory whoever else holds it: holding the backing store is not enough there. A transfer that
// throws is as good as one that leaves the memory alone. In a file of its own, because without the safeguard the
// process crashes.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { COUNT, HOLDS, SIZES, survives } from '../support/lost-buffers.js';
import { openRing } from '../support/ring.js';
import { openPipes } from '../support/temp.js';

const transfer = (ArrayBuffer.prototype as { transfer?: (size?: number) => ArrayBuffer }).transfer;
const skip = transfer ? false : 'this Node has no ArrayBuffer.prototype.transfer';

const WAYS = [
  ['as it is', undefined],
  ['to nothing', 0],
  ['to half its size', 0.5],
  ['to ten times its size', 10],
] as const;

describe('a buffer under the kernel keeps its memory when it is transferred', { skip }, () => {
  for (const size of SIZES) {
    for (const hold of HOLDS) {
      for (const [how, factor] of WAYS) {
        test(`${how}, and the new owner dies (${size} bytes, ${hold})`, async (t) => {
          const ring = openRing(t);
          const lose = (buffer: ArrayBuffer) => {
            try {
              const newSize = factor === undefined ? undefined : size * factor;
              (buffer as unknown as { transfer(size?: number): ArrayBuffer }).transfer(newSize);
              assert.equal(buffer.byteLength, 0);
            } catch (error) {
              assert.ok(error instanceof TypeError, String(error));
            }
          };
          await survives(ring, openPipes(t, COUNT), size, lose, hold);
        });
      }
    }
  }
});
