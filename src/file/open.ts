// open(): a path to a File, through openat(2) on the ring. Paths, flags and modes that are not obviously right are
// left to Node's own fs.open, which refuses them in its own words or opens the file.
import { Buffer } from 'node:buffer';
import { closeSync, constants, type Mode, open as nodeOpen, type PathLike } from 'node:fs';
import { open as nodeOpenHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ERRNO } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/io_uring.js';
import type { Ring } from '../ring/ring.js';
import { invalidValue } from '../ring/validate.js';
import { directAlignment } from './alignment.js';
import { byNode, withRetries } from './attributes.js';
import { Descriptor } from './descriptor.js';
import { systemError } from './errors.js';
import { File } from './file.js';
import { checkOpenOptions, flagsOf, type OpenOptions } from './open-options.js';

const { O_APPEND, O_CREAT, O_DIRECT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
/** asm-generic/fcntl.h; Node's constants lack it. */
const O_CLOEXEC = 0o2000000;

/** Node's flags strings: https://nodejs.org/api/fs.html#file-system-flags */
const FLAGS = new Map<unknown, number>([
  [undefined, O_RDONLY],
  [null, O_RDONLY],
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', O_TRUNC | O_CREAT | O_WRONLY],
  ['wx', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['xw', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['w+', O_TRUNC | O_CREAT | O_RDWR],
  ['wx+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['xw+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['a', O_APPEND | O_CREAT | O_WRONLY],
  ['ax', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['xa', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['as', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['sa', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['a+', O_APPEND | O_CREAT | O_RDWR],
  ['ax+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['xa+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['as+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
  ['sa+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
]);

/** The path without NUL, or undefined when Node had better look at it. */
function plainPath(path: unknown): string | Uint8Array | undefined {
  if (typeof path === 'string') return path.includes('\0') ? undefined : path;
  if (path instanceof Uint8Array) return path.includes(0) ? undefined : path;
  if (path instanceof URL && path.protocol === 'file:') {
    try {
      return plainPath(fileURLToPath(path));
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The flags of open(2), or undefined when Node had better look at them. */
function plainFlags(flags: unknown): number | undefined {
  if (typeof flags !== 'number') return FLAGS.get(flags);
  return (flags | 0) === flags && flags >= 0 ? flags : undefined;
}

/** The mode of a new file, or undefined when Node had better look at it. */
function plainMode(mode: unknown): number | undefined {
  if (mode === undefined || mode === null) return 0o666;
  if (typeof mode === 'string') mode = /^[0-7]{1,10}$/.test(mode) ? Number.parseInt(mode, 8) : undefined;
  return typeof mode === 'number' && mode >>> 0 === mode ? mode & 0o7777 : undefined;
}

/**
 * Opens a file, as fs.promises.open does.
 *
 * @param flags Node's strings ('r' by default), or a mask of O_*; O_CLOEXEC is always added
 * @param mode of a file that is created, less the umask
 * @throws as fs.promises.open; EINVAL, with the reason, when the file system has no O_DIRECT. See open(2)
 */
export async function open(
  path: PathLike,
  flags?: string | number | null,
  mode?: Mode | null,
  options?: OpenOptions,
): Promise<File> {
  const { ring, direct } = checkOpenOptions(options);
  const bytes = plainPath(path);
  const plain = plainFlags(flags);
  const permissions = plainMode(mode);
  if (bytes === undefined || plain === undefined || permissions === undefined || mustAskNode(ring)) {
    // As numbers where they are clear: Node aborts on modes above 2^31.
    const nodeFlags = plain === undefined ? flags : plain | (direct ? O_DIRECT : 0);
    return await openByNode(path, nodeFlags, permissions ?? mode, ring, direct);
  }
  const all = plain | (direct ? O_DIRECT : 0);
  const fd = await withRetries(all, () => {
    return new Promise((resolve) => void ring.openat(AT_FDCWD, bytes, all | O_CLOEXEC, permissions, resolve));
  });
  if (fd < 0) {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    const unsupported = fd === -ERRNO.EINVAL && direct;
    throw systemError(fd, 'open', text, unsupported ? 'the file system may not support O_DIRECT' : undefined);
  }
  return await opened(ring, fd, all);
}

/** Under Node's permission model only its own open knows what is allowed. */
function mustAskNode(ring: Ring): boolean {
  return (process as { permission?: unknown }).permission !== undefined || !ring.supports('openat');
}

async function openByNode(
  path: PathLike,
  flags: string | number | null | undefined,
  mode: Mode | null | undefined,
  ring: Ring,
  direct: boolean,
): Promise<File> {
  const fd = await nodeOpenFd(path, flags as string, mode);
  const actual = flagsOf(fd);
  if (direct && (actual & O_DIRECT) === 0) {
    closeSync(fd);
    throw invalidValue('flags', flags, 'cannot be combined with options.direct');
  }
  return await opened(ring, fd, actual);
}

/** fs.open, with the errors of fs.promises.open, which looks at its arguments in another order in Node 26. */
async function nodeOpenFd(path: PathLike, flags: string, mode: Mode | null | undefined): Promise<number> {
  try {
    return await byNode<number>((callback) => nodeOpen(path, flags, mode, callback as never));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno === undefined) {
      await (await nodeOpenHandle(path, flags, mode as Mode)).close();
    }
    throw error;
  }
}

async function opened(ring: Ring, fd: number, flags: number): Promise<File> {
  if ((flags & O_DIRECT) === 0) return new File(new Descriptor(ring, fd, flags, null));
  try {
    return new File(new Descriptor(ring, fd, flags, await directAlignment(ring, fd)));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
