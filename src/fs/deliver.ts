// From a result to a callback of node:fs: in a turn of its own, in the asynchronous context of the call.
//
// Results that come together are delivered together, in one turn of the event loop, so that what their callbacks request
// goes to the kernel together too: one system call for thirty-two reads instead of one for each.
import { AsyncResource } from 'node:async_hooks';
import process from 'node:process';
import { setImmediate } from '../abi/timers.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { type Call, errorOf, perform } from './request.js';

export type Callback = (...results: unknown[]) => void;

/** While callbacks take longer than this, their requests do not wait for the callbacks after them. */
const GATHER_MS = 0.1;

/** Runs what process.nextTick and promises have queued. Not documented, but in every Node there is. */
const runTicks = (process as { _tickCallback?: () => void })._tickCallback;

/** Destroyed by hand, so that nothing waits for the garbage collector. */
const MANUALLY = { requireManualDestroy: true };

/**
 * What a result is given to. The callback runs later, by itself: what it queues with process.nextTick and promises
 * runs before the next callback does, an exception of it is an uncaught one, and it never runs inside the call.
 */
export class Delivery {
  readonly #ring: Ring;
  readonly #callback: Callback;
  #resource: AsyncResource | undefined;
  #results: readonly unknown[] = [];

  constructor(ring: Ring, callback: Callback) {
    this.#ring = ring;
    this.#callback = callback;
  }

  /** The call is under way, in the present context. */
  begin(): void {
    this.#resource = new AsyncResource('FSREQCALLBACK', MANUALLY); // the name that async_hooks knows these by
  }

  /** To be called once, with what the callback shall get. */
  deliver(results: readonly unknown[]): void {
    this.#results = results;
    if (ready.push(this) === 1) runSoon(this.#ring);
  }

  run(): void {
    const resource = this.#resource!;
    try {
      resource.runInAsyncScope(this.#callback, undefined, ...this.#results);
    } finally {
      resource.emitDestroy();
    }
  }
}

let ready: Delivery[] = [];

/**
 * A callback that the event loop has brought alone runs in that very wake-up, which saves the way of an immediate. Not
 * several: what they queue has to run between them, and an exception of that must not pass through a wake-up (Node-API
 * catches it before Node has put its stack of async ids in order, and Node aborts).
 */
function runSoon(ring: Ring): void {
  const inWakeUp = coreOf(ring).delivery.afterwards(() => {
    if (ready.length === 1) runReady(ring);
    else setImmediate(runReady, ring);
  });
  if (!inWakeUp) setImmediate(runReady, ring);
}

function runReady(ring: Ring): void {
  const batch = ready;
  ready = [];
  if (runTicks === undefined) {
    for (const delivery of batch) setImmediate(() => delivery.run());
    return;
  }
  const core = coreOf(ring);
  let next = 0;
  try {
    core.turn.gather(() => {
      let flushed = performance.now();
      while (next < batch.length) {
        if (next > 0) runTicks();
        batch[next++].run();
        const now = performance.now();
        if (now - flushed < GATHER_MS) continue;
        flushed = now;
        if (!core.closed) core.flush();
      }
    });
  } finally {
    // A callback, or what it had queued, has thrown. The others get their turn when that has been dealt with.
    if (next < batch.length) {
      ready = [...batch.slice(next), ...ready];
      setImmediate(runReady, ring);
    }
  }
}

/** Of a promise: its value, or its error alone. */
export function deliverSettled(promise: Promise<unknown>, delivery: Delivery): void {
  promise.then(
    (value) => delivery.deliver(value === undefined ? [null] : [null, value]),
    (error) => delivery.deliver([error]),
  );
}

/** Of a call that answers nothing: that it has succeeded, or its error. */
export function performFor(delivery: Delivery, ring: Ring, call: Call): void {
  perform(ring, call, (result) => delivery.deliver(result < 0 ? [errorOf(call, result)] : [null]));
}
