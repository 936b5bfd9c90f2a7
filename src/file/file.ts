// `File`: an open file. All that Node's FileHandle has, with the same results and the same errors, through the ring;
// and what FileHandle lacks: signals on transfers, many transfers at once, O_DIRECT, allocation and advice.
//
// Every method here is short and hands over to the file of its concept. `read` and `write` of one buffer have two
// ways: ordinary calls take the short one of fast-path.ts, all others that of arguments.ts.
import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import {
  type BigIntStats,
  constants,
  fstatSync,
  type Mode,
  type ReadStream,
  type Stats,
  type TimeLike,
  type WriteStream,
} from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import type { ReadableStream } from 'node:stream/web';
import { inspect } from 'node:util';
import { invalidValue } from '../ring/validate.js';
import { type Alignment, assumedAlignment } from './alignment.js';
import { readArguments, vectorArguments, writeArguments } from './arguments.js';
import * as attributes from './attributes.js';
import { closedByHand, closeWhenCollected } from './collection.js';
import { Descriptor } from './descriptor.js';
import { readNow, readResult, writeNow, writeResult } from './fast-path.js';
import {
  checkMany,
  type ManyOptions,
  readMany,
  type Transfer,
  type WriteManyOptions,
  writeMany,
} from './many.js';
import { checkOpenOptions, flagsOf, type OpenOptions } from './open-options.js';
import { readFile } from './read-file.js';
import { type Advice, type AllocateOptions, advise, allocate } from './space.js';
import {
  createReadStream,
  createWriteStream,
  type ReadStreamOptions,
  type WriteStreamOptions,
} from './streams.js';
import { readOnce, writeAll } from './transfer.js';
import type {
  FileOptions,
  ReadFileOptions,
  ReadOptions,
  ReadResult,
  ReadVectorResult,
  StatOptions,
  TransferOptions,
  VectorOptions,
  WriteResult,
  WriteVectorResult,
} from './types.js';
import { readVector, writeVector } from './vectors.js';
import { readableWebStream, type WebStreamOptions } from './web-stream.js';
import { type FileData, writeFile } from './write-file.js';

/** Emits `'close'` when `close` has been called. */
export class File extends EventEmitter {
  readonly #descriptor: Descriptor;
  #asyncResource: AsyncResource | undefined;

  /** @internal use `open` or `File.fromFd` */
  constructor(descriptor: Descriptor) {
    super();
    if (!(descriptor instanceof Descriptor)) {
      throw Object.assign(new TypeError('Illegal constructor: use open() or File.fromFd()'), {
        code: 'ERR_ILLEGAL_CONSTRUCTOR',
      });
    }
    this.#descriptor = descriptor;
    closeWhenCollected(this, descriptor);
  }

  /**
   * A File for a descriptor that is open already, and its owner from now on: close it only through the File.
   *
   * @param options.direct whether it was opened with O_DIRECT; found out by itself where there is a /proc
   * @throws EBADF when no such descriptor is open, ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE when it cannot be one
   */
  static fromFd(fd: number, options?: OpenOptions): File {
    const { ring, direct } = checkOpenOptions(options);
    fstatSync(fd); // throws what Node throws for it
    const flags = flagsOf(fd);
    const isDirect = flags === -1 ? direct : (flags & constants.O_DIRECT) !== 0;
    if (direct && !isDirect) {
      throw invalidValue(
        'options.direct',
        direct,
        'must be left out: the descriptor was opened without O_DIRECT',
      );
    }
    return new File(new Descriptor(ring, fd, Math.max(flags, 0), isDirect ? assumedAlignment(fd) : null));
  }

  /** The descriptor; -1 once closed. It stays the File's: do not close it otherwise. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /** What O_DIRECT transfers of this file are multiples of, in bytes; null without O_DIRECT. */
  get alignment(): Alignment | null {
    return this.#descriptor.alignment;
  }

  /** A number for async_hooks, the same for the life of the File. */
  getAsyncId(): number {
    this.#asyncResource ??= new AsyncResource('FILEHANDLE');
    return this.#asyncResource.asyncId();
  }

