// Reading ahead for a stream: while the disk is what is waited for, workers read the next chunks of a regular file, and
// make the memory for them present. What is in the page cache is quicker read inside the call (src/fs/stream-reader.ts).
//
// Only whole chunks inside what the file's size was are read ahead. The end of the file, a file that grows or shrinks,
// and everything that goes wrong is left to the read that asks for it.
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { cancel } from '../ring/control.js';
import type { RingCore } from '../ring/core.js';
import { ignore } from '../ring/slots.js';
import { readvByWorker } from '../ring/transfer.js';
import { STATX, statxInMemory } from './statx.js';

/** Bytes of one request: several chunks for one trip to a worker and back. */
const REQUEST_BYTES = 256 * 1024;
/** Requests ahead of the reader: while the chunks of one are made use of, the next is on its way. */
const REQUESTS = 2;
/** Smaller chunks are not worth a worker's while. */
const CHUNK_BYTES_MIN = 32 * 1024;

export interface Chunk {
  readonly position: number;
  readonly buffer: Buffer;
  /** bytes or -errno, once it is over */
  result: number | undefined;
  /** runs then */
  done: (result: number) => void;
}

export class ReadAhead {
  readonly #core: RingCore;
  readonly #fd: number;
  /** no byte from here on is wanted */
  readonly #end: number;
  /** by position, without a gap */
  readonly #chunks: Chunk[] = [];
  /** numbers of the requests in flight */
  readonly #requests = new Set<number>();
  #onIdle: (() => void) | undefined;

  private constructor(core: RingCore, fd: number, end: number) {
    this.#core = core;
    this.#fd = fd;
    this.#end = end;
  }

  /**
   * Null for what cannot be read ahead: what is not a regular file, or goes past the page cache.
   *
   * @param end no byte from there on is wanted
   */
  static of(core: RingCore, fd: number, flags: number, end: number): ReadAhead | null {
    const fields = (flags & constants.O_DIRECT) === 0 ? statxInMemory(fd) : null;
    if (fields === null || (fields.getUint16(STATX.MODE, true) & constants.S_IFMT) !== constants.S_IFREG) {
      return null;
    }
    return new ReadAhead(core, fd, Math.min(end, Number(fields.getBigUint64(STATX.SIZE, true))));
  }

  /** The chunk of just these bytes, if it is being read or has been. Any other is not wanted any more. */
  take(position: number, length: number): Chunk | undefined {
    const first = this.#chunks[0];
    if (first?.position === position && first.buffer.byteLength === length) return this.#chunks.shift();
    this.#drop();
    return undefined;
  }

  /** Reads on from `position` in chunks of `length` bytes, unless enough is on its way. */
  readOn(position: number, length: number): void {
    if (length < CHUNK_BYTES_MIN || this.#requests.size >= REQUESTS) return;
    const chunks = this.#chunks;
    const atOnce = Math.max(1, Math.floor(REQUEST_BYTES / length));
    if (chunks.length > atOnce * (REQUESTS - 1)) return;
    const next = chunks.length === 0 ? position : chunks[chunks.length - 1].position + length;
    const count = Math.min(atOnce, Math.floor((this.#end - next) / length));
    if (count > 0) this.#begin(next, length, count);
  }

  #begin(position: number, length: number, count: number): void {
    const chunks = Array.from({ length: count }, (_, i): Chunk => {
      const buffer = Buffer.allocUnsafeSlow(length);
      return { position: position + i * length, buffer, result: undefined, done: ignore };
    });
    const buffers = chunks.map(({ buffer }) => buffer);
    let id: number;
    try {
      id = readvByWorker(this.#core, this.#fd, buffers, length * count, position, (result) => {
        this.#requests.delete(id);
        for (const [i, chunk] of chunks.entries()) {
          chunk.result = result < 0 ? result : Math.max(0, Math.min(length, result - i * length));
          chunk.done(chunk.result);
        }
        if (this.#requests.size === 0) this.#onIdle?.();
      });
    } catch {
      return; // the ring takes no more: whoever asks for the chunk will be told why
    }
    this.#requests.add(id);
    this.#chunks.push(...chunks);
  }

  #drop(): void {
    for (const id of this.#requests) cancel(this.#core, id, ignore);
    this.#chunks.length = 0;
  }

  /** Nothing is wanted any more. The descriptor may be closed when `done` is called. */
  end(done: () => void): void {
    this.#drop();
    if (this.#requests.size === 0) done();
    else this.#onIdle = done;
  }
}
