// Reading ahead for a stream: while one chunk of a regular file is made use of, workers read the next ones. Copying
// them, and making their memory present, is most of what a stream of cached data costs, and it is done beside the
// program then.
//
// Only whole chunks inside what the file's size was are read ahead. The end of the file, a file that grows or shrinks,
// and everything that goes wrong is left to the read that asks for it.
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { cancel } from '../ring/control.js';
import type { RingCore } from '../ring/core.js';
import { ignore } from '../ring/slots.js';
import { STATX, statxInMemory } from './statx.js';

/** Bytes of all chunks ahead of the reader; two of them at least half of the time. */
const AHEAD_BYTES = 256 * 1024;
/** Smaller chunks are not worth a worker's while. */
const CHUNK_BYTES_MIN = 32 * 1024;

export interface Chunk {
  readonly position: number;
  readonly buffer: Buffer;
  id: number;
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
  #inFlight = 0;
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

  /** Reads on from `position` in chunks of `length` bytes, when less than half of what may be ahead is. */
  readOn(position: number, length: number): void {
    const chunks = this.#chunks;
    const most = Math.max(1, Math.floor(AHEAD_BYTES / length));
    if (length < CHUNK_BYTES_MIN || chunks.length > most >> 1) return;
    let next = chunks.length === 0 ? position : chunks[chunks.length - 1].position + length;
    while (chunks.length < most && next + length <= this.#end && this.#begin(next, length)) next += length;
  }

  /** False when the ring takes no more: whoever asks for the chunk will be told why. */
  #begin(position: number, length: number): boolean {
    const chunk: Chunk = {
      position,
      buffer: Buffer.allocUnsafeSlow(length),
      id: 0,
      result: undefined,
      done: ignore,
    };
    try {
      chunk.id = this.#core.readByWorker(this.#fd, chunk.buffer, 0, length, position, (result) => {
        this.#inFlight--;
        chunk.result = result;
        chunk.done(result);
        if (this.#inFlight === 0) this.#onIdle?.();
      });
    } catch {
      return false;
    }
    this.#inFlight++;
    this.#chunks.push(chunk);
    return true;
  }

  #drop(): void {
    for (const { id, result } of this.#chunks) if (result === undefined) cancel(this.#core, id, ignore);
    this.#chunks.length = 0;
  }

  /** Nothing is wanted any more. The descriptor may be closed when `done` is called. */
  end(done: () => void): void {
    this.#drop();
    if (this.#inFlight === 0) done();
    else this.#onIdle = done;
  }
}
