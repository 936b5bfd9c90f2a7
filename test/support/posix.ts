// Control blocks for tests of <aio.h>: of files and pipes, started or not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { TestContext } from 'node:test';
import * as aio from 'linux-aio/posix';
import type { Cleanup } from './posix-events.js';
import { nameOf, queued } from './status.js';
import { type Pipe, temporaryFile } from './temp.js';

export { aio };

/** Any descriptor number that is not open. */
export const CLOSED_FD = 1_000_000;

/** A control block over a buffer of its own, unless `init` brings one. */
export function block(fd: number, size: number, init: Partial<aio.aiocb> = {}): aio.aiocb {
  return new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(size), aio_nbytes: size, ...init });
}

/** A control block that writes `text`. */
export function writing(fd: number, text: string | Uint8Array, init: Partial<aio.aiocb> = {}): aio.aiocb {
  const data = Buffer.from(text as string);
  return block(fd, data.length, { aio_buf: data, ...init });
}

/** Reads of `size` bytes each, one behind the other from the beginning of the file. */
export function startedReads(fd: number, count: number, size: number): aio.aiocb[] {
  return Array.from({ length: count }, (_, i) => {
    const cb = block(fd, size, { aio_offset: i * size });
    queued(aio.aio_read(cb));
    return cb;
  });
}

export const textOf = (cb: aio.aiocb, length = cb.aio_nbytes!): string =>
  (cb.aio_buf as Buffer).toString('latin1', 0, length);

/** A limit for the length of a test: `limited(t, aio._SC_AIO_MAX, 4)`. */
export function limited(t: Cleanup, name: number, value: number): void {
  const before = aio.sysconf(name);
  assert.equal(aio.setsysconf(name, value), 0);
  t.after(() => aio.setsysconf(name, before));
}

/** A control block that reads an empty pipe: in progress until data comes. */
export function blockedRead(pipe: Pipe, size = 16, init: Partial<aio.aiocb> = {}): aio.aiocb {
  const cb = block(pipe.read, size, init);
  queued(aio.aio_read(cb));
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  return cb;
}

/** Ends what a test leaves in progress on purpose. */
export function cancelled(fd: number): void {
  assert.notEqual(aio.aio_cancel(fd, null), -1);
}

/** A file of `size` bytes in which byte i is i mod 251, so that no two places within 251 bytes look alike. */
export function patternFile(t: TestContext, size: number): string {
  return temporaryFile(t, pattern(0, size));
}

export function pattern(from: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

/** Fills a pipe so that the next write blocks; how much that took. */
export function fillPipe(pipe: Pipe): number {
  const size = 65_536;
  assert.equal(fs.writeSync(pipe.write, Buffer.alloc(size, '-')), size);
  return size;
}