  // ── transfers ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * read(2), or pread(2) with a position.
   *
   * @param buffer where to; without one, 16384 new bytes
   * @param offset first byte in the buffer (0)
   * @param length bytes at most (the rest of the buffer)
   * @param position first byte in the file, up to 2^63-1; null or -1: the file's own position, which moves on
   * @returns `bytesRead`, 0 at the end of the file, and the buffer
   * @throws AbortError when `signal` ended it before anything was read
   */
  read<B extends ArrayBufferView>(
    buffer: B,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<B>>;
  read<B extends ArrayBufferView>(buffer: B, options?: TransferOptions): Promise<ReadResult<B>>;
  read<B extends ArrayBufferView = Buffer<ArrayBuffer>>(
    options?: ReadOptions<B> | null,
  ): Promise<ReadResult<B>>;
  read(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<ReadResult<never>> {
    const descriptor = this.#descriptor;
    const read = readNow(descriptor, buffer, offset, length, position);
    if (read !== null) return read;
    return descriptor.use('read', async () => {
      const answer = readArguments(buffer, offset, length, position);
      const transfer = answer instanceof Promise ? await answer : answer;
      const bytes = transfer.length === 0 ? 0 : await readOnce(descriptor, transfer);
      return readResult(bytes, transfer.view);
    });
  }

  /**
   * write(2), or pwrite(2) with a position, until everything is written.
   *
   * @param position as for `read`; where the file was opened to append, data goes to its end in any case
   * @returns `bytesWritten`: fewer only when an error or the signal came after part of it
   */
  write<B extends ArrayBufferView>(
    buffer: B,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<WriteResult<B>>;
  write<B extends ArrayBufferView>(buffer: B, options?: TransferOptions): Promise<WriteResult<B>>;
  write(
    text: string,
    position?: number | bigint | null,
    encoding?: BufferEncoding | null,
  ): Promise<WriteResult<string>>;
  write(
    buffer: unknown,
    offset?: unknown,
    length?: unknown,
    position?: unknown,
  ): Promise<WriteResult<never>> {
    const descriptor = this.#descriptor;
    const written = writeNow(descriptor, buffer, offset, length, position);
    if (written !== null) return written;
    return descriptor.use('write', async () => {
      const answer = writeArguments(buffer, offset, length, position);
      const transfer = answer instanceof Promise ? await answer : answer;
      const bytes = transfer.isEmpty ? 0 : await writeAll(descriptor, transfer);
      return writeResult(bytes, buffer);
    });
  }

  /** preadv(2): one read into several buffers, the first 1024 of them at most. */
  readv<B extends readonly ArrayBufferView[]>(
    buffers: B,
    position?: number | bigint | null | VectorOptions,
  ): Promise<ReadVectorResult<B>> {
    const descriptor = this.#descriptor;
    return descriptor.use('readv', async () => {
      const answer = vectorArguments('readv', buffers, position);
      const bytesRead = await readVector(descriptor, answer instanceof Promise ? await answer : answer);
      return { __proto__: null, bytesRead, buffers } as unknown as ReadVectorResult<B>;
    });
  }

  /** pwritev(2): several buffers one after the other, until everything is written. */
  writev<B extends readonly ArrayBufferView[]>(
    buffers: B,
    position?: number | bigint | null | VectorOptions,
  ): Promise<WriteVectorResult<B>> {
    const descriptor = this.#descriptor;
    return descriptor.use('writev', async () => {
      const answer = vectorArguments('writev', buffers, position);
      const bytesWritten = await writeVector(descriptor, answer instanceof Promise ? await answer : answer);
      return { __proto__: null, bytesWritten, buffers } as unknown as WriteVectorResult<B>;
    });
  }

  /**
   * Many reads for one promise, handed over together. The whole list is checked before any of it is submitted.
   *
   * @returns the bytes read of each, in order
   * @throws when all have completed, the error of the first that failed, as a `ManyError`
   */
  readMany(list: readonly Transfer[], options?: ManyOptions): Promise<number[]> {
    const descriptor = this.#descriptor;
    return descriptor.use('readMany', async () => {
      const answer = checkMany(list, options);
      const { signal } = answer instanceof Promise ? await answer : answer;
      return await readMany(descriptor, list, signal);
    });
  }

  /**
   * Many writes for one promise, each until it is complete; with `sync` durable when it resolves: one fdatasync(2)
   * after the last has completed. Writes of one list may run in any order.
   *
   * @returns the bytes written of each, in order
   * @throws when all have completed, the error of the first that failed, as a `ManyError`; then nothing is synced
   */
  writeMany(list: readonly Transfer[], options?: WriteManyOptions): Promise<number[]> {
    const descriptor = this.#descriptor;
    return descriptor.use('writeMany', async () => {
      const answer = checkMany(list, options);
      return await writeMany(descriptor, list, answer instanceof Promise ? await answer : answer);
    });
  }

  // ── whole files and streams ────────────────────────────────────────────────────────────────────────────────

  /** Everything from the file's own position to its end. */
  readFile(options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  readFile(
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer<ArrayBuffer>>;
  readFile(options?: BufferEncoding | ReadFileOptions | null): Promise<string | Buffer<ArrayBuffer>>;
  readFile(options?: unknown): Promise<string | Buffer<ArrayBuffer>> {
    return this.#descriptor.use('readFile', () => readFile(this.#descriptor, options));
  }

  /** Writes at the file's own position. Nothing is truncated: opening with 'w' does that. */
  writeFile(data: FileData, options?: BufferEncoding | FileOptions | null): Promise<void> {
    return this.#descriptor.use('writeFile', () => writeFile(this.#descriptor, data, options));
  }

  /** The same as `writeFile`. */
  appendFile(data: FileData, options?: BufferEncoding | FileOptions | null): Promise<void> {
    return this.writeFile(data, options);
  }

  createReadStream(options?: ReadStreamOptions): ReadStream {
    return createReadStream(this, this.#descriptor, options);
  }

  createWriteStream(options?: WriteStreamOptions): WriteStream {
    return createWriteStream(this, this.#descriptor, options);
  }

  /** The lines of the file, to be iterated over with `for await`. */
  readLines(options?: ReadStreamOptions): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Number.POSITIVE_INFINITY });
  }

  readableWebStream(options?: WebStreamOptions): ReadableStream {
    return readableWebStream(this, this.#descriptor, options);
  }

  // ── everything else ────────────────────────────────────────────────────────────────────────────────────────

  /** fstat(2). */
  stat(options?: StatOptions & { bigint?: false | undefined }): Promise<Stats>;
  stat(options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatOptions): Promise<Stats | BigIntStats>;
  stat(options?: unknown): Promise<Stats | BigIntStats> {
    return this.#descriptor.use('fstat', () => attributes.stat(this.#descriptor, options));
  }

  /** ftruncate(2): exactly `length` bytes, cut off or filled up with zeros. */
  truncate(length = 0): Promise<void> {
    return this.#descriptor.use('ftruncate', () => attributes.truncate(this.#descriptor, length));
  }

  /** fsync(2): data and metadata are on the device when it resolves, of all writes called before. */
  sync(): Promise<void> {
    return this.#descriptor.use('fsync', () => attributes.sync(this.#descriptor, false));
  }

  /** fdatasync(2): as `sync`, without metadata that is not needed to read the data back. */
  datasync(): Promise<void> {
    return this.#descriptor.use('fdatasync', () => attributes.sync(this.#descriptor, true));
  }

  chmod(mode: Mode): Promise<void> {
    return this.#descriptor.use('fchmod', () => attributes.chmod(this.#descriptor, mode));
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.#descriptor.use('fchown', () => attributes.chown(this.#descriptor, uid, gid));
  }

  utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    return this.#descriptor.use('futimes', () => attributes.utimes(this.#descriptor, atime, mtime));
  }

  /**
   * fallocate(2): blocks for `length` bytes from `offset` on, so that writing there cannot fail for want of space;
   * or, with `punchHole` or `zeroRange`, zeros in that range.
   */
  allocate(offset: number | bigint, length: number | bigint, options?: AllocateOptions): Promise<void> {
    return this.#descriptor.use('fallocate', () => allocate(this.#descriptor, offset, length, options));
  }

  /** posix_fadvise(2): what the program is about to do with `length` bytes (0: all) from `offset` on. */
  advise(offset: number | bigint, length: number | bigint, advice: Advice): Promise<void> {
    return this.#descriptor.use('fadvise', () => advise(this.#descriptor, offset, length, advice));
  }

  /**
   * Closes the file when the operations in flight are done. Called again, it gives the same promise, and once the
   * file is closed a resolved one. An own property, as in Node: it may be passed on without its File.
   */
  close = (): Promise<void> => {
    const descriptor = this.#descriptor;
    const isFirst = descriptor.fd !== -1 && !descriptor.isClosing;
    const closed = descriptor.close();
    if (isFirst) {
      closedByHand(descriptor);
      this.emit('close');
    }
    return closed;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [inspect.custom](_depth: number, options: object): string {
    const { fd, alignment } = this;
    return `File ${inspect(alignment ? { fd, alignment } : { fd }, options)}`;
  }
}
