// Rings for tests: closed with the test, and promises for their callbacks.
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Done, Ring, type RingOptions } from 'linux-aio';

export { nextTurn };

/** A ring that is closed after the test. */
export function openRing(t: TestContext, options: RingOptions = {}): Ring {
  const ring = Ring.open(options);
  t.after(() => ring.close());
  return ring;
}

/** A request that has not completed after so long never will. */
export const HANG_MS = 20_000;

/** The result of one request: `await result((done) => ring.nop(done))`. */
export function result(start: (done: Done) => unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const error = new Error(`no result within ${HANG_MS} ms`); // here, for its stack
    const guard = setTimeout(() => reject(error), HANG_MS).unref();
    start((value) => {
      clearTimeout(guard);
      resolve(value);
    });
  });
}

/** A request and its number: for tests that cancel. */
export function started(start: (done: Done) => number): { id: number; result: Promise<number> } {
  let id = 0;
  const promise = result((done) => {
    id = start(done);
  });
  return { id, result: promise };
}

export const errno: Readonly<Record<string, number>> = {
  ENOENT: -2,
  EINTR: -4,
  EBADF: -9,
  EAGAIN: -11,
  EACCES: -13,
  EFAULT: -14,
  EEXIST: -17,
  ENOTDIR: -20,
  EINVAL: -22,
  ENOTTY: -25,
  ESPIPE: -29,
  EPIPE: -32,
  ENOTEMPTY: -39,
  ETIME: -62,
  ENOTSOCK: -88,
  ECONNREFUSED: -111,
  EALREADY: -114,
  ECANCELED: -125,
};
