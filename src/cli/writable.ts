// Files that a command writes: whether one can be written is asked before minutes are spent on what goes into it.
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './usage-error.js';

/** Throws a UsageError that names `option` when `path` can surely not be written. Creates nothing. */
export function checkWritable(option: string, path: string): void {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) throw new UsageError(`--${option}: ${path} is a directory`);
    accessSync(stats === undefined ? dirname(path) : path, constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--${option}: ${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A report that could not be written. */
export class WriteError extends Error {
  override name = 'WriteError';
}

/** Writes the whole file; throws a WriteError that names it, and leaves no half of a file that was not there. */
export function writeReport(path: string, text: string): void {
  const existed = existsSync(path);
  try {
    writeFileSync(path, text);
  } catch (error) {
    if (!existed) rmSync(path, { force: true });
    throw new WriteError(`${path} could not be written: ${(error as Error).message}`, { cause: error });
  }
}
