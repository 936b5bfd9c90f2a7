// readMany and writeMany: any number of transfers for one promise, handed over together.
import { ERRNO } from '../abi/errno.js';
import { OP } from '../abi/io_uring.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import { PENDING } from '../ring/transfer.js';
import { checkOffset, checkView, invalidType } from '../ring/validate.js';
import { cancelOnAbort } from './abort.js';
import { transferError } from './alignment.js';
import { inAppendOrder, writePosition } from './append-order.js';
import { type Answer, acceptedSignal, isPlainSignal } from './arguments.js';
import { sync } from './attributes.js';
import type { Descriptor } from './descriptor.js';
import { AbortError, refuseUnknown, throwIfAborted, wasCancelled } from './errors.js';
import { atPosition } from './own-position.js';
import { advance, begin, type Position } from './transfer.js';

/** One transfer of a list: the whole buffer, at `position` bytes from the start of the file. */
export interface Transfer {
  readonly buffer: ArrayBufferView;
  /** up to 2^63-1; -1 for the file's own position, in the order of the list */
  readonly position: number | bigint;
}

export interface ManyOptions {
  /** cancels what is still in flight */
  signal?: AbortSignal;
}

export interface WriteManyOptions extends ManyOptions {
  /** one fdatasync(2) after all writes have completed: durable when the promise resolves */
  sync?: boolean;
}

/** Why a list failed: the error of its first element that failed, and what became of each. */
export interface ManyError extends NodeJS.ErrnoException {
  /** which element; undefined when the writes succeeded and fdatasync(2) did not */
  index?: number;
  /** per element: bytes transferred, or -errno */
  results: number[];
}

/** Checks the whole list before anything is submitted. */
export function checkMany(list: unknown, options: unknown): Answer<WriteManyOptions> {
  if (!Array.isArray(list)) throw invalidType('list', 'an instance of Array', list);
  list.forEach((transfer: Transfer, i) => {
    if (typeof transfer !== 'object' || transfer === null) {
      throw invalidType(`list[${i}]`, 'of type object', transfer);
    }
    checkView(`list[${i}].buffer`, transfer.buffer);
    checkOffset(`list[${i}].position`, transfer.position, -1);
  });
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  refuseUnknown(options, ['signal', 'sync']);
  const { signal, sync } = options as WriteManyOptions;
  if (sync !== undefined && typeof sync !== 'boolean')
    throw invalidType('options.sync', 'of type boolean', sync);
  if (isPlainSignal(signal)) return { signal, sync };
  return acceptedSignal(signal).then((accepted) => ({ signal: accepted, sync }));
}

export async function readMany(
  descriptor: Descriptor,
  list: readonly Transfer[],
  signal?: AbortSignal,
): Promise<number[]> {
  throwIfAborted(signal);
  if (descriptor.tracksPosition && list.some(({ position }) => isOwn(position))) {
    return await oneByOne(list, ({ buffer, position }) => {
      return atPosition(descriptor, normalized(position), (at) =>
        one(descriptor, OP.READ, buffer, at, signal),
      );
    });
  }
  return await new Batch(descriptor, OP.READ, list, signal).run();
}

export async function writeMany(
  descriptor: Descriptor,
  list: readonly Transfer[],
  options: WriteManyOptions,
): Promise<number[]> {
  throwIfAborted(options.signal);
  const results = await writeList(descriptor, list, options.signal);
  if (options.sync) {
    try {
      await sync(descriptor, true);
    } catch (error) {
      throw Object.assign(error as Error, { results });
    }
  }
  return results;
}

