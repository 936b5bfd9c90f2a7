// readFile, writeFile and appendFile by path: open, transfer, close. What is done in between is src/file's.
import { constants, type PathLike } from 'node:fs';
import { Descriptor } from '../file/descriptor.js';
import { systemError, throwIfAborted } from '../file/errors.js';
import { plainOptions } from '../file/file-options.js';
import { O_CLOEXEC, plainFlags, plainMode, plainPath } from '../file/open-arguments.js';
import { readFile } from '../file/read-file.js';
import { writeFile } from '../file/write-file.js';
import type { Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { hasOwnTarget, isData } from './handle.js';
import { openDescriptor } from './open-descriptor.js';
import { text } from './request.js';

const { O_DIRECT } = constants;

/** A call on a whole file whose arguments are in order. */
interface WholeFile {
  readonly path: Path;
  readonly flags: number;
  readonly mode: number;
  readonly signal: AbortSignal | undefined;
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
  if (known === null || plain === undefined || mode === undefined) return null;
  const { flag } = (typeof options === 'object' && options ? options : {}) as { flag?: unknown };
  const flags = plainFlags(flag || defaultFlags);
  if (flags === undefined || (flags & (O_DIRECT | O_CLOEXEC)) !== 0) return null;
  return { path: plain, flags, mode, signal: known.signal };
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

async function read(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  throwIfAborted(call.signal);
  const descriptor = await open(ring, call);
  try {
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
