// A buffer at every stage of its request's life: whatever the program does to it then, the transfer is of the memory that
// was asked for, no other memory is touched, and nothing stays pinned. Every stage × every event × every way in.
//
// Guards native/pin.c, src/ring/memory.ts, Slots.keep, and what keeps a buffer while its request waits in user space.
// Run once more under AddressSanitizer by sanitizer.test.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { defaultRing, Ring } from 'linux-aio';
import {
  BUFFER_EVENTS,
  BUFFER_SIZES,
  type BufferEvent,
  Canaries,
  collectGarbage,
  TRANSFER,
} from '../support/buffer-events.js';
import { fillQueue, stateOf } from '../support/full-queue.js';
import { native, slots } from '../support/internals.js';
import {
  OPERATIONS,
  type Operation,
  PIPE_DOORS,
  type PipeDoor,
  type PipeEnd,
  type Transfer,
  throughFullQueue,
} from '../support/pipe-doors.js';
import { fillPipe } from '../support/posix.js';
import { errno, HANG_MS } from '../support/ring.js';
import { closePipe, drained, openObservedPipes, openPipe, type Pipe } from '../support/temp.js';

const STAGES = {
  waiting: 'it waits for its turn',
  queued: 'it queues behind a full ring',
  submitted: 'the engine has it, and it is blocked',
  cancelling: 'it is being cancelled',
  closing: 'its ring is being closed',
  completed: 'it is complete, and nobody has been told',
  told: 'its callback runs',
  over: 'it is over',
} as const;
type Stage = keyof typeof STAGES;

/** What is read or written, what else goes through the pipe, and what a buffer to be filled holds before. */
const DATA = Buffer.alloc(TRANSFER, 'data');
const OTHER = Buffer.alloc(TRANSFER, '-');
const CANCELLED = [errno.ECANCELED, errno.EINTR];

/** One request, whose buffer is hit by one event. */
class Subject {
  readonly event: BufferEvent;
  readonly pipe: Pipe;
  readonly #end: PipeEnd;
  readonly #operation: Operation;
  /** null once it has been hit: from then on nobody but the package knows it */
  #buffer: ArrayBuffer | null = null;
  #owner: ArrayBuffer | null = null;
  transfer!: Transfer;
  /** the result of the transfer before it through the same end */
  #before: Promise<number> | null = null;

  constructor(event: BufferEvent, pipe: Pipe, end: PipeEnd, operation: Operation) {
    this.event = event;
    this.pipe = pipe;
    this.#end = end;
    this.#operation = operation;
  }

  /** Another transfer through the same end, which this one has to wait for. */
  precede(): void {
    this.#before = this.#end.start(Uint8Array.from(OTHER), () => {}).result;
  }