async function writeList(
  descriptor: Descriptor,
  list: readonly Transfer[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const isOrdered =
    descriptor.appendsSerially || (descriptor.tracksPosition && list.some(({ position }) => isOwn(position)));
  const { longWrites } = descriptor;
  const write = longWrites.begin();
  try {
    if (!isOrdered) return await new Batch(descriptor, OP.WRITE, list, signal).run();
    return await oneByOne(list, ({ buffer, position }) => {
      return inAppendOrder(descriptor, normalized(position), (at) =>
        one(descriptor, OP.WRITE, buffer, at, signal),
      );
    });
  } finally {
    longWrites.end(write);
  }
}

/** For files whose transfers must not run side by side: a list all the same, in its order. */
async function oneByOne(
  list: readonly Transfer[],
  transfer: (transfer: Transfer) => Promise<number>,
): Promise<number[]> {
  const results = new Array<number>(list.length).fill(-ERRNO.ECANCELED); // those that are not reached
  for (const [index, each] of list.entries()) {
    try {
      results[index] = await transfer(each);
    } catch (error) {
      results[index] = (error as ManyError).results?.[0] ?? -ERRNO.ECANCELED;
      throw Object.assign(error as Error, { index, results });
    }
  }
  return results;
}

async function one(
  descriptor: Descriptor,
  op: typeof OP.READ | typeof OP.WRITE,
  buffer: ArrayBufferView,
  position: Position,
  signal?: AbortSignal,
): Promise<number> {
  const [bytes] = await new Batch(descriptor, op, [{ buffer, position }], signal).run();
  return bytes;
}

function isOwn(position: Position): boolean {
  return position === -1 || position === -1n;
}

/** The transfers of one list, from submission to the last completion. */
class Batch {
  readonly #descriptor: Descriptor;
  readonly #op: typeof OP.READ | typeof OP.WRITE;
  readonly #list: readonly Transfer[];
  readonly #signal: AbortSignal | undefined;
  /** bytes so far, or -errno */
  readonly #results: number[];
  /** the request of each element that is in flight, else 0 */
  readonly #ids: number[];
  #unfinished: number;
  #onFinished: () => void = () => {};
  /** what the ring threw instead of taking a request */
  #refusal: unknown;

  constructor(
    descriptor: Descriptor,
    op: typeof OP.READ | typeof OP.WRITE,
    list: readonly Transfer[],
    signal: AbortSignal | undefined,
  ) {
    this.#descriptor = descriptor;
    this.#op = op;
    this.#list = list;
    this.#signal = signal;
    this.#results = new Array<number>(list.length).fill(0);
    this.#ids = new Array<number>(list.length).fill(0);
    this.#unfinished = list.length;
  }

  /** Resolves with the bytes of each element when all have completed; throws a ManyError when one has failed. */
  async run(): Promise<number[]> {
    if (this.#list.length === 0) return [];
    const finished = new Promise<void>((resolve) => {
      this.#onFinished = resolve;
    });
    const { ring } = this.#descriptor;
    const settled =
      this.#signal && cancelOnAbort(ring, () => this.#ids.filter((id) => id !== 0), this.#signal);
    for (let i = 0; i < this.#list.length; i++) this.#submit(i, 1);
    await finished;
    settled?.();
    this.#throwFailure();
    return this.#results;
  }

  #submit(i: number, attempts: number): void {
    const { core } = this.#descriptor;
    const { buffer, position } = this.#list[i];
    const done = this.#results[i];
    const at = this.#op === OP.WRITE ? writePosition(this.#descriptor, position) : position;
    let result: number;
    try {
      result = begin(
        this.#descriptor,
        this.#op,
        buffer,
        done,
        buffer.byteLength - done,
        advance(normalized(at), done),
      );
    } catch (error) {
      this.#refusal ??= error;
      this.#finish(i, (error as NodeJS.ErrnoException).errno ?? -ERRNO.ECANCELED);
      return;
    }
    if (result !== PENDING) {
      this.#completed(i, attempts, result);
      return;
    }
    this.#ids[i] = core.pendingId;
    core.onDone(core.pendingId, (answer) => {
      this.#ids[i] = 0;
      this.#completed(i, attempts, answer);
    });
  }

  #completed(i: number, attempts: number, result: number): void {
    const isAborted = this.#signal?.aborted === true;
    if (result < 0) {
      if (shouldRetry(result, attempts, this.#descriptor.flags) && !(isAborted && wasCancelled(result))) {
        this.#submit(i, attempts + 1);
      } else {
        // Unlike a lone write's, an error after part of an element is reported: the element is not complete.
        this.#finish(i, visibleResult(result));
      }
      return;
    }
    const total = this.#results[i] + result;
    const isShort = this.#op === OP.WRITE && result > 0 && total < this.#list[i].buffer.byteLength;
    if (isShort) {
      this.#results[i] = total;
      if (isAborted) this.#finish(i, -ERRNO.ECANCELED);
      else this.#submit(i, 1);
    } else {
      this.#finish(i, total);
    }
  }

  #finish(i: number, result: number): void {
    this.#results[i] = result;
    if (--this.#unfinished === 0) this.#onFinished();
  }

  #throwFailure(): void {
    const index = this.#results.findIndex((result) => result < 0);
    if (index === -1) return;
    const results = this.#results;
    const result = results[index];
    const { buffer, position } = this.#list[index];
    const syscall = this.#op === OP.READ ? 'read' : 'write';
    let error = this.#refusal;
    if (this.#signal?.aborted && wasCancelled(result)) error = new AbortError(this.#signal);
    error ??= transferError(this.#descriptor, result, syscall, buffer, 0, buffer.byteLength, position);
    throw Object.assign(error as Error, { index, results });
  }
}

function normalized(position: Position): Position {
  return typeof position === 'bigint' && position <= Number.MAX_SAFE_INTEGER ? Number(position) : position;
}
