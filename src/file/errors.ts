// Errors as Node's own file system calls make them: message, `errno`, `code`, `syscall` and `path`, in that order,
// so that code written against node:fs can tell no difference. Argument errors are made by Node itself
// (node-handle.ts) or, where that cannot be waited for, by ../ring/validate.ts.
//
// Call these from an async function, after its first await: then the stack leads to whoever awaits the result.
import { getSystemErrorMap } from 'node:util';
import { ERRNO } from '../abi/errno.js';
import { invalidType, invalidValue } from '../ring/validate.js';

/** The names of libuv for the system calls behind each operation; Node reports these as `error.syscall`. */
export type Syscall =
  | 'open'
  | 'stat'
  | 'lstat'
  | 'rename'
  | 'unlink'
  | 'rmdir'
  | 'mkdir'
  | 'link'
  | 'symlink'
  | 'close'
  | 'read'
  | 'write'
  | 'fsync'
  | 'fdatasync'
  | 'fstat'
  | 'ftruncate'
  | 'fallocate'
  | 'fadvise';

/** Node makes a new map for each call, which takes longer than a file does. */
let names: ReturnType<typeof getSystemErrorMap> | undefined;

/**
 * The error of a system call that answered `result`, a negative errno.
 *
 * @param note what to add in parentheses when the bare errno would leave the reader without a clue
 * @param dest the second path of calls that have two
 */
export function systemError(
  result: number,
  syscall: Syscall,
  path?: string,
  note?: string,
  dest?: string,
): NodeJS.ErrnoException {
  const unknown = `Unknown system error ${result}`; // libuv's words for an errno without a name
  names ??= getSystemErrorMap();
  const [code, text] = names.get(result) ?? [unknown, unknown];
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(
    `${code}: ${text}, ${syscall}${where}${note === undefined ? '' : ` (${note})`}`,
  );
  Error.captureStackTrace(error, systemError);
  error.errno = result;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

/** What every method of a closed FileHandle rejects with: no errno, for no system call was made. */
export function fileClosedError(method: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error('file closed');
  Error.captureStackTrace(error, fileClosedError);
  error.code = 'EBADF';
  error.syscall = method;
  return error;
}

/** What an operation ended by its signal rejects with; `cause` is the signal's reason. */
export class AbortError extends Error {
  readonly code: string;
  constructor(signal: AbortSignal) {
    super('The operation was aborted', { cause: signal.reason });
    // Own properties in this order, as on Node's AbortError.
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(signal);
}

/** Whether the ring's answer says that the request was taken back, rather than that it failed. */
export function wasCancelled(result: number): boolean {
  // A request that a worker of the kernel had begun is interrupted: EINTR instead of ECANCELED.
  return result === -ERRNO.ECANCELED || result === -ERRNO.EINTR;
}

/** An error in the manner of Node's, for a state in which a call makes no sense. */
export function invalidState(message: string): Error {
  return Object.assign(new Error(`Invalid state: ${message}`), { code: 'ERR_INVALID_STATE' });
}

/**
 * For options that only this package has: `{ dirct: true }` would be a file that goes through the page cache,
 * `{ snyc: true }` a write that is not durable. (Those of `FileHandle` are read as Node reads them, which lets such pass.)
 */
export function refuseUnknown(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw invalidValue(`options.${name}`, name, `is not an option; there are ${known.join(', ')}`);
  }
}

/** As `invalidType` of the ring, in Node's words for what is a property rather than an argument. */
export function invalidPropertyType(name: string, expected: string, value: unknown): TypeError {
  const { message } = invalidType(name, expected, value);
  const error = new TypeError(message.replace(`"${name}" argument`, `"${name}" property`));
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** As `invalidValue` of the ring, for a property. */
export function invalidPropertyValue(name: string, value: unknown, reason: string): TypeError {
  const { message } = invalidValue(name, value, reason);
  const error = new TypeError(message.replace(`The argument '${name}'`, `The property '${name}'`));
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}
