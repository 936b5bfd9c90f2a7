// What tests of <aio.h> expect of a call and of a request: errno and status by their names, and waiting for the end.
import assert from 'node:assert/strict';
import * as aio from 'linux-aio/posix';
import { HANG_MS } from './ring.js';

/** A request that is not over after so long never will be. */
export const LONG: aio.timespec = { tv_sec: HANG_MS / 1000, tv_nsec: 0 };
export const NOW: aio.timespec = { tv_sec: 0, tv_nsec: 0 };

/** Blocks until the request is over. */
export function over(...list: aio.aiocb[]): void {
  for (const cb of list) {
    let result = aio.aio_suspend([cb], 1, LONG);
    // A signal of an earlier test may still be on its way.
    while (result === -1 && aio.errno === aio.EINTR) result = aio.aio_suspend([cb], 1, LONG);
    assert.equal(result, 0, `aio_suspend failed with ${nameOf(aio.errno)}`);
  }
}

export interface Status {
  error: string;
  result: number;
}

/** Waits for the request and collects it: its error by name (0: none) and its result. */
export function collected(cb: aio.aiocb): Status {
  over(cb);
  const error = aio.aio_error(cb);
  return { error: nameOf(error), result: aio.aio_return(cb) };
}

export const succeeded = (result: number): Status => ({ error: '0', result });

export const failed = (error: string): Status => ({ error, result: -1 });

/** The call must return -1 and set errno. */
export function fails(result: unknown, errno: string): void {
  const found = aio.errno;
  assert.equal(result, -1);
  assert.equal(nameOf(found), errno);
}

/** The call must have queued the request. */
export function queued(result: unknown): void {
  assert.equal(result, 0, `the call failed with ${nameOf(aio.errno)}`);
}

const names = new Map<number, string>([[0, '0']]);
for (const [name, value] of Object.entries(aio)) {
  if (/^E[A-Z]+$/.test(name) && typeof value === 'number') names.set(value, name);
}

/** The name of an error number, as far as <aio.h> has it. */
export const nameOf = (errno: number): string => names.get(errno) ?? String(errno);
