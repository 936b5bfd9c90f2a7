// The submission queue and the completion queue, as TypeScript sees them: plain memory, shared with the engine.
//
//      submission queue (64-byte entries)               completion queue (16-byte entries)
//
//      head              tail                            head              tail
//        │ engine reads → │ ← we write                     │ ← we read       │ ← engine writes
//   ┌────▼──┬───────┬─────▼─┬───────┐                 ┌────▼──┬───────┬──────▼┬───────┐
//   │ entry │ entry │       │       │                 │ entry │ entry │       │       │
//   └───────┴───────┴───────┴───────┘                 └───────┴───────┴───────┴───────┘
//   index = tail & mask                               index = head & mask
//
// Memory order (liburing src/queue.c, io_uring/io_uring.c of the kernel): entries are written before the tail is
// stored, the completion tail is loaded before entries are read, the head is stored after. Atomics give that;
// without SQPOLL the system call itself orders the submission side.
import { CQE_WORDS, ENTER, SQ, SQE_WORDS } from '../abi/io_uring.js';
import { CTL, type NativeQueues } from '../abi/native.js';

/** Where an engine put heads, tails and entries, in bytes from the start of the ring mapping, and its sizes. */
export interface QueueLayout {
  readonly sqEntries: number;
  readonly cqEntries: number;
  readonly sqHead: number;
  readonly sqTail: number;
  readonly sqFlags: number;
  readonly cqHead: number;
  readonly cqTail: number;
  readonly cqes: number;
  /** the engine has a thread of its own that reads submissions (IORING_SETUP_SQPOLL) */
  readonly polled: boolean;
}

export class Queues {
  readonly sqEntries: number;
  readonly cqEntries: number;
  /** submission entries as Int32 words; never leaves src/ring (it is a capability over the whole process) */
  readonly entries: Int32Array;
  readonly ring: Int32Array;
  readonly control: Int32Array;
  /** entries written and not handed over */
  prepared = 0;

  readonly #enter: () => void;
  readonly #polled: boolean;
  readonly #sqMask: number;
  readonly #cqMask: number;
  readonly #sqHeadWord: number;
  readonly #sqTailWord: number;
  readonly #sqFlagsWord: number;
  readonly #cqHeadWord: number;
  readonly #cqTailWord: number;
  readonly #cqesWord: number;
  #sqTail: number;
  #cqHead: number;

  constructor(native: NativeQueues, layout: QueueLayout) {
    this.entries = new Int32Array(native.sqes);
    this.ring = new Int32Array(native.ring);
    this.control = new Int32Array(native.control);
    this.#enter = native.enter;
    this.sqEntries = layout.sqEntries;
    this.cqEntries = layout.cqEntries;
    this.#polled = layout.polled;
    this.#sqMask = layout.sqEntries - 1;
    this.#cqMask = layout.cqEntries - 1;
    this.#sqHeadWord = layout.sqHead >> 2;
    this.#sqTailWord = layout.sqTail >> 2;
    this.#sqFlagsWord = layout.sqFlags >> 2;
    this.#cqHeadWord = layout.cqHead >> 2;
    this.#cqTailWord = layout.cqTail >> 2;
    this.#cqesWord = layout.cqes >> 2;
    this.#sqTail = Atomics.load(this.ring, this.#sqTailWord);
    this.#cqHead = Atomics.load(this.ring, this.#cqHeadWord);
  }

  /** Whether one more entry can be written. */
  get hasRoom(): boolean {
    if (!this.#polled) return this.prepared < this.sqEntries;
    return ((this.#sqTail - Atomics.load(this.ring, this.#sqHeadWord)) | 0) < this.sqEntries;
  }

  /** Takes the next submission entry: the index of its first word in `entries`. */
  next(): number {
    const word = (this.#sqTail & this.#sqMask) * SQE_WORDS;
    this.#sqTail = (this.#sqTail + 1) | 0;
    this.prepared++;
    return word;
  }

  /** Calls `visit` with the first word of every entry that is prepared. */
  forEachPrepared(visit: (word: number) => void): void {
    for (let i = this.prepared; i > 0; i--) visit(((this.#sqTail - i) & this.#sqMask) * SQE_WORDS);
  }

  /** The engine has finished work that it posts only inside `enter` (DEFER_TASKRUN, overflow). */
  get hasDeferredWork(): boolean {
    return (Atomics.load(this.ring, this.#sqFlagsWord) & (SQ.TASKRUN | SQ.CQ_OVERFLOW)) !== 0;
  }

  /**
   * Hands over everything prepared and waits for `minComplete` completions, at most `timeoutMs` (-1: no limit).
   *
   * @returns 0, or the -errno of io_uring_enter (then entries may remain prepared)
   */
  enter(minComplete: number, timeoutMs: number): number {
    const { control } = this;
    const count = this.prepared;
    let flags = minComplete > 0 || this.hasDeferredWork ? ENTER.GETEVENTS : 0;
    if (count > 0) Atomics.store(this.ring, this.#sqTailWord, this.#sqTail);
    if (this.#polled) {
      flags |= Atomics.load(this.ring, this.#sqFlagsWord) & SQ.NEED_WAKEUP ? ENTER.SQ_WAKEUP : 0;
    }
    control[CTL.TO_SUBMIT] = count;
    control[CTL.MIN_COMPLETE] = minComplete;
    control[CTL.FLAGS] = flags;
    if (minComplete > 0 && timeoutMs >= 0) {
      control[CTL.TIMEOUT_SEC] = Math.floor(timeoutMs / 1000);
      control[CTL.TIMEOUT_NSEC] = Math.floor((timeoutMs % 1000) * 1e6);
      control[CTL.TIMEOUT_SET] = 1;
    }
    this.#enter();
    const result = control[CTL.RESULT];
    if (result < 0) return result;
    this.prepared = count - result;
    return 0;
  }

  get completionsReady(): number {
    return (Atomics.load(this.ring, this.#cqTailWord) - this.#cqHead) | 0;
  }

  /** The index in `ring` of the first word of completion `i` of those that are ready. */
  completion(i: number): number {
    return this.#cqesWord + ((this.#cqHead + i) & this.#cqMask) * CQE_WORDS;
  }

  /** `count` completions have been read; their entries belong to the engine again. */
  consume(count: number): void {
    this.#cqHead = (this.#cqHead + count) | 0;
    Atomics.store(this.ring, this.#cqHeadWord, this.#cqHead);
    this.control[CTL.IN_FLIGHT] -= count;
  }

  /** Handed over and not read back. */
  get inKernel(): number {
    return this.control[CTL.IN_FLIGHT];
  }
}
