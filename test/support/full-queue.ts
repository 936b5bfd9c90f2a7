// A ring whose completion queue is spoken for, so that further requests queue in user space.
import type { Ring } from 'linux-aio';
import { addressOf, coreOf, ioUring, slots } from './internals.js';
import { result } from './ring.js';

/** The state of a request, as in src/ring/slots.ts. */
export function stateOf(ring: Ring, id: number): number {
  const core = coreOf(ring);
  return core.slots.state[core.slots.find(id)];
}

/**
 * Fills the ring with one-byte reads of an empty pipe that count as ones that will soon be over, which no method of
 * Ring does. They end when as many bytes have been written to the pipe.
 */
export function fillQueue(ring: Ring, emptyPipe: number): Promise<number>[] {
  const core = coreOf(ring);
  const view = new Uint8Array(1);
  const reads: Promise<number>[] = [];
  for (let id = 0; reads.length === 0 || stateOf(ring, id) === slots.STATE.SUBMITTED; ) {
    reads.push(
      result((done) => {
        id = core.start(ioUring.OP.READ, emptyPipe, -1, addressOf(view), 1, 0, 0, view, done);
      }),
    );
    if (reads.length > 100_000) throw new Error('the queue has no end');
  }
  return reads;
}
