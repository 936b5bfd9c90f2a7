// Temporary files, pipes and descriptors that go away with the test that made them.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Pipe {
  /** the two ends; -1 once closed with `closePipe` */
  read: number;
  write: number;
}

/** A directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'linux-aio-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A file with `content`, removed after the test. */
export function temporaryFile(t: TestContext, content: string | Uint8Array = '', name = 'file'): string {
  const path = join(temporaryDirectory(t), name);
  fs.writeFileSync(path, content);
  return path;
}

/** A descriptor that is closed after the test, unless the test has closed it (then under the same number: no). */
export function opened(t: TestContext, path: string, flags: string | number = 'r'): number {
  const fd = fs.openSync(path, flags);
  t.after(() => closeQuietly(fd));
  return fd;
}

/** Pipes as two descriptors (named pipes without their names). Closed after the test. */
export function openPipes(t: TestContext, count: number, readFlags: string | number = 'r'): Pipe[] {
  const dir = fs.mkdtempSync(join(tmpdir(), 'linux-aio-'));
  const names = Array.from({ length: count }, (_, i) => join(dir, String(i)));
  execFileSync('mkfifo', names);
  const pipes = names.map((name) => {
    const both = fs.openSync(name, 'r+'); // so that opening one end does not wait for the other
    const pipe = { read: fs.openSync(name, readFlags), write: fs.openSync(name, 'w') };
    fs.closeSync(both);
    return pipe;
  });
  fs.rmSync(dir, { recursive: true });
  t.after(() => {
    for (const pipe of pipes) closePipe(pipe);
  });
  return pipes;
}

export function openPipe(t: TestContext): Pipe {
  return openPipes(t, 1)[0];
}

/** Pipes whose reading ends do not block: for `drained`. */
export function openObservedPipes(t: TestContext, count: number): Pipe[] {
  return openPipes(t, count, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
}

/** What is in such a pipe at this moment, taken out of it. */
export function drained(pipe: Pipe): string {
  const buffer = Buffer.alloc(1 << 16);
  try {
    return buffer.toString('latin1', 0, fs.readSync(pipe.read, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw error;
  }
}

export function closePipe(pipe: Pipe): void {
  for (const end of ['read', 'write'] as const) {
    if (pipe[end] >= 0) closeQuietly(pipe[end]);
    pipe[end] = -1;
  }
}

export function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // the test has closed it
  }
}

/** Descriptors of this process that are open now. */
export function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length - 1; // without the one that reads the directory
}

/**
 * A file of `blocks` blocks of 4096 bytes, each beginning with its number, opened with O_DIRECT; null where the file
 * system of the temporary directory has no O_DIRECT.
 */
export function directFile(t: TestContext, blocks: number): number | null {
  const content = Buffer.alloc(blocks * 4096);
  for (let i = 0; i < blocks; i++) content.fill(i + 1, i * 4096, (i + 1) * 4096);
  const path = temporaryFile(t, content);
  const fd = fs.openSync(path, 'r+');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  try {
    return opened(t, path, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
  } catch {
    return null;
  }
}

export const NO_DIRECT = 'the file system of the temporary directory has no O_DIRECT';

/** A view of `bytes` bytes whose address is a multiple of 4096, as O_DIRECT wants it. */
export function alignedView(bytes: number, address: (view: Uint8Array) => number): Uint8Array {
  const buffer = new ArrayBuffer(bytes + 4096);
  const first = address(new Uint8Array(buffer));
  return new Uint8Array(buffer, (4096 - (first % 4096)) % 4096, bytes);
}
