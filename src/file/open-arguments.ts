// The arguments of open(2) as Node takes them: paths, flags and modes that every version understands in the same way.
// For all others the answer is undefined, and Node itself is asked.
import { constants } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
/** asm-generic/fcntl.h; Node's constants lack it. */
export const O_CLOEXEC = 0o2000000;

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
export function plainPath(path: unknown): string | Uint8Array | undefined {
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
export function plainFlags(flags: unknown): number | undefined {
  if (typeof flags !== 'number') return FLAGS.get(flags);
  return (flags | 0) === flags && flags >= 0 ? flags : undefined;
}

/** The mode of a new file, or undefined when Node had better look at it. */
export function plainMode(mode: unknown, byDefault: number): number | undefined {
  if (mode === undefined || mode === null) return byDefault;
  if (typeof mode === 'string') mode = /^[0-7]{1,10}$/.test(mode) ? Number.parseInt(mode, 8) : undefined;
  return typeof mode === 'number' && mode >>> 0 === mode ? mode & 0o7777 : undefined;
}
