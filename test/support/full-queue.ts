// A ring whose completion queue is spoken for, so that further requests queue in user space.
import type { Ring } from 'linux-aio';
import { addressOf, coreOf, ioUring, slots } from './internals.js';
import { result } from './ring.js';

/** The state of a request, as in src/ring/slots.ts. */
export function stateOf(ring: Ring, id: number): number {
  const core = coreOf(ring);
  return core.slots.state[core.slots.find(id)];
}

/** A one-byte read of an empty pipe that counts as one that will soon be over, which no method of Ring makes. */
export function startRead(ring: Ring, emptyPipe: number, done: (bytes: number) => void): number {
  const view = new Uint8Array(1);
  return coreOf(ring).start(ioUring.OP.READ, emptyPipe, -1, addressOf(view), 1, 0, 0, view, done);
}

/**
 * Fills the ring with such reads. They end when as many bytes have been written to the pipe.
 */
export function fillQueue(ring: Ring, emptyPipe: number): Promise<number>[] {
  const reads: Promise<number>[] = [];
  for (let id = 0; reads.length === 0 || stateOf(ring, id) === slots.STATE.SUBMITTED; ) {
    reads.push(
      result((done) => {
        id = startRead(ring, emptyPipe, done);
      }),
    );
    if (reads.length > 10_000) throw new Error('the queue has no end');
  }
  return reads;
}
