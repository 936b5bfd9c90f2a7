// The same call on Node's own FileHandle and on File, each with a file of its own: same outcome, same file
// afterwards, same position.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type FileHandle, open as nodeOpen } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { File, open } from 'linux-aio';
import { type Pipe, temporaryDirectory } from '../support/temp.js';

/** A call on a handle. What it returns, or rejects with, is compared. */
export type Call = (handle: FileHandle) => unknown;

export interface Options {
  /** of both files, at first */
  content?: string | Uint8Array;
  /** to open with (`r+`) */
  flags?: string | number;
  /** why this version of Node is not compared with */
  skip?: string | false;
}

export const nodeMajor = Number(process.versions.node.split('.')[0]);

/** A value or an error in a form that deepStrictEqual can compare. */
export interface Outcome {
  value?: unknown;
  error?: Record<string, unknown>;
}

export async function outcome(run: () => unknown): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: shape(error as NodeJS.ErrnoException) };
  }
}

/** All that a program can tell an error by, but its stack. */
export function shape(error: NodeJS.ErrnoException): Record<string, unknown> {
  const { name, message, code, errno, syscall, path, cause } = error;
  const own = Object.keys(error);
  return { class: error.constructor.name, name, message, code, errno, syscall, path, cause, own };
}

/** Where the file's own position stands, and what the file contains. */
function state(handle: { readonly fd: number }, file: string): unknown {
  const content = fs.readFileSync(file);
  if (handle.fd === -1) return { fd: -1, content };
  const info = fs.readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
  // Where the position of a file stands that is only appended to, no program can tell but through /proc.
  const flags = Number.parseInt(/flags:\s*(\d+)/.exec(info)![1], 8);
  if (flags & fs.constants.O_APPEND && (flags & 3) === fs.constants.O_WRONLY) return { content };
  return { position: /pos:\s*(\d+)/.exec(info)![1], content };
}

const unclosable: FileHandle[] = [];

/** After a stream that could not be made, Node's close throws: the half of it that there is listens to `close`. */
async function closeTheirs(handle: FileHandle): Promise<void> {
  unclosable.push(handle); // Node 26 does not forgive it when the garbage collector finds it open
  await (async () => handle.close())().then(
    () => unclosable.pop(),
    () => {},
  );
}

/** One test per call of the table. */
export function sameAsNode(title: string, table: Record<string, Call>, options: Options = {}): void {
  const { content = 'The quick brown fox', flags = 'r+', skip = false } = options;
  describe(`${title}: as Node's FileHandle`, { skip }, () => {
    for (const [name, call] of Object.entries(table)) {
      it(name, async (t) => {
        const directory = temporaryDirectory(t);
        const paths = [join(directory, 'node'), join(directory, 'ours')];
        for (const path of paths) fs.writeFileSync(path, content);
        const theirs = await nodeOpen(paths[0], flags);
        const ours = await open(paths[1], flags);
        try {
          const expected = await outcome(() => call(theirs));
          const actual = await outcome(() => call(ours as unknown as FileHandle));
          assert.deepStrictEqual(actual, expected);
          assert.deepStrictEqual(state(ours, paths[1]), state(theirs, paths[0]));
        } finally {
          await closeTheirs(theirs);
          await ours.close();
        }
      });
    }
  });
}

/** The next `length` bytes of a pipe, which are there within three seconds; fewer when they are not. */
export async function drained(file: File, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const signal = AbortSignal.timeout(3000);
  for (let total = 0; total < length; ) {
    const { bytesRead, buffer } = await file.read({ signal });
    parts.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(parts);
}

/** A File for one end of a pipe, which owns it from now on. Closed after the test if the test has not closed it. */
export function owned(t: TestContext, pipe: Pipe, end: 'read' | 'write'): File {
  const file = File.fromFd(pipe[end]);
  pipe[end] = -1;
  t.after(() => file.close());
  return file;
}
