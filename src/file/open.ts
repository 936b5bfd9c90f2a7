// open(): a path to a File, through openat(2) on the ring. Paths, flags and modes that are not obviously right are
// left to Node's own fs.open, which refuses them in its own words or opens the file.
import { Buffer } from 'node:buffer';
import { closeSync, constants, type Mode, type PathLike } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { open as nodeOpen, nodePromises } from '../abi/node-fs.js';
import type { Ring } from '../ring/ring.js';
import { invalidValue } from '../ring/validate.js';
import { directAlignment } from './alignment.js';
import { byNode } from './attributes.js';
import { Descriptor } from './descriptor.js';
import { systemError } from './errors.js';
import { File } from './file.js';
import { plainFlags, plainMode, plainPath } from './open-arguments.js';
import { checkOpenOptions, flagsOf, type OpenOptions } from './open-options.js';
import { openPath } from './open-path.js';

const { O_DIRECT } = constants;

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
  const permissions = plainMode(mode, 0o666);
  if (bytes === undefined || plain === undefined || permissions === undefined || mustAskNode(ring)) {
    // As numbers where they are clear: Node aborts on modes above 2^31.
    const nodeFlags = plain === undefined ? flags : plain | (direct ? O_DIRECT : 0);
    return await openByNode(path, nodeFlags, permissions ?? mode, ring, direct);
  }
  const all = plain | (direct ? O_DIRECT : 0);
  const fd = await new Promise<number>((resolve) => openPath(ring, bytes, all, permissions, resolve));
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
      await (await nodePromises.open(path, flags, mode as Mode)).close();
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
