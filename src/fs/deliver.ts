// From a result to a callback of node:fs: in a turn of its own, in the asynchronous context of the call.
import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from '../abi/timers.js';

export type Callback = (...results: unknown[]) => void;
export type Deliver = (...results: unknown[]) => void;

/**
 * What a result is given to. The callback runs later, by itself: what it queues with process.nextTick and promises
 * runs before the next callback does, an exception of it is an uncaught one, and it never runs inside the call.
 */
export class Delivery {
  readonly #callback: Callback;
  #resource: AsyncResource | undefined;

  constructor(callback: Callback) {
    this.#callback = callback;
  }

  /** The call is under way, in the present context. */
  begin(): void {
    // The name that async_hooks knows these by; destroyed by hand, so that nothing waits for the garbage collector.
    this.#resource = new AsyncResource('FSREQCALLBACK', { requireManualDestroy: true });
  }

  /** To be called once, after `begin`. */
  readonly deliver: Deliver = (...results) => void setImmediate(run, this, results);

  run(results: unknown[]): void {
    const resource = this.#resource!;
    try {
      resource.runInAsyncScope(this.#callback, undefined, ...results);
    } finally {
      resource.emitDestroy();
    }
  }
}

function run(delivery: Delivery, results: unknown[]): void {
  delivery.run(results);
}

/** Of a promise: its value, or its error alone. */
export function deliverSettled(promise: Promise<unknown>, deliver: Deliver): void {
  promise.then(
    (value) => (value === undefined ? deliver(null) : deliver(null, value)),
    (error) => deliver(error),
  );
}
