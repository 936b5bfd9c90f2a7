// An engine whose completions come when the test says so: in any order, twice, late, for nobody, with any result.
//
// It keeps io_uring's contract over plain memory, laid out as the kernel does it: entries are taken over inside
// `enter`, completions that find no room are kept and posted later (IORING_FEAT_NODROP), and with `deferred` they are
// posted only inside an `enter` that asks for them, 20 at a time (IORING_SETUP_DEFER_TASKRUN since Linux 6.13).
// RingCore cannot tell the difference, so every race between it and the kernel can be put into words.
import assert from 'node:assert/strict';
import { Ring } from 'linux-aio';
import type { Engine } from '../../dist/ring/engine.js';
import { CTL, engines, ioUring, memory, native, SQE_OWN_DESCRIPTOR } from '../support/internals.js';

const { OP, SQ, ENTER, SQE_WORD, SQE_WORDS, CQE_WORDS, CQE_WORD } = ioUring;
const { Queues, RingCore } = engines;

/** Bytes from the start of the ring memory: what is where. */
const LAYOUT = { sqHead: 0, sqTail: 64, sqFlags: 128, cqHead: 192, cqTail: 256, cqes: 320 };
const POSTED_PER_ENTER = 20;
const ETIME = -62;

/** A submission entry that the engine has taken over. */
export interface Taken {
  readonly op: number;
  readonly fd: number;
  /** the descriptor is the entry's own (SQE_OWN_DESCRIPTOR) */
  readonly isOwn: boolean;
  readonly offset: number;
  /** the lower halves of address and user_data, and the generation */
  readonly address: number;
  readonly target: number;
  readonly targetGeneration: number;
  readonly length: number;
  readonly slot: number;
  readonly generation: number;
}

export interface FakeOptions {
  sqEntries?: number;
  cqEntries?: number;
  /** completions are posted only inside an enter with GETEVENTS */
  deferred?: boolean;
  /** descriptors are looked up inside enter, as io_uring does it */
  resolvesDescriptorsAtSubmit?: boolean;
  /** the descriptors that are an entry's own it closes, as the pool does */
  closesOwnDescriptors?: boolean;
}

export class FakeEngine implements Engine {
  readonly name = 'io_uring';
  readonly operations: ReadonlySet<number> = new Set(Object.values(OP));
  readonly resolvesDescriptorsAtSubmit: boolean;
  readonly closesOwnDescriptors: boolean;
  readonly announcesCompletions = true;
  readonly handle = {};
  readonly register = null;
  readonly queues: InstanceType<typeof Queues>;
  /** what it has and has not completed, oldest first */
  readonly taken: Taken[] = [];
  /** called by every enter, after it has taken entries over: a test completes things here */
  onEnter: (minComplete: number) => void = () => {};
  /** what the next calls of enter answer: -errno, or how many entries they take at most */
  readonly answers: number[] = [];
  /** completions that never found the queue full */
  closed = false;
  enters = 0;
  overflows = 0;
  onWake: () => void = () => {};

  readonly #ring: Int32Array;
  readonly #sqes: Int32Array;
  readonly #control: Int32Array;
  readonly #sqEntries: number;
  readonly #cqEntries: number;
  readonly #deferred: boolean;
  /** completed, and not in the completion queue */
  readonly #kept: { slot: number; generation: number; result: number }[] = [];

  constructor(options: FakeOptions = {}) {
    const { sqEntries = 8, cqEntries = 64, deferred = true } = options;
    const { resolvesDescriptorsAtSubmit = true, closesOwnDescriptors = false } = options;
    this.#sqEntries = sqEntries;
    this.#cqEntries = cqEntries;
    this.#deferred = deferred;
    this.resolvesDescriptorsAtSubmit = resolvesDescriptorsAtSubmit;
    this.closesOwnDescriptors = closesOwnDescriptors;
    const ring = new ArrayBuffer(LAYOUT.cqes + cqEntries * CQE_WORDS * 4);
    const sqes = new ArrayBuffer(sqEntries * SQE_WORDS * 4);
    const control = new ArrayBuffer(4096);
    this.#ring = new Int32Array(ring);
    this.#sqes = new Int32Array(sqes);
    this.#control = new Int32Array(control);
    const native = { ring, sqes, control, handle: {}, enter: () => this.#enter() };
    this.queues = new Queues(native, { ...LAYOUT, sqEntries, cqEntries, polled: false });
  }

  syncReference(): void {}

  close(): void {
    assert.equal(this.taken.length, 0, 'the ring is freed while the engine still works for it');
    this.closed = true;
  }

  #word(offset: number): number {
    return offset >> 2;
  }

