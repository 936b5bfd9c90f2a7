// Node's own FileHandle, asked what it thinks of unusual arguments.
//
// Which arguments are wrong, and how the error reads, differs between the versions of Node and is nowhere written
// down. So nothing of that is copied here: calls that are obviously right go straight to the ring, and whatever is
// not obvious is first put to the real method, on /dev/null, which throws what the running version throws or lets
// it pass. /dev/null reads as empty and swallows what is written.
import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { nodePromises } from '../abi/node-fs.js';
import { outOfRange } from '../ring/validate.js';

type Method = 'read' | 'readv' | 'write' | 'writev' | 'readFile' | 'writeFile' | 'stat' | 'truncate';

// Opened on first use and kept: no handle of it holds the process. Loaded once per thread.
let probe: Promise<FileHandle> | undefined;

async function nodeHandle(method: string): Promise<FileHandle> {
  probe ??= nodePromises.open('/dev/null', 'r+');
  try {
    return await probe;
  } catch (cause) {
    probe = undefined; // the next call tries again
    // Out of descriptors, or forbidden by the permission model: that must not pass for the error of the call.
    const { message } = cause as Error;
    const text = `The arguments of ${method} are unusual, and Node could not be asked about them (${message})`;
    throw Object.assign(new TypeError(text, { cause }), { code: 'ERR_INVALID_ARG_VALUE' });
  }
}

/**
 * Calls Node's own method with these arguments.
 *
 * @returns what it gave, if it accepts them
 * @throws what it throws
 */
export async function askNode(method: Method, ...args: unknown[]): Promise<unknown> {
  const handle = await nodeHandle(method);
  return await (handle[method] as (...args: unknown[]) => Promise<unknown>)(...args);
}

/** The same for arguments that no version accepts: always throws. */
export async function rejectedByNode(method: Method, ...args: unknown[]): Promise<never> {
  await askNode(method, ...args);
  throw new Error(`linux-aio: internal error: Node accepts the arguments of ${method} after all`);
}

/** The largest position that there is: off_t of Linux. */
export const POSITION_MAX = 2n ** 63n - 1n;

/**
 * Throws Node's error for a position that is no position of `length` bytes. The methods of FileHandle let some of
 * these pass, as "the current position" (all of them in write, bigints in readv and writev, on Node 20 in read
 * too): data would go to the wrong place. fs.readSync checks, though on Node 20 not as closely.
 */
export async function rejectPosition(position: number | bigint, length: number): Promise<never> {
  const handle = await nodeHandle('position');
  readSync(handle.fd, new Uint8Array(1), 0, 1, position);
  throw outOfRange('position', `>= -1 && <= ${POSITION_MAX - BigInt(length)}`, position);
}