  start(size: number, seen: () => void): void {
    const buffer = this.event.make(size);
    this.#buffer = buffer;
    if (this.#operation === 'write') new Uint8Array(buffer).set(DATA);
    this.transfer = this.#end.start(new Uint8Array(buffer, 0, TRANSFER), seen);
  }

  hit(): void {
    this.#owner = this.event.happen(this.#buffer!);
    this.#buffer = null;
  }

  /** The other end of the pipe does its part: now the request can go on. */
  serve(): void {
    if (this.#operation === 'write') {
      for (let left = 65_536; left > 0; ) left -= fs.readSync(this.pipe.read, Buffer.alloc(left));
      return;
    }
    const bytes = this.#before === null ? DATA : Buffer.concat([OTHER, DATA]);
    assert.equal(fs.writeSync(this.pipe.write, bytes), bytes.length);
  }

  /** @param wasInFlight when the event happened */
  async check(wasInFlight: boolean, isServedFirst: boolean): Promise<void> {
    const { name, losesMemory, isFollowed } = this.event;
    const result = await this.transfer.result;
    const before = (await this.#before) ?? 0;
    const otherMoved = OTHER.toString().slice(0, Math.max(before, 0));
    const otherLeft = before < 0 ? OTHER.toString() : '';
    const left = drained(this.pipe);
    const faults = losesMemory && wasInFlight && result === errno.EFAULT;
    if (faults || CANCELLED.includes(result)) {
      const untouched = this.#operation === 'read' ? otherLeft + DATA.toString() : otherMoved;
      assert.equal(left, untouched, `${name}: nothing was to be moved`);
      return;
    }
    assert.equal(result, TRANSFER, name);
    assert.ok(isServedFirst, `${name}: transferred though nobody was at the other end`);
    if (losesMemory && wasInFlight) return;
    const expected = this.#operation === 'read' ? otherLeft : otherMoved + DATA.toString();
    assert.equal(left, expected, `${name}: what is in the pipe`);
    if (this.#operation === 'read' && this.#owner !== null && (isFollowed || !wasInFlight)) {
      const found = Buffer.from(this.#owner).subarray(0, TRANSFER);
      assert.ok(found.equals(DATA.subarray(0, found.length)), `${name}: what was read`);
    }
  }

  close(): Promise<void> {
    this.#owner = null;
    return this.#end.close();
  }
}

async function subjectsOf(
  t: TestContext,
  door: PipeDoor,
  operation: Operation,
  ring: Ring,
): Promise<Subject[]> {
  const events = BUFFER_SIZES.flatMap(() => BUFFER_EVENTS);
  const pipes = openObservedPipes(t, events.length);
  return Promise.all(
    events.map(async (event, i) => {
      // By their names here, so that each way in opens a file of its own.
      const path = `/proc/self/fd/${operation === 'read' ? pipes[i].read : pipes[i].write}`;
      const end = await door.open(path, operation, ring);
      if (operation === 'write') fillPipe(pipes[i]);
      return new Subject(event, pipes[i], end, operation);
    }),
  );
}

/** The request and its buffer come to the stage, and the buffer is hit there. */
async function hitAt(stage: Stage, subjects: Subject[], door: PipeDoor, ring: Ring): Promise<void> {
  const hitAll = () => {
    for (const subject of subjects) subject.hit();
  };
  const seen = (subject: Subject) => (stage === 'told' ? () => subject.hit() : () => {});
  const size = (i: number) => BUFFER_SIZES[Math.floor(i / BUFFER_EVENTS.length)];
  if (stage === 'waiting') for (const subject of subjects) subject.precede();
  for (const [i, subject] of subjects.entries()) subject.start(size(i), seen(subject));
  for (const { transfer } of subjects) {
    if (transfer.id === undefined) continue;
    const { WAITING, QUEUED, SUBMITTED } = slots.STATE;
    const expected = stage === 'waiting' ? WAITING : stage === 'queued' ? QUEUED : SUBMITTED;
    assert.equal(stateOf(ring, transfer.id), expected);
  }
  switch (stage) {
    case 'cancelling':
      for (const { transfer } of subjects) transfer.cancel!();
      return hitAll();
    case 'closing':
      void ring.close();
      return hitAll();
    case 'completed':
      for (const subject of subjects) subject.serve();
      door.complete(
        subjects.map(({ transfer }) => transfer),
        ring,
      );
      return hitAll();
    case 'told':
    case 'over':
      for (const subject of subjects) subject.serve();
      await Promise.all(subjects.map(({ transfer }) => transfer.result));
      return stage === 'over' ? hitAll() : undefined;
    default:
      return hitAll();
  }
}

const IN_FLIGHT: readonly Stage[] = ['waiting', 'queued', 'submitted', 'cancelling', 'closing'];
const SERVED: readonly Stage[] = ['completed', 'told', 'over'];

/** How many buffers each way in keeps pinned when nothing is in flight: what a thread has once, of its paths for one. */
const idlePins = new Map<PipeDoor, number>();

async function readOnce(t: TestContext, door: PipeDoor): Promise<void> {
  const ring = door.hasOwnRing ? Ring.open() : defaultRing();
  const pipe = openPipe(t);
  const end = await door.open(`/proc/self/fd/${pipe.read}`, 'read', ring);
  const { result } = end.start(new Uint8Array(TRANSFER), () => {});
  fs.writeSync(pipe.write, DATA);
  assert.equal(await result, TRANSFER);
  await end.close();
  if (door.hasOwnRing) await ring.close();
}

async function warmUp(t: TestContext, door: PipeDoor): Promise<void> {
  if (idlePins.has(door)) return;
  await readOnce(t, door);
  idlePins.set(door, await pinsLeft(0));
}

/** Pins left once all that can be collected has been: also the slab that Node cuts small buffers from. */
async function pinsLeft(atMost: number): Promise<number> {
  for (let i = 0; i < 8; i++) {
    Buffer.allocUnsafe(Buffer.poolSize >>> 1).fill(0);
    Buffer.allocUnsafe((Buffer.poolSize >>> 1) - 1).fill(0);
    await collectGarbage();
    if (native().pinCount() <= atMost) break;
  }
  return native().pinCount();
}

/** Rings that a test has to close which failed before it did so itself. Others are not kept: their memory would count. */
const openRings = new Set<Ring>();

async function closeRings(): Promise<void> {
  for (const ring of openRings) await ring.close();
  openRings.clear();
}

async function passStage(
  t: TestContext,
  door: PipeDoor,
  operation: Operation,
  stage: Stage,
  isClosedThen: boolean,
): Promise<void> {
  const ring = door.hasOwnRing ? Ring.open({ entries: stage === 'queued' ? 8 : 64 }) : defaultRing();
  if (door.hasOwnRing) openRings.add(ring);
  t.after(closeRings);
  const subjects = await subjectsOf(t, door, operation, ring);
  const blocker = stage === 'queued' ? openPipe(t) : null;
  const fillers = blocker === null ? [] : fillQueue(ring, blocker.read);

  await hitAt(stage, subjects, door, ring);
  if (door.hasOwnRing && stage !== 'closing') ring.flush();
  await collectGarbage();
  if (stage === 'waiting' || stage === 'submitted') {
    assert.ok(native().pinCount() >= subjects.length, 'memory of requests is not pinned');
  }
  const canaries = new Canaries();
  const isServed = SERVED.includes(stage);
  const serve = () => {
    for (const subject of isServed ? [] : subjects) subject.serve();
    if (blocker !== null) fs.writeSync(blocker.write, Buffer.alloc(fillers.length));
  };
  const isOver = isClosedThen || stage === 'closing';
  if (isOver) await ring.close();
  serve();
  for (const subject of subjects) await subject.check(IN_FLIGHT.includes(stage), isServed || !isOver);
  await Promise.all(fillers);
  canaries.check();
  await Promise.all(subjects.map((subject) => subject.close()));
  await closeRings();
  for (const { pipe } of subjects) closePipe(pipe);
}

async function tryStage(...scene: Parameters<typeof passStage>): Promise<void> {
  const [t, door] = scene;
  await warmUp(t, door);
  await passStage(...scene);
  const idle = idlePins.get(door)!;
  const left = await pinsLeft(idle);
  assert.ok(left <= idle, `${left - idle} buffers are pinned for good`);
}

function stagesOf(door: PipeDoor): Stage[] {
  if (door === throughFullQueue) return ['queued'];
  const all = Object.keys(STAGES) as Stage[];
  return all.filter(
    (stage) =>
      stage !== 'queued' &&
      (stage !== 'cancelling' || door.cancels) &&
      (stage !== 'closing' || door.hasOwnRing),
  );
}

for (const door of [...PIPE_DOORS, throughFullQueue]) {
  describe(`a buffer of ${door.name}, hit by all that a program can do to it`, () => {
    for (const operation of OPERATIONS) {
      for (const stage of stagesOf(door)) {
        const name = `in a ${operation}, while ${STAGES[stage]}`;
        test(name, { timeout: HANG_MS }, (t) => tryStage(t, door, operation, stage, false));
        if (!door.hasOwnRing || stage === 'closing' || stage === 'over') continue;
        test(`${name}; then the ring is closed`, { timeout: HANG_MS }, (t) =>
          tryStage(t, door, operation, stage, true),
        );
      }
    }
  });
}
