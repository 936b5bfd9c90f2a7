// readFile, writeFile and appendFile by path: open, transfer, close. What is done in between is src/file's.
import { Buffer } from 'node:buffer';
import { constants, type PathLike } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { Descriptor } from '../file/descriptor.js';
import { systemError, throwIfAborted } from '../file/errors.js';
import { plainOptions } from '../file/file-options.js';
import { O_CLOEXEC, plainFlags, plainMode, plainPath } from '../file/open-arguments.js';
import { readFile } from '../file/read-file.js';
import { writeFile } from '../file/write-file.js';
import type { Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { timeToAbort } from './abort.js';
import { hasOwnTarget, isData, isHandleChanged } from './handle.js';
import { mayAnswerNow, nextTurn, type OpenFile, readCached, readOpened } from './inline.js';
import { dataOf, openDescriptor, openOnRing } from './open-descriptor.js';
import { isPipe, isRegular, readRegular } from './read-regular.js';
import { text } from './request.js';

const { O_DIRECT, O_RDONLY } = constants;

/** A call on a whole file whose arguments are in order. */
interface WholeFile {
  readonly path: Path;
  readonly flags: number;
  readonly mode: number;
  readonly signal: AbortSignal | undefined;
  readonly encoding: BufferEncoding | undefined;
}

/** Null for what is not obviously right, and for O_DIRECT. */
function wholeFile(
  path: unknown,
  options: unknown,
  defaultFlags: string,
  mode: number | undefined,
): WholeFile | null {
  const known = plainOptions(withoutMode(options));
  const plain = plainPath(path);
  if (known === null || plain === undefined || mode === undefined || isHandleChanged()) return null;
  const { flag } = (typeof options === 'object' && options ? options : {}) as { flag?: unknown };
  const flags = plainFlags(flag || defaultFlags);
  if (flags === undefined || (flags & (O_DIRECT | O_CLOEXEC)) !== 0) return null;
  const { signal, encoding } = known;
  return { path: plain, flags, mode, signal, encoding };
}

/** `mode` means something here, as opposed to the methods of a handle. */
function withoutMode(options: unknown): unknown {
  const hasMode = typeof options === 'object' && options !== null && 'mode' in options;
  return hasMode ? { ...options, mode: undefined } : options;
}

/** Null when Node has to do it. */
export function readWhole(ring: Ring, path: unknown, options: unknown): Promise<Buffer | string> | null {
  const call = wholeFile(path, options, 'r', 0o666);
  return call === null || hasOwnTarget(options) ? null : read(ring, call, options);
}

function read(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  if (call.flags !== O_RDONLY || call.signal !== undefined) return readWithCare(ring, call, options);
  if (!mayAnswerNow(ring)) return nextTurn().then(() => read(ring, call, options));
  const contents = readCached(call.path);
  if (contents instanceof Uint8Array) return Promise.resolve(copied(contents, call.encoding));
  return readOn(ring, call, contents, options);
}

/** Scratch memory's bytes, as the caller gets them. */
function copied(bytes: Buffer, encoding: BufferEncoding | undefined): Buffer | string {
  if (encoding !== undefined) return bytes.toString(encoding);
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

/** Not all of the file was in memory, or it is none of the small ones. */
async function readOn(
  ring: Ring,
  call: WholeFile,
  begun: OpenFile | number,
  options: unknown,
): Promise<Buffer | string> {
  let file = begun;
  if (file === -ERRNO.EAGAIN) {
    const fd = await new Promise<number>((resolve) => {
      openOnRing(ring, call.path, call.flags, 0, 0, resolve);
    });
    const contents = fd < 0 ? fd : readOpened(fd);
    if (contents instanceof Uint8Array) return copied(contents, call.encoding);
    file = contents;
  } else {
    await null; // an error's stack begins where it is awaited
  }
  if (typeof file === 'number') throw systemError(file, 'open', text(call.path));
  const descriptor = new Descriptor(ring, file.fd, call.flags, null);
  try {
    if (isRegular(file) && file.size > 0) return await readRegular(descriptor, file.size, call.encoding);
    if (isPipe(file)) await dataOf(ring, file.fd);
    return await readFile(descriptor, options);
  } finally {
    await descriptor.close();
  }
}

/** With a signal that may end it, or flags that are not for reading alone. */
async function readWithCare(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  throwIfAborted(call.signal);
  const descriptor = await open(ring, call);
  try {
    await timeToAbort(call.signal);
    return await readFile(descriptor, options);
  } finally {
    await descriptor.close();
  }
}

/** Null when Node has to do it. */
export function writeWhole(
  ring: Ring,
  path: PathLike,
  data: unknown,
  options: unknown,
  defaultFlags: 'w' | 'a',
): Promise<void> | null {
  const { mode } = (typeof options === 'object' && options ? options : {}) as { mode?: unknown };
  const call = wholeFile(path, options, defaultFlags, plainMode(mode, 0o666));
  return call === null || !isData(data) ? null : write(ring, call, data, options);
}

async function write(ring: Ring, call: WholeFile, data: unknown, options: unknown): Promise<void> {
  throwIfAborted(call.signal);
  const descriptor = await open(ring, call);
  try {
    await timeToAbort(call.signal); // the file has been made by then, and emptied, as Node does it
    await writeFile(descriptor, data, withoutMode(options));
  } finally {
    await descriptor.close();
  }
}

async function open(ring: Ring, call: WholeFile): Promise<Descriptor> {
  const { path, flags, mode } = call;
  const fd = await new Promise<number>((resolve) => openDescriptor(ring, path, flags, mode, resolve));
  if (fd < 0) throw systemError(fd, 'open', text(path));
  return new Descriptor(ring, fd, flags, null);
}
