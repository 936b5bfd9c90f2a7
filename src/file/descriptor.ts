// An open file descriptor and who is using it. The number is given back to the kernel when the last user is done,
// never before: an operation in flight counts as a user, so its number cannot come to mean another file.
//
//   open ── close() ──► closing ── last user done ──► closed (fd = -1)
//
// Exactly like Node's FileHandle, `fd` stays valid while closing: a write stream may still flush what it holds.
import { FILE_WORD, FILE_WORDS, native } from '../abi/native.js';
import type { RingCore } from '../ring/core.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import type { Alignment } from './alignment.js';
import { appendsOnly, appendsSerially } from './append-order.js';
import { closeDescriptor } from './close.js';
import { fileClosedError, systemError } from './errors.js';
import { losesPosition } from './own-position.js';
import { LongWrites } from './sync-order.js';
import type { Position } from './transfer.js';

const facts = new Int32Array(FILE_WORDS);

export class Descriptor {
  readonly ring: Ring;
  /** the same ring, for transfers that must be fast */
  readonly core: RingCore;
  /** flags of open(2) */
  readonly flags: number;
  /** what O_DIRECT demands; null without O_DIRECT */
  readonly alignment: Alignment | null;
  /** readableWebStream() may be called once */
  locked = false;
  /** see append-order.ts: writes ignore their position … */
  readonly appendsOnly: boolean;
  /** … or wait for each other, the last one for this */
  readonly appendsSerially: boolean;
  appendTail: Promise<void> | undefined;
  /** see own-position.ts: the position, where it is kept here, and the last transfer at it is over with this */
  ownPosition: Position | undefined;
  positionTail: Promise<void> | undefined;

  /** see sync-order.ts: writes that the ring knows only part of */
  readonly longWrites = new LongWrites();

  #isStream: boolean | undefined;
  #tracksPosition: boolean | undefined;
  #fd: number;
  #users = 1; // the File itself
  #closing: Promise<void> | undefined;
  #onClosed: ((result: number) => void) | undefined;

  constructor(ring: Ring, fd: number, flags: number, alignment: Alignment | null) {
    this.ring = ring;
    this.core = coreOf(ring);
    if (fd >= 0) this.core.router.kinds.forget(fd); // the number may have meant another file
    this.#fd = fd;
    this.flags = flags;
    this.alignment = alignment;
    this.appendsOnly = appendsOnly(flags);
    this.appendsSerially = appendsSerially(flags);
  }

  /** -1 once closed */
  get fd(): number {
    return this.#fd;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * A pipe, socket or terminal: pread(2) answers ESPIPE there, and so does Node, where io_uring ignores the position
   * (io_kiocb_update_pos in io_uring/rw.c, Linux 6.18). Looked up by the first transfer with a position.
   */
  get isStream(): boolean {
    this.#isStream ??= native().describe(this.fd, facts.buffer) === 0 && facts[FILE_WORD.SEEKABLE] === 0;
    return this.#isStream;
  }

  /** Whether the own position is kept here; looked up by the first transfer at it. */
  get tracksPosition(): boolean {
    this.#tracksPosition ??=
      !this.appendsOnly && (this.alignment !== null || losesPosition(this.core, this.fd));
    return this.#tracksPosition;
  }

  /** One more user: the descriptor stays open until it calls `unref`. */
  ref(): void {
    this.#users++;
  }

  unref(): void {
    if (--this.#users === 0) this.#release();
  }

  /** Runs `operation` as a user. Rejects as Node does when the file is closed. */
  async use<T>(method: string, operation: () => Promise<T>): Promise<T> {
    if (this.fd === -1) throw fileClosedError(method);
    this.ref();
    try {
      return await operation();
    } finally {
      this.unref();
    }
  }

  /** Closes when the last user is done. Called again, returns the same promise; afterwards a resolved one. */
  close(): Promise<void> {
    if (this.fd === -1) return Promise.resolve();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const result = await new Promise<number>((resolve) => {
      this.#onClosed = resolve;
      this.unref();
    });
    this.#closing = undefined;
    if (result < 0) throw systemError(result, 'close');
  }

  #release(): void {
    const fd = this.#fd;
    const onClosed = this.#onClosed!;
    this.#fd = -1;
    closeDescriptor(this.ring, fd, this.flags, onClosed);
  }
}
