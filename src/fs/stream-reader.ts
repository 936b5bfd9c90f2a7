// The `read` and `close` of one ReadStream. What is in memory is read inside the call, as long as the turn has time for
// it: a trip to a worker and back takes longer than the copy. While the disk is what is waited for, the chunks of a
// regular file are read ahead of it (src/file/read-ahead.ts).
//
// Node's stream hands in memory for each chunk and takes what the callback brings: of a chunk that was read ahead that is
// the memory it was read into, and the other is never touched.
import process from 'node:process';
import { OP } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import { setImmediate } from '../abi/timers.js';
import { mayAnswerNow, readNow } from '../file/inline.js';
import { type Chunk, ReadAhead } from '../file/read-ahead.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { PENDING, transfer } from '../ring/transfer.js';
import { ringCallbacks } from './callback-functions.js';
import { type Callback, Delivery } from './deliver.js';
import { ringOrNull } from './engine.js';

/** What counts here of the options of createReadStream, still unchecked. */
export interface ReadOptions {
  readonly fd?: unknown;
  readonly start?: unknown;
  readonly end?: unknown;
  readonly autoClose?: unknown;
}

/** The functions to fall back on. */
interface Operations {
  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: (...results: never[]) => void,
  ): void;
  close(fd: number, callback: (error?: Error | null) => void): void;
}

export class StreamReader {
  readonly #operations: Operations;
  readonly #end: number;
  /**
   * Where the stream is, when it reads at the file's own position and nobody else will ever see that: it has opened the
   * file itself, and will close it.
   */
  #position: number | undefined;
  #ahead: ReadAhead | null | undefined;

  constructor(operations: object, { fd, start, end, autoClose }: ReadOptions) {
    this.#operations = operations as Operations;
    this.#end = typeof end === 'number' ? end + 1 : Number.POSITIVE_INFINITY;
    const isOwn = (fd === undefined || fd === null) && autoClose !== false;
    this.#position = isOwn && (start === undefined || start === null) ? 0 : undefined;
  }

  /** As `fs.read`, with the arguments that ReadStream gives it. */
  readonly read = (
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: Callback,
  ): void => {
    const at = position ?? this.#position;
    const isOurs = (this.#operations.read as unknown) === ringCallbacks.read;
    const ring = at === undefined || !isOurs ? null : ringOrNull();
    const ahead = ring && this.#aheadOf(ring, fd);
    if (!ahead) {
      this.#operations.read(fd, buffer, offset, length, position, callback);
      return;
    }
    const chunk = ahead.take(at!, length);
    const again = () => this.#readNow(ring!, ahead, fd, buffer, offset, length, at!, callback);
    if (chunk === undefined) {
      again();
      return;
    }
    if (chunk.result === undefined) ahead.readOn(at! + length, length);
    if (chunk.result === length && mayAnswerNow(ring!)) {
      this.#advance(at!, length);
      process.nextTick(callback, null, length, chunk.buffer);
    } else this.#await(ring!, chunk, again, callback);
  };

  #aheadOf(ring: Ring, fd: number): ReadAhead | null {
    if (this.#ahead === undefined) {
      const flags = native().statusFlags(fd);
      this.#ahead = flags < 0 ? null : ReadAhead.of(coreOf(ring), fd, flags, this.#end);
    }
    return this.#ahead;
  }

  #readNow(
    ring: Ring,
    ahead: ReadAhead,
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    at: number,
    callback: Callback,
  ): void {
    const core = coreOf(ring);
    // Whatever keeps it from being read is met again, and told, by the plain function.
    const plainly = () => this.#operations.read(fd, buffer, offset, length, at, callback as never);
    if (!mayAnswerNow(ring)) {
      setImmediate(() => this.#readNow(ring, ahead, fd, buffer, offset, length, at, callback));
      return;
    }
    // First without the ring, for which the memory of each chunk would have to be borrowed and given back.
    let result = readNow(ring, fd, buffer, offset, length, at);
    if (result < 0) result = transfer(core, OP.READ, fd, buffer, offset, length, at);
    if (result >= 0) {
      this.#advance(at, result);
      process.nextTick(callback, null, result, buffer);
      return;
    }
    if (result !== PENDING) {
      plainly();
      return;
    }
    const id = core.pendingId;
    let answer: number;
    const delivery = new Delivery(ring, () => {
      if (answer < 0) {
        plainly();
        return;
      }
      this.#advance(at, answer);
      callback(null, answer, buffer);
    });
    delivery.begin();
    core.onDone(id, (result) => {
      answer = result;
      delivery.deliver([]);
    });
    core.flush();
    if (!core.isComplete(id)) ahead.readOn(at + length, length);
  }

  /** Nothing but a whole chunk counts: the end of the file, or an error, is found out by reading again. */
  #await(ring: Ring, chunk: Chunk, again: () => void, callback: Callback): void {
    const { buffer, position } = chunk;
    const delivery = new Delivery(ring, () => {
      if (chunk.result !== buffer.byteLength) {
        again();
        return;
      }
      this.#advance(position, buffer.byteLength);
      callback(null, buffer.byteLength, buffer);
    });
    delivery.begin();
    if (chunk.result === undefined) chunk.done = () => delivery.deliver([]);
    else delivery.deliver([]);
  }

  #advance(at: number, bytes: number): void {
    if (this.#position !== undefined) this.#position = at + bytes;
  }

  /** As `fs.close`, when nothing is being read any more. */
  readonly close = (fd: number, callback: (error?: Error | null) => void): void => {
    if (!this.#ahead) this.#operations.close(fd, callback);
    else this.#ahead.end(() => this.#operations.close(fd, callback));
  };
}
