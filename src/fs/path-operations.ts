// The operations of node:fs that are one system call and answer nothing, as calls on the ring. The table is the whole
// of it: what is in it goes to the ring, with these arguments; what is not is Node's own.
import { AT_FDCWD } from '../abi/io_uring.js';
import { plainMode, plainPath } from '../file/open-arguments.js';
import type { Path } from '../ring/requests.js';
import type { Call, Parse } from './request.js';

const AT_REMOVEDIR = 0x200;

function onePath(syscall: Call['syscall'], path: unknown, start: (path: Path) => Call['start']): Call | null {
  const plain = plainPath(path);
  return plain === undefined ? null : { syscall, path: plain, start: start(plain) };
}

function twoPaths(
  syscall: Call['syscall'],
  from: unknown,
  to: unknown,
  start: (from: Path, to: Path) => Call['start'],
): Call | null {
  const path = plainPath(from);
  const dest = plainPath(to);
  return path === undefined || dest === undefined ? null : { syscall, path, dest, start: start(path, dest) };
}

/** Of mkdir: a mode, or an object with a mode; null for `recursive` and all that is odd. */
function modeOption(options: unknown): number | null {
  if (typeof options !== 'object' || options === null) return plainMode(options, 0o777) ?? null;
  const { recursive, mode } = options as { recursive?: unknown; mode?: unknown };
  if ((recursive !== undefined && recursive !== false) || mode === null) return null;
  return plainMode(mode, 0o777) ?? null;
}

export const pathOperations = {
  rename: (from, to) => {
    return twoPaths(
      'rename',
      from,
      to,
      (path, dest) => (ring, done) => ring.renameat(AT_FDCWD, path, AT_FDCWD, dest, 0, done),
    );
  },

  link: (from, to) => {
    return twoPaths(
      'link',
      from,
      to,
      (path, dest) => (ring, done) => ring.linkat(AT_FDCWD, path, AT_FDCWD, dest, 0, done),
    );
  },

  // The type of a symbolic link is for Windows; what is none is an error.
  symlink: (target, path, type) => {
    if (type !== undefined && type !== null && !['dir', 'file', 'junction'].includes(type as string))
      return null;
    return twoPaths(
      'symlink',
      target,
      path,
      (to, link) => (ring, done) => ring.symlinkat(to, AT_FDCWD, link, done),
    );
  },

  unlink: (path) => {
    return onePath('unlink', path, (plain) => (ring, done) => ring.unlinkat(AT_FDCWD, plain, 0, done));
  },

  rmdir: (path, options) => {
    if (options !== undefined) return null; // `recursive`, deprecated
    return onePath(
      'rmdir',
      path,
      (plain) => (ring, done) => ring.unlinkat(AT_FDCWD, plain, AT_REMOVEDIR, done),
    );
  },

  mkdir: (path, options) => {
    const mode = modeOption(options);
    if (mode === null) return null;
    return onePath('mkdir', path, (plain) => (ring, done) => ring.mkdirat(AT_FDCWD, plain, mode, done));
  },
} satisfies Record<string, Parse>;
