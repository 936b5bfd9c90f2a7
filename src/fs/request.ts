// One system call on the ring, as the functions of node:fs know it: made again where retry.ts says so, with an error
// that is Node's.
import { Buffer } from 'node:buffer';
import { type Syscall, systemError } from '../file/errors.js';
import type { Path } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';

/** A call whose arguments are in order. */
export interface Call {
  readonly syscall: Syscall;
  readonly path?: Path;
  readonly dest?: Path;
  /** hands it to the ring */
  readonly start: (ring: Ring, done: Done) => number;
}

/** The call that `args` ask for; null when they are not obviously right, and Node itself has to look at them. */
export type Parse = (...args: unknown[]) => Call | null;

/** Makes the call until it answers something that is meant for the caller: ≥ 0 or -errno. */
export function perform(ring: Ring, call: Call, done: Done, attempts = 1): void {
  call.start(ring, (result) => {
    if (result < 0 && shouldRetry(result, attempts, 0)) perform(ring, call, done, attempts + 1);
    else done(visibleResult(result));
  });
}

export function errorOf(
  call: Pick<Call, 'syscall' | 'path' | 'dest'>,
  result: number,
): NodeJS.ErrnoException {
  return systemError(result, call.syscall, text(call.path), undefined, text(call.dest));
}

export function text(path: Path | undefined): string | undefined {
  return typeof path === 'object' ? Buffer.from(path).toString() : path;
}

/**
 * Rejects, with a stack that leads to whoever awaits the promise that is resolved with this one.
 */
export async function rejection(make: () => Error): Promise<never> {
  // Two turns of the microtask queue: until then V8 cannot see the caller in the asynchronous stack.
  await null;
  await null;
  const error = make();
  Error.captureStackTrace(error, rejection);
  throw error;
}
