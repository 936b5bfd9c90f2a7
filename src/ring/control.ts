// What is done to requests from outside: cancelling, blocking for them, and ending the ring.
//
// Closing a ring is not a barrier for the kernel: it would go on writing into buffers for a while. So the end of a
// ring is to cancel everything, to wait for every completion, and only then to give the memory back.

import { ERRNO } from '../abi/errno.js';
import { OP } from '../abi/io_uring.js';
import { clearTimeout, setTimeout } from '../abi/timers.js';
import type { RingCore } from './core.js';
import { STALL_MS } from './ports.js';
import { type Done, ignore, STATE, TRAIT } from './slots.js';

/** How often closing asks again for cancellations that a kernel before 6.12.115 may have missed. */
const RETRY_MS = 50;
/** The longest single system call of `wait`. */
const WAIT_SLICE_MS = 200;

/** Cancels request `id`: at once if the kernel does not have it yet, else by asking the kernel. */
export function cancel(core: RingCore, id: number, done: Done): void {
  const slot = core.slots.find(id);
  if (slot < 0 || core.slots.state[slot] === STATE.COMPLETED) core.answer(-ERRNO.ENOENT, done);
  else if (core.cancelQueued(slot)) core.answer(0, done);
  else {
    askKernel(core, slot, done);
    core.flush();
  }
}

function askKernel(core: RingCore, slot: number, done: Done): void {
  core.slots.traits[slot] |= TRAIT.CANCELLED;
  const traits = TRAIT.UNBOUNDED | TRAIT.URGENT | (core.slots.traits[slot] & TRAIT.POOL); // whoever has it
  // The target is named by its user_data: slot and generation.
  core.request(OP.ASYNC_CANCEL, -1, 0, slot, core.slots.generation[slot], 0, 0, traits, null, done, 0, 0);
}

function cancelAll(core: RingCore): void {
  for (let slot = 0; slot < core.slots.capacity; slot++) core.cancelQueued(slot);
  // Taken first, so that the cancellations themselves are not cancelled.
  const submitted: number[] = [];
  for (let slot = 0; slot < core.slots.capacity; slot++) {
    if (core.slots.state[slot] === STATE.SUBMITTED) submitted.push(slot);
  }
  for (const slot of submitted) {
    if (core.slots.state[slot] === STATE.SUBMITTED) askKernel(core, slot, ignore);
  }
  core.flush();
}

/**
 * Blocks the thread until `min` results have been delivered, nothing is left to wait for, or `timeout` ms (-1: no
 * limit) have passed. How many were delivered.
 */
export function wait(core: RingCore, min: number, timeout: number): number {
  const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
  let delivered = 0;
  core.flush();
  for (;;) {
    delivered += core.delivery.run(true);
    if (core.closed || delivered >= min || core.ports.inKernel <= 0) return delivered;
    const left = deadline - performance.now();
    if (left <= 0) return delivered;
    // In slices, so that a worker blocked here can be terminated.
    const slice = Math.min(left, core.ports.isFull ? STALL_MS : WAIT_SLICE_MS);
    // No more than what is in flight, nor than a completion queue holds, or the wait would never end.
    const { inKernel, primary } = core.ports;
    core.enterAndWait(Math.min(min - delivered, inKernel, primary.queues.cqEntries >> 1), slice);
    if (core.ports.isFull) core.ports.relieveIfStalled();
    core.flush();
  }
}

/** Cancels what is in flight, waits for it on the event loop, and frees the ring. */
export async function close(core: RingCore): Promise<void> {
  core.refusing = true;
  while (!core.closed && core.slots.live > 0) {
    cancelAll(core);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS);
      core.onIdle(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  if (!core.closed) core.release();
}

/** As `close`, but blocks the thread until all is over. */
export function closeBlocking(core: RingCore): void {
  core.refusing = true;
  while (!core.closed && core.slots.live > 0) {
    cancelAll(core);
    wait(core, core.slots.live, RETRY_MS);
  }
  if (!core.closed) core.release();
}
