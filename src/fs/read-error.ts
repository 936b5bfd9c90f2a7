// The error of a read that is part of readFile(path). From some Node 26 on it names the path, as that of the open does: a file
// of up to one chunk is opened, read and closed there in one go, which has one way to report what failed.
import fs from 'node:fs';
import { systemError } from '../file/errors.js';
import type { Path } from '../ring/requests.js';
import { text } from './request.js';

/** Node's; what is longer is handed back open there, and read by functions that know of no path. */
const CHUNK_BYTES = 512 * 1024;

/**
 * Told by the function itself: no property shows it, a number of a version would have to be known, and to try it, on a
 * directory, takes a thread of Node's pool, which may have none left.
 */
const namesPath = Function.prototype.toString.call(fs.readFile).includes('ReadFileJob');

/** The error as Node has it, of a file with so many bytes according to its status. */
export function readError<T>(error: T, path: Path, size: number): T | Error {
  if (!namesPath || size > CHUNK_BYTES) return error;
  const { syscall, errno } = error as NodeJS.ErrnoException;
  return syscall === 'read' && errno !== undefined ? systemError(errno, 'read', text(path)) : error;
}
