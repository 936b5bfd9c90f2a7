// createReadStream and createWriteStream: Node's own stream classes, given this file's operations in place of fs.

import type { Abortable } from 'node:events';
import type { ReadStream, WriteStream } from 'node:fs';
import { createReadStream as nodeReadStream, createWriteStream as nodeWriteStream } from '../abi/node-fs.js';
import type { Descriptor } from './descriptor.js';
import type { File } from './file.js';

export interface ReadStreamOptions extends Abortable {
  encoding?: BufferEncoding | null | undefined;
  /** close the file at the end or on an error (true) */
  autoClose?: boolean | undefined;
  emitClose?: boolean | undefined;
  /** first byte; without it, from the file's own position */
  start?: number | undefined;
  /** last byte, inclusive */
  end?: number | undefined;
  /** bytes per read (65536) */
  highWaterMark?: number | undefined;
}

export interface WriteStreamOptions {
  encoding?: BufferEncoding | null | undefined;
  /** close the file at the end or on an error (true) */
  autoClose?: boolean | undefined;
  emitClose?: boolean | undefined;
  /** first byte; without it, at the file's own position */
  start?: number | undefined;
  highWaterMark?: number | undefined;
  /** fsync before closing (false) */
  flush?: boolean | undefined;
}

type Callback = (error: Error | null, count?: number, buffers?: unknown) => void;

/**
 * The `fs` of a stream. The stream is a user of the descriptor from its making to its closing, as in Node, so that
 * a file that is closed while it still writes stays open until everything is written.
 */
class Operations {
  readonly #file: File;
  readonly #descriptor: Descriptor;
  readonly #destroyed = new AbortController();

  constructor(file: File, descriptor: Descriptor) {
    this.#file = file;
    this.#descriptor = descriptor;
  }

  /** Called by no stream that has a descriptor; Node checks that it is there. */
  open = (): never => {
    throw notImplemented('open()');
  };

  close = (_fd: number, callback: Callback): void => {
    this.#descriptor.unref();
    this.#file.close().then(() => callback(null), callback);
  };

  fsync = (_fd: number, callback: Callback): void => {
    this.#file.sync().then(() => callback(null), callback);
  };

  read = (
    _fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: Callback,
  ): void => {
    const { signal } = this.#destroyed;
    this.#file.read(buffer, { offset, length, position: position ?? null, signal }).then(
      ({ bytesRead }) => callback(null, bytesRead, buffer),
      // What ends a read when its stream is destroyed is no error of the stream.
      (error) => (signal.aborted ? callback(null, 0, buffer) : callback(error, 0, buffer)),
    );
  };

  write = (
    _fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: Callback,
  ): void => {
    this.#file.write(buffer, offset, length, position).then(
      ({ bytesWritten }) => callback(null, bytesWritten, buffer),
      (error) => callback(error, 0, buffer),
    );
  };

  writev = (_fd: number, buffers: Buffer[], position: number | undefined, callback: Callback): void => {
    this.#file.writev(buffers, position).then(
      ({ bytesWritten }) => callback(null, bytesWritten, buffers),
      (error) => callback(error, 0, buffers),
    );
  };

  /** Takes back a read that is waiting, on a pipe say, so that a destroyed stream closes at once. */
  destroyed(): void {
    this.#destroyed.abort();
  }
}

export function createReadStream(
  file: File,
  descriptor: Descriptor,
  options: ReadStreamOptions | undefined,
): ReadStream {
  const operations = new Operations(file, descriptor);
  const stream = follow(file, descriptor, options, (fd) => {
    return nodeReadStream(undefined as never, { ...options, fd, fs: operations } as never);
  });
  const destroy = stream._destroy;
  stream._destroy = (error, callback) => {
    operations.destroyed();
    destroy.call(stream, error, callback);
  };
  return stream;
}

export function createWriteStream(
  file: File,
  descriptor: Descriptor,
  options: WriteStreamOptions | undefined,
): WriteStream {
  const fs = new Operations(file, descriptor);
  return follow(file, descriptor, options, (fd) => {
    return nodeWriteStream(undefined as never, { ...options, fd, fs } as never);
  });
}

/** Makes a stream that uses the descriptor, and that closes when the file is closed. */
function follow<T extends ReadStream | WriteStream>(
  file: File,
  descriptor: Descriptor,
  options: object | undefined,
  make: (fd: number) => T,
): T {
  if (options && 'fs' in options && options.fs) throw notImplemented('FileHandle with fs');
  // Before the stream is made: with a signal that is aborted already it may close while it is made.
  descriptor.ref();
  let stream: T;
  try {
    stream = make(descriptor.fd);
  } catch (error) {
    descriptor.unref();
    throw error;
  }
  const close = (): void => {
    // With autoClose: false a stream that has finished does nothing more on close(), and would keep the file open
    // for ever (as Node's does).
    if ('writableFinished' in stream && stream.writableFinished) stream.destroy();
    else stream.close();
  };
  file.on('close', close);
  stream.once('close', () => file.off('close', close));
  return stream;
}

function notImplemented(what: string): Error {
  return Object.assign(new Error(`The ${what} method is not implemented`), {
    code: 'ERR_METHOD_NOT_IMPLEMENTED',
  });
}