  #enter(): void {
    const control = this.#control;
    this.enters++;
    control[CTL.SYSTEM_CALLS]++;
    const limited = control[CTL.TIMEOUT_SET] === 1;
    control[CTL.TIMEOUT_SET] = 0;
    const answer = this.answers.shift() ?? Number.POSITIVE_INFINITY;
    if (answer < 0) {
      control[CTL.RESULT] = answer;
      return;
    }
    const count = Math.min(control[CTL.TO_SUBMIT], answer);
    for (let i = 0; i < count; i++) this.#take();
    control[CTL.IN_FLIGHT] += count;
    control[CTL.RESULT] = count;
    const wanted = control[CTL.MIN_COMPLETE];
    this.onEnter(wanted);
    if (control[CTL.FLAGS] & ENTER.GETEVENTS) this.post(wanted);
    if (count === 0 && wanted > this.#ready) {
      assert.ok(
        limited || this.#ready > 0,
        'the thread blocks for ever: nothing completes, and there is no limit',
      );
      if (limited) control[CTL.RESULT] = ETIME;
    }
  }

  #take(): void {
    const head = this.#ring[this.#word(LAYOUT.sqHead)];
    const w = (head & (this.#sqEntries - 1)) * SQE_WORDS;
    const words = this.#sqes;
    this.#ring[this.#word(LAYOUT.sqHead)] = (head + 1) | 0;
    this.taken.push({
      op: words[w + SQE_WORD.OP_FLAGS] & 0xff,
      isOwn: ((words[w + SQE_WORD.OP_FLAGS] >> 8) & SQE_OWN_DESCRIPTOR) !== 0,
      fd: words[w + SQE_WORD.FD],
      offset: words[w + SQE_WORD.OFF_LO],
      address: words[w + SQE_WORD.ADDR_LO],
      target: words[w + SQE_WORD.ADDR_LO],
      targetGeneration: words[w + SQE_WORD.ADDR_HI],
      length: words[w + SQE_WORD.LEN],
      slot: words[w + SQE_WORD.USER_LO],
      generation: words[w + SQE_WORD.USER_HI],
    });
    words.fill(-1, w, w + SQE_WORDS); // the entry is the ring's again: whoever still reads it reads nonsense
  }

  get #ready(): number {
    const ring = this.#ring;
    return (ring[this.#word(LAYOUT.cqTail)] - ring[this.#word(LAYOUT.cqHead)]) | 0;
  }

  /** The request is over. It stays invisible until `post`, which happens at once without `deferred`. */
  complete(entry: Taken, result: number): void {
    const index = this.taken.indexOf(entry);
    assert.ok(index >= 0, 'completed twice by the test: say `repeat`');
    this.taken.splice(index, 1);
    if (entry.isOwn) native().closeDescriptor(entry.fd);
    this.#keep(entry.slot, entry.generation, result);
  }

  /** A completion that the kernel owes nobody: a repetition, a late one, one that names no request. */
  forge(slot: number, generation: number, result = 0): void {
    this.#control[CTL.IN_FLIGHT]++; // as if it had been handed over, so that the count stays right
    this.#keep(slot, generation, result);
  }

  #keep(slot: number, generation: number, result: number): void {
    this.#kept.push({ slot, generation, result });
    if (this.#deferred) this.#setFlags();
    else this.post();
  }

  /** Posts what there is room for; with `deferred` no more than the kernel does at a time. */
  post(wanted = 0): void {
    const ring = this.#ring;
    const limit = this.#deferred ? Math.max(POSTED_PER_ENTER, wanted) : Number.POSITIVE_INFINITY;
    for (let n = 0; n < limit && this.#kept.length > 0; n++) {
      if (this.#ready === this.#cqEntries) {
        this.overflows++;
        break;
      }
      const { slot, generation, result } = this.#kept.shift()!;
      const tail = ring[this.#word(LAYOUT.cqTail)];
      const c = this.#word(LAYOUT.cqes) + (tail & (this.#cqEntries - 1)) * CQE_WORDS;
      ring[c + CQE_WORD.USER_LO] = slot;
      ring[c + CQE_WORD.USER_HI] = generation;
      ring[c + CQE_WORD.RES] = result;
      ring[this.#word(LAYOUT.cqTail)] = (tail + 1) | 0;
    }
    this.#setFlags();
  }

  #setFlags(): void {
    let flags = 0;
    if (this.#kept.length > 0) flags = this.#ready === this.#cqEntries ? SQ.CQ_OVERFLOW : 0;
    if (this.#kept.length > 0 && this.#deferred) flags |= SQ.TASKRUN;
    this.#ring[this.#word(LAYOUT.sqFlags)] = flags;
  }

  /** The event loop is woken by the eventfd, as in native/queues.c: another turn, and what is finished is posted. */
  wake(): void {
    this.#control[CTL.TURN]++;
    this.#control[CTL.WAKEUPS]++;
    while (this.#kept.length > 0 && this.#ready < this.#cqEntries) this.post();
    this.onWake();
  }

  /** Whether the kernel would have woken the event loop: there is something to read or to post. */
  get hasNews(): boolean {
    return this.#kept.length > 0 || this.#ready > 0;
  }

  /** The entry that it has taken over for a request, by the number the ring gave it. */
  find(id: number): Taken | undefined {
    return this.taken.find((entry) => (entry.generation + 1) * 2 ** 24 + entry.slot === id);
  }

  /** The entry that a cancellation is about, if the engine still has it. */
  targetOf(cancel: Taken): Taken | undefined {
    return this.taken.find((e) => e.slot === cancel.target && e.generation === cancel.targetGeneration);
  }
}

/** A ring in front of it. */
export function fakeRing(options?: FakeOptions): {
  ring: Ring;
  engine: FakeEngine;
  core: InstanceType<typeof RingCore>;
} {
  memory.requirePinning();
  const engine = new FakeEngine(options);
  const core = new RingCore(engine);
  engine.onWake = core.onWake;
  const ring = new (Ring as unknown as new (core: unknown) => Ring)(core);
  return { ring, engine, core };
}
