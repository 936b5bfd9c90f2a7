// A model of the ring, and random programs that compare the two, on an engine that the program controls (fake-engine.ts).
//
// The model knows of each request what it was, which file it meant, whether it was cancelled and what the engine
// answered. Whatever the order of calls, completions, turns, refusals and repetitions, it demands:
//
//   - each callback runs once, not inside the call that made the request, with what the engine answered (EINTR for an
//     ECANCELED that nobody has asked for), or ECANCELED if the engine never had the request and it was cancelled or the
//     ring closed
//   - requests at a descriptor's own position are with the engine one at a time per direction, in call order
//   - an fsync is handed over when the writes called before it on its file have completed, not before
//   - the descriptor that the engine gets is the file that the caller meant, for as long as it may look it up
//   - a completion that the engine owes nobody reaches nobody, and is counted
//   - the count of requests in flight is right after every step; at the end nothing is left: no slot, no descriptor
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Ring } from 'linux-aio';
import { ioUring } from '../support/internals.js';
import { errno } from '../support/ring.js';
import { openDescriptors } from '../support/temp.js';
import { type FakeEngine, fakeRing, type Taken } from './fake-engine.js';
import type { Counts, Part, Trial } from './part.js';

const { OP } = ioUring;

/** What a program is made of; numbers are taken modulo what there is to choose from. */
type Step =
  | { do: 'transfer'; write: boolean; file: number; own: boolean; then: Then }
  | { do: 'fsync'; file: number; then: Then }
  | { do: 'nop' | 'timeout'; then: Then }
  | { do: 'cancel'; which: number }
  | { do: 'complete'; which: number; result: number }
  | { do: 'repeat'; which: number }
  | { do: 'forge'; slot: number; generation: number }
  | { do: 'refuse'; answer: number }
  | { do: 'wait'; min: number }
  | { do: 'reopen'; file: number }
  | { do: 'flush' | 'wake' | 'microtask' | 'turn' | 'close' | 'dispose' };
/** What a callback does, besides noting its result. */
type Then = 'nothing' | 'nop' | 'cancel' | 'wait' | 'close';

const then = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Then>('nothing') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Then>(
      'nop',
      'nop',
      'nop',
      'cancel',
      'cancel',
      'cancel',
      'wait',
      'wait',
      'close',
    ),
  },
);
const which = fc.nat(1000);
const file = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 50,
    arbitrary: fc.record({
      do: fc.constant('transfer' as const),
      write: fc.boolean(),
      file,
      own: fc.boolean(),
      then,
    }),
  },
  { weight: 15, arbitrary: fc.record({ do: fc.constant('fsync' as const), file, then }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('nop' as const, 'timeout' as const), then }) },
  { weight: 15, arbitrary: fc.record({ do: fc.constant('cancel' as const), which }) },
  {
    weight: 45,
    arbitrary: fc.record({
      do: fc.constant('complete' as const),
      which,
      result: fc.constantFrom(0, 1, 4096, errno['EINTR'], errno['EAGAIN'], -5, -512, errno['ECANCELED']),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('repeat' as const), which }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('forge' as const),
      slot: fc.constantFrom(0, 1, 5, 1023, 1024, 2 ** 24, 2 ** 31 - 1, -1, -(2 ** 31)),
      generation: fc.constantFrom(7_000_000, -1, 2 ** 31 - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('refuse' as const),
      answer: fc.constantFrom(errno['EAGAIN'], -16, errno['EINTR'], 0, 1, 3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), min: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('reopen' as const), file }) },
  {
    weight: 45,
    arbitrary: fc.record({
      do: fc.constantFrom('flush', 'wake', 'wake', 'microtask', 'turn'),
    }) as fc.Arbitrary<Step>,
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close', 'dispose') }) as fc.Arbitrary<Step> },
);

export const program = fc.record({
  options: fc.record({
    sqEntries: fc.constantFrom(8, 16),
    cqEntries: fc.constantFrom(16, 64),
    deferred: fc.boolean(),
    resolvesDescriptorsAtSubmit: fc.boolean(),
    closesOwnDescriptors: fc.boolean(),
  }),
  steps: fc.array(step, { maxLength: 200, size: 'max' }),
});
export type Program = typeof program extends fc.Arbitrary<infer P> ? P : never;

interface Made {
  readonly kind: 'read' | 'write' | 'fsync' | 'other' | 'cancel';
  readonly number: number;
  /** the file that it meant, and which opening of it */
  readonly inode: bigint;
  readonly opening: number;
  readonly file: number;
  readonly own: boolean;
  /** the step at which the turn of its call began */
  readonly turn: number;
  id: number;
  /** of a cancellation: the number of what is to be cancelled */
  target: number;
  entry: Taken | null;
  /** what the engine answered */
  answer: number | null;
  cancelled: boolean;
  cancels: number;
  delivered: number | null;
}

