// What is not data: status, size, owner, mode, times, and getting it all to the device.
//
// fchmod, fchown and futimes have no io_uring operation; Node's own calls do them. Where the kernel or the engine
// lacks one of the others, Node's does that too: the results are the same.
import { type BigIntStats, constants, type Mode, type Stats, type TimeLike } from 'node:fs';
import { fchmod, fchown, fdatasync, fstat, fsync, ftruncate, futimes } from '../abi/node-fs.js';
import { ownedOf } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import { cancelOnAbort } from './abort.js';
import type { Descriptor } from './descriptor.js';
import { AbortError, systemError, throwIfAborted, wasCancelled } from './errors.js';
import { askNode, rejectedByNode } from './node-handle.js';
import { statsRecipe } from './stats.js';
import { STATX, statx, statxNow } from './statx.js';

type NodeCallback<T> = (error: NodeJS.ErrnoException | null, value?: T) => void;

/** Node's own callback function, awaited. The error is Node's, but its stack leads to the caller. */
export async function byNode<T = void>(call: (callback: NodeCallback<T>) => void): Promise<T> {
  const [error, value] = await new Promise<[Error | null, T?]>((resolve) => {
    try {
      call((error, value) => resolve([error, value]));
    } catch (error) {
      resolve([error as Error]); // the arguments were wrong
    }
  });
  if (error) {
    const [heading] = String(error.stack).split('\n    at ', 1);
    const here = { stack: '' };
    Error.captureStackTrace(here, byNode);
    error.stack = here.stack.replace(/^.*/, () => heading);
    throw error;
  }
  return value as T;
}

/** Makes a request until it answers something that is meant for the caller. */
export async function withRetries(flags: number, request: () => Promise<number>): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    const result = await request();
    if (!shouldRetry(result, attempts, flags)) return visibleResult(result);
  }
}

/** fsync(2) or, with `dataOnly`, fdatasync(2), of all writes called before. */
export async function sync(descriptor: Descriptor, dataOnly: boolean): Promise<void> {
  const { longWrites } = descriptor;
  const { begun } = longWrites;
  if (!longWrites.isEmpty) await longWrites.over();
  await syncOnce(descriptor, dataOnly);
  if (longWrites.begun === begun) return;
  // A write called before was short meanwhile, and went on after the sync.
  await longWrites.over();
  await syncOnce(descriptor, dataOnly);
}

async function syncOnce(descriptor: Descriptor, dataOnly: boolean): Promise<void> {
  const { ring, fd, flags } = descriptor;
  if (!ring.supports('fsync'))
    return await byNode((callback) => (dataOnly ? fdatasync : fsync)(fd, callback));
  const result = await withRetries(
    flags,
    () => new Promise((resolve) => void ownedOf(ring).fsync(fd, dataOnly, resolve)),
  );
  if (result < 0) throw systemError(result, dataOnly ? 'fdatasync' : 'fsync');
}

/** ftruncate(2). A negative length is 0, as in Node. */
export async function truncate(descriptor: Descriptor, length: unknown): Promise<void> {
  if (!Number.isSafeInteger(length)) return await rejectedByNode('truncate', length);
  const bytes = Math.max(0, length as number);
  const { ring, fd, flags } = descriptor;
  if (!ring.supports('ftruncate')) return await byNode((callback) => ftruncate(fd, bytes, callback));
  const result = await withRetries(
    flags,
    () => new Promise((resolve) => void ownedOf(ring).ftruncate(fd, bytes, resolve)),
  );
  if (result < 0) throw systemError(result, 'ftruncate');
}

export async function chmod(descriptor: Descriptor, mode: Mode): Promise<void> {
  await byNode((callback) => fchmod(descriptor.fd, mode, callback));
}

export async function chown(descriptor: Descriptor, uid: number, gid: number): Promise<void> {
  await byNode((callback) => fchown(descriptor.fd, uid, gid, callback));
}

export async function utimes(descriptor: Descriptor, atime: TimeLike, mtime: TimeLike): Promise<void> {
  await byNode((callback) => futimes(descriptor.fd, atime, mtime, callback));
}

async function statFields(descriptor: Descriptor, signal?: AbortSignal): Promise<DataView<ArrayBuffer>> {
  const { ring, core, fd, flags } = descriptor;
  const now = statxNow(core, fd);
  if (now !== null) return now;
  for (let attempts = 1; ; attempts++) {
    let settled = (): void => {};
    const request = statx(ring, fd, STATX.ALL, (id) => {
      if (signal) settled = cancelOnAbort(ring, () => [id], signal);
    });
    const { result, fields } = await request;
    settled();
    if (result === 0) return fields;
    if (signal?.aborted && wasCancelled(result)) throw new AbortError(signal);
    if (!shouldRetry(result, attempts, flags)) throw systemError(visibleResult(result), 'fstat');
  }
}

/** fstat(2), as an fs.Stats or fs.BigIntStats that is Node's own in every respect. */
export async function stat(descriptor: Descriptor, options: unknown): Promise<Stats | BigIntStats> {
  let bigint = false;
  let signal: AbortSignal | undefined;
  if (options !== undefined) {
    if (!isPlainStatOptions(options)) await askNode('stat', options);
    bigint = (options as { bigint?: unknown }).bigint === true;
    ({ signal } = options as { signal?: AbortSignal });
    if (signal !== undefined && !(await hasSignalOption())) signal = undefined;
  }
  throwIfAborted(signal);
  const recipe = descriptor.ring.supports('statx') ? statsRecipe(bigint) : null;
  if (recipe === null) {
    return await byNode<Stats | BigIntStats>((callback) =>
      fstat(descriptor.fd, { bigint }, callback as never),
    );
  }
  return recipe(await statFields(descriptor, signal));
}

/** Options that every version of Node takes for the same. */
function isPlainStatOptions(options: unknown): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  return (options as { signal?: unknown }).signal === undefined;
}

let signalOption: Promise<boolean> | undefined;

/** Whether the running Node looks at stat's `signal` (26 does). */
function hasSignalOption(): Promise<boolean> {
  signalOption ??= askNode('stat', { signal: AbortSignal.abort() }).then(
    () => false,
    () => true,
  );
  return signalOption;
}

/** The size of a regular file; 0 for everything whose size says nothing. */
export async function regularFileSize(descriptor: Descriptor): Promise<number> {
  if (!descriptor.ring.supports('statx')) {
    const stats = await byNode<Stats>((callback) => fstat(descriptor.fd, callback));
    return stats.isFile() ? stats.size : 0;
  }
  const fields = await statFields(descriptor);
  const isRegular = (fields.getUint16(STATX.MODE, true) & constants.S_IFMT) === constants.S_IFREG;
  return isRegular ? Number(fields.getBigUint64(STATX.SIZE, true)) : 0;
}