const NO_FILE = -1;
const BUFFER = Buffer.alloc(64);

/** One run of one program. */
class Run {
  readonly ring: Ring;
  readonly engine: FakeEngine;
  readonly requests: Made[] = [];
  readonly #core: ReturnType<typeof fakeRing>['core'];
  readonly #paths: string[];
  readonly #fds: number[];
  /** per descriptor, the step of its last reopening */
  readonly #reopened = [-1, -1];
  readonly #options: Program['options'];
  readonly #descriptorsBefore: number;
  /** entries that have been looked at */
  readonly #known = new Set<Taken>();
  /** by the number of the request that is to be cancelled: all that the engine has answered */
  readonly #cancelAnswers = new Map<number, Set<number>>();
  #openings = 0;
  readonly #openingOf = [0, 0];
  #calling = false;
  #step = 0;
  #turn = 0;
  #stale = 0;
  #closing: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(directory: string, options: Program['options']) {
    this.#descriptorsBefore = openDescriptors();
    this.#options = options;
    const { ring, engine, core } = fakeRing(options);
    this.ring = ring;
    this.engine = engine;
    this.#core = core;
    this.#paths = Array.from({ length: 8 }, (_, i) => join(directory, `file-${i}`));
    this.#fds = [0, 1].map((file) => this.#open(file));
    engine.onEnter = () => this.#noteTaken();
  }

  #open(file: number): number {
    this.#openingOf[file] = this.#openings;
    return fs.openSync(this.#paths[this.#openings++ % this.#paths.length], 'w+');
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────────

  #request(
    kind: Made['kind'],
    file: number,
    own: boolean,
    what: Then,
    start: (done: (n: number) => void) => number,
    target = 0,
  ): void {
    const inode = file === NO_FILE ? 0n : fs.fstatSync(this.#fds[file], { bigint: true }).ino;
    const made: Made = {
      kind,
      number: this.requests.length,
      inode,
      opening: file === NO_FILE ? 0 : this.#openingOf[file],
      file,
      own,
      turn: this.#turn,
      id: 0,
      target,
      entry: null,
      answer: null,
      cancelled: false,
      cancels: 0,
      delivered: null,
    };
    this.requests.push(made);
    const outer = this.#calling;
    this.#calling = true;
    try {
      made.id = start((result) => this.#deliver(made, result, what));
      this.#noteTaken();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_USE_AFTER_CLOSE') throw error;
      assert.ok(this.#closing !== null, 'refused, though nobody has closed the ring');
      this.requests.pop();
    } finally {
      this.#calling = outer;
    }
  }

  /** A failed assertion in a callback would be an uncaught exception; it belongs to the step instead. */
  #deliver(made: Made, result: number, what: Then): void {
    try {
      this.#checkDelivery(made, result);
      this.#react(what);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #checkDelivery(made: Made, result: number): void {
    assert.ok(!this.#calling, `the callback of ${name(made)} ran inside a call that makes a request`);
    assert.equal(made.delivered, null, `${name(made)} was delivered twice`);
    made.delivered = result;
    if (made.entry !== null && made.kind === 'cancel') {
      // While it closes, the ring makes cancellations of its own, and of two for one request no entry says whose it is.
      const isOne = this.#cancelAnswers.get(made.target)?.has(result) === true;
      assert.ok(isOne, `${name(made)} got ${result}, which the engine has not answered`);
    } else if (made.entry !== null) {
      assert.notEqual(made.answer, null, `${name(made)} was delivered before the engine had completed it`);
      const isUnasked = made.answer === errno['ECANCELED'] && made.cancels === 0 && this.#closing === null;
      const mayBeUnasked = made.answer === errno['ECANCELED'] && result === errno['EINTR'];
      const expected = isUnasked ? errno['EINTR'] : made.answer;
      assert.ok(
        result === expected || mayBeUnasked,
        `${name(made)} got ${result}, another result than its own`,
      );
    } else if (made.kind === 'cancel') {
      const target = this.requests.find((r) => r.id === made.target)!;
      const isTakenBack = target.entry === null && target.delivered !== 0;
      if (result === 0)
        assert.ok(isTakenBack, `${name(target)} was not taken back, the cancellation says so`);
      else {
        assert.equal(result, errno['ENOENT'], `a cancellation in user space answered ${result}`);
        const isOver =
          target.entry !== null || target.delivered !== null || target.cancels > 1 || this.#closing !== null;
        assert.ok(isOver || this.#wasReopened(target), `${name(target)} could have been taken back`);
      }
    } else if (result === errno['EBADF']) {
      assert.ok(this.#wasReopened(made), `${name(made)} got EBADF, and nobody has closed its descriptor`);
    } else {
      assert.equal(result, errno['ECANCELED'], `${name(made)} never reached the engine`);
      assert.ok(made.cancelled || this.#closing !== null, `nobody has cancelled ${name(made)}`);
    }
  }

  #react(what: Then): void {
    if (what === 'nop') this.#request('other', NO_FILE, false, 'nothing', (done) => this.ring.nop(done));
    if (what === 'cancel') this.#cancel(this.requests.length >> 1);
    if (what === 'wait') this.#wait(1);
    if (what === 'close') this.#close();
  }

  #wasReopened(made: Made): boolean {
    return made.file !== NO_FILE && this.#reopened[made.file] >= made.turn;
  }

  #cancel(index: number): void {
    const target = this.requests[index % Math.max(1, this.requests.length)];
    if (target === undefined || target.kind === 'cancel' || target.id === 0) return;
    if (this.#closing !== null && this.ring.closed) return;
    const before = this.ring.inFlight;
    if (target.entry === null) target.cancelled = true;
    target.cancels++;
    this.#request(
      'cancel',
      NO_FILE,
      false,
      'nothing',
      (done) => {
        this.ring.cancel(target.id, done);
        return 0;
      },
      target.id,
    );
    assert.ok(this.ring.inFlight >= before, 'a cancellation is a request of its own');
  }

  // ── the engine's side ──────────────────────────────────────────────────────────────────────────────────────

  /** Looks at what the engine has taken over since the last time. */
  #noteTaken(): void {
    const byId = new Map(this.requests.filter((r) => r.entry === null && r.id > 0).map((r) => [r.id, r]));
    for (const entry of this.engine.taken) {
      const id = (entry.generation + 1) * 2 ** 24 + entry.slot;
      if (this.#known.has(entry)) continue;
      const made =
        byId.get(id) ?? this.requests.find((r) => r.id === 0 && r.entry === null && isSame(r, entry));
      this.#known.add(entry);
      if (made === undefined) continue; // a cancellation of the ring's own, while it closes
      if (made.kind !== 'cancel' && made.id === 0) made.id = id; // inside the call that makes it
      made.entry = entry;
      assert.equal(made.delivered, null, `${name(made)} was handed over after it was delivered`);
      this.#checkFile(made);
      this.#checkOrder(made);
    }
  }

  /** The descriptor that the engine looks up now is the file that was meant. */
  #checkFile(made: Made): void {
    if (made.file === NO_FILE || made.entry!.fd === -1) return;
    const { ino } = fs.fstatSync(made.entry!.fd, { bigint: true });
    assert.equal(ino, made.inode, `${name(made)} reached another file`);
  }

  #checkOrder(made: Made): void {
    const earlier = this.requests.filter(
      (r) => r.number < made.number && r.opening === made.opening && r.file === made.file,
    );
    if (made.own) {
      const lane = earlier.filter((r) => r.own && r.kind === made.kind && r.delivered === null);
      for (const other of lane) {
        assert.ok(
          other.entry === null ? other.cancelled : other.answer !== null,
          `${name(made)} overtook ${name(other)}`,
        );
      }
    }
    if (made.kind === 'fsync') {
      for (const write of earlier.filter((r) => r.kind === 'write' && r.delivered === null)) {
        assert.ok(
          write.answer !== null || write.cancelled,
          `${name(made)} was handed over before ${name(write)} had completed`,
        );
      }
    }
  }

  #complete(entry: Taken, result: number): void {
    this.#noteTaken();
    const made = this.requests.find((r) => r.entry === entry);
    if (entry.op === OP.ASYNC_CANCEL) {
      this.#answerCancel(entry, made, result);
      return;
    }
    if (made !== undefined) {
      // Until now a worker of the kernel may have looked the descriptor up.
      const late = !this.#options.resolvesDescriptorsAtSubmit || made.kind === 'fsync';
      if (late) this.#checkFile(made);
      if (made.entry!.fd === -1 && made.file !== NO_FILE) result = errno['EBADF'];
      made.answer = result;
    }
    this.engine.complete(entry, result);
  }

  /** Found: then its target ends with ECANCELED. Running: it will end by itself. Or it is over. */
  #answerCancel(entry: Taken, made: Made | undefined, result: number): void {
    const target = this.engine.targetOf(entry);
    let answer = errno['ENOENT'];
    if (target !== undefined) answer = result % 2 === 0 ? 0 : errno['EALREADY'];
    if (made) made.answer = answer;
    const id = (entry.targetGeneration + 1) * 2 ** 24 + entry.target;
    this.#cancelAnswers.set(id, (this.#cancelAnswers.get(id) ?? new Set()).add(answer));
    this.engine.complete(entry, answer);
    if (answer === 0) this.#complete(target!, errno['ECANCELED']);
  }

  // ── steps ──────────────────────────────────────────────────────────────────────────────────────────────────

  async step(step: Step): Promise<void> {
    this.#step++;
    if (this.ring.closed && !['microtask', 'turn', 'wake', 'close', 'dispose'].includes(step.do)) return;
    switch (step.do) {
      case 'transfer': {
        const fd = this.#fds[step.file];
        const position = step.own ? -1 : 0;
        this.#request(step.write ? 'write' : 'read', step.file, step.own, step.then, (done) =>
          step.write
            ? this.ring.write(fd, BUFFER, position, done)
            : this.ring.read(fd, BUFFER, position, done),
        );
        break;
      }
      case 'fsync':
        this.#request('fsync', step.file, false, step.then, (done) =>
          this.ring.fsync(this.#fds[step.file], true, done),
        );
        break;
      case 'nop':
        this.#request('other', NO_FILE, false, step.then, (done) => this.ring.nop(done));
        break;
      case 'timeout':
        this.#request('other', NO_FILE, false, step.then, (done) => this.ring.timeout(1000, done));
        break;
      case 'cancel':
        this.#cancel(step.which);
        break;
      case 'complete':
        if (this.engine.taken.length > 0)
          this.#complete(this.engine.taken[step.which % this.engine.taken.length], step.result);
        break;
      case 'repeat': {
        // Of a request that is over, or whose only completion is under way, or that waits in user space: not of one whose
        // entry stands in the submission queue, for which the engine alone could know that it has not had it yet.
        const noneIsPrepared = this.engine.queues.prepared === 0;
        const others = this.requests.filter(
          (r) => r.id > 0 && (r.answer !== null || (r.entry === null && noneIsPrepared)),
        );
        if (others.length > 0) {
          const { id } = others[step.which % others.length];
          this.#stale++;
          this.engine.forge(id % 2 ** 24, Math.floor(id / 2 ** 24) - 1, 1);
        }
        break;
      }
      case 'forge':
        this.#stale++;
        this.engine.forge(step.slot, step.generation);
        break;
      case 'refuse':
        this.engine.answers.push(step.answer);
        break;
      case 'wait':
        this.#wait(step.min);
        break;
      case 'reopen':
        this.#reopen(step.file);
        break;
      case 'flush':
        if (!this.ring.closed) this.ring.flush();
        break;
      case 'wake':
        if (this.engine.hasNews) this.engine.wake();
        break;
      case 'microtask':
        await null;
        break;
      case 'turn':
        await this.#nextTurn();
        break;
      case 'close':
        this.#close();
        break;
      case 'dispose':
        this.#dispose();
        break;
    }
    this.#noteTaken();
    this.#checkFailure();
    this.#checkCount();
  }

  #checkFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #nextTurn(): Promise<void> {
    await nextTurn();
    this.#turn = this.#step;
    if (this.engine.hasNews && !this.ring.closed) this.engine.wake();
  }

  /** Blocks; meanwhile the engine completes what it has, one at a time. */
  #wait(min: number): void {
    if (this.ring.closed) return;
    const before = this.engine.onEnter;
    const calling = this.#calling;
    this.engine.onEnter = (wanted) => {
      this.#noteTaken();
      for (let i = 0; i < wanted && this.engine.taken.length > 0; i++)
        this.#complete(this.engine.taken[0], 2);
    };
    this.#calling = false; // callbacks run inside `wait`
    this.ring.wait(min, 20);
    this.#calling = calling;
    this.engine.onEnter = before;
  }

  #reopen(index: number): void {
    const fd = this.#fds[index];
    fs.closeSync(fd);
    const again = this.#open(index);
    if (again !== fd) {
      // Somebody has a lower number free, or took this one; the program then has another descriptor.
      this.#fds[index] = again;
    }
    this.#reopened[index] = this.#step;
  }

  #close(): void {
    this.#closing ??= Promise.resolve();
    const closing = this.ring.close();
    this.#closing = closing;
  }

  /** Blocks until all is over; the engine has to go on meanwhile. */
  #dispose(): void {
    this.#closing ??= Promise.resolve();
    const before = this.engine.onEnter;
    this.engine.onEnter = () => {
      this.#noteTaken();
      for (const entry of [...this.engine.taken])
        if (this.engine.taken.includes(entry)) this.#complete(entry, 0);
    };
    this.ring[Symbol.dispose]();
    this.engine.onEnter = before;
    assert.ok(this.ring.closed);
  }

  #checkCount(): void {
    const outstanding = this.requests.filter((r) => r.delivered === null).length;
    // Closing makes cancellations of its own.
    if (this.#closing === null) assert.equal(this.ring.inFlight, outstanding, 'requests in flight');
    else assert.ok(this.ring.inFlight >= outstanding);
  }

  /** Everything completes, and nothing is left. */
  async finish(): Promise<void> {
    for (let i = 0; this.ring.inFlight > 0; i++) {
      assert.ok(i < 2000, `${this.ring.inFlight} requests never end`);
      this.#noteTaken();
      while (this.engine.taken.length > 0) this.#complete(this.engine.taken[0], 0);
      await this.#nextTurn();
      this.#checkFailure();
      if (!this.ring.closed && i % 10 === 9) this.ring.flush();
    }
    if (this.engine.hasNews && !this.ring.closed) this.engine.wake(); // stale ones are still to be read
    this.#checkFailure();
    const stale = this.#core.staleCompletions;
    await this.ring.close();
    await this.#closing;
    for (const made of this.requests)
      assert.notEqual(made.delivered, null, `${name(made)} was never delivered`);
    if (!this.engine.hasNews) assert.equal(stale, this.#stale, 'completions that name nobody are counted');
    assert.ok(this.engine.closed && this.ring.closed);
    assert.equal(this.#core.slots.live, 0);
    for (let slot = 0; slot < this.#core.slots.capacity; slot++) {
      assert.equal(this.#core.slots.keep[slot], null, 'a slot still keeps a buffer');
      assert.equal(this.#core.slots.hold[slot], null, 'a slot still holds a descriptor');
    }
    for (const fd of this.#fds.splice(0)) fs.closeSync(fd);
    assert.equal(openDescriptors(), this.#descriptorsBefore, 'descriptors are left open');
  }

  /** After a failure nothing must be left that disturbs the next program. */
  cleanUp(): void {
    if (!this.ring.closed) {
      this.engine.onEnter = () => {
        for (const entry of [...this.engine.taken]) this.engine.complete(entry, 0);
      };
      this.ring[Symbol.dispose]();
    }
    for (const fd of this.#fds.splice(0)) fs.closeSync(fd);
  }
}

/** Inside the call that makes a request its number is not known yet. */
function isSame(made: Made, entry: Taken): boolean {
  if (made.kind === 'cancel')
    return made.target === (entry.targetGeneration + 1) * 2 ** 24 + entry.target && isKind(made, entry.op);
  return isKind(made, entry.op);
}

function isKind(made: Made, op: number): boolean {
  const ops = {
    read: [OP.READ, OP.READ_FIXED],
    write: [OP.WRITE, OP.WRITE_FIXED],
    fsync: [OP.FSYNC],
    other: [OP.NOP, OP.TIMEOUT],
    cancel: [OP.ASYNC_CANCEL],
  } as const;
  return (ops[made.kind] as readonly number[]).includes(op);
}

function name(made: Made): string {
  return `request ${made.number} (${made.kind}${made.own ? ' at the own position' : ''})`;
}

/** Runs a program; throws where the ring and the model differ. */
export async function runProgram(directory: string, { options, steps }: Program): Promise<number> {
  const run = new Run(directory, options);
  try {
    for (const each of steps) await run.step(each);
    await run.finish();
    return run.requests.length;
  } finally {
    run.cleanUp();
  }
}

const RUNS_PER_ROUND = 50;

const ringModel: Part = {
  name: 'model/ring',
  promise: 'the ring does what a model of it says, for any order of calls, completions and refusals',
  rounds: { sample: 4, full: 2000 },
  engines: 'none',
  open({ directory }): Trial {
    return {
      async round(_random, seed): Promise<Counts> {
        let requests = 0;
        const property = fc.asyncProperty(program, async (each) => {
          requests += await runProgram(directory, each);
        });
        await fc.assert(property, { seed, numRuns: RUNS_PER_ROUND, endOnFailure: false });
        return { programs: RUNS_PER_ROUND, requests, differences: 0 };
      },
    };
  },
};

export const model: readonly Part[] = [ringModel];
