// A whole file in one hop, where the ring has a pool: opened, read or written, and closed by one worker
// (native/pool-whole-file.c). io_uring has no such operation.
import { AT_FDCWD } from '../abi/io_uring.js';
import { LEFT_OPEN, POOL_OP, WHOLE_FILE } from '../abi/native.js';
import type { RingCore } from './core.js';
import { high, low } from './entry.js';
import { addressIn, addressOf, borrow, bufferOf, byteLengthOf, giveBack } from './memory.js';
import { pathBytes } from './paths.js';
import type { Port } from './port.js';
import type { Path } from './requests.js';

/** At which system call it failed. */
export const STEP = { OPEN: 0, TRANSFER: 1, CLOSE: 2 } as const;

/** A file that is open and not read or written yet, because it is no ordinary one, or too large. */
export interface LeftOpen {
  readonly fd: number;
  /** st_mode */
  readonly mode: number;
  readonly size: number;
}

/**
 * What became of it: bytes; -errno and the step that answered it, and that of closing the file if that failed as well; or
 * the file is left open.
 */
export type Outcome =
  | { readonly bytes: number }
  | { readonly error: number; readonly step: number; readonly closing?: number }
  | LeftOpen;

/** Whether the ring has a pool now. */
export function servesWholeFiles(core: RingCore): boolean {
  return poolOf(core) !== null;
}

function poolOf({ ports }: RingCore): Port | null {
  return ports.primary.engine.operations.has(POOL_OP.READ_FILE) ? ports.primary : ports.companion;
}

/** Reads back what the pool has finished meanwhile, to be delivered in the microtask that ends the turn. */
export function collectWholeFiles(core: RingCore): void {
  if (poolOf(core)?.queues.hasDeferredWork) core.poll();
}

/**
 * Opens the file at `path`, fills `view` from its beginning if it is not larger than that, and closes it.
 *
 * @param flags of open(2)
 */
export function readWholeFile(
  core: RingCore,
  path: Path,
  flags: number,
  view: ArrayBufferView,
  done: (outcome: Outcome) => void,
): void {
  start(core, POOL_OP.READ_FILE, path, flags, 0, view, done);
}

/**
 * Opens the file at `path`, writes all of `view` at its own position, and closes it.
 *
 * @param flags of open(2)
 * @param mode of a file that is made
 * @param evenNothing makes a write of no bytes, too, whose error counts
 */
export function writeWholeFile(
  core: RingCore,
  path: Path,
  flags: number,
  mode: number,
  view: ArrayBufferView,
  done: (outcome: Outcome) => void,
  evenNothing = false,
): void {
  start(core, POOL_OP.WRITE_FILE, path, flags, mode, view, done, evenNothing);
}

/** The structs that no request uses: their memory is pinned already. */
const free: Int32Array[] = [];
const FREE_MAX = 64;

function start(
  core: RingCore,
  op: number,
  path: Path,
  flags: number,
  mode: number,
  view: ArrayBufferView,
  done: (outcome: Outcome) => void,
  evenNothing = false,
): void {
  const bytes = pathBytes('path', path);
  const memory = borrow(bufferOf(view));
  try {
    const length = byteLengthOf(view); // what the view is, not what it says
    const data = length === 0 ? 0 : addressIn(memory, view, 0, length);
    const words = free.pop() ?? new Int32Array(WHOLE_FILE.WORDS);
    words.fill(0);
    words[WHOLE_FILE.DATA_LOW] = low(data);
    words[WHOLE_FILE.DATA_HIGH] = high(data);
    words[WHOLE_FILE.LENGTH] = length;
    words[WHOLE_FILE.MODE] = Number(evenNothing);
    const keep = [words, bytes, view];
    const over = (result: number) => {
      giveBack(memory);
      const outcome = outcomeOf(words, result);
      if (free.length < FREE_MAX) free.push(words);
      done(outcome);
    };
    core.start(op, AT_FDCWD, addressOf(words), addressOf(bytes), mode, flags, 0, keep, over);
  } catch (error) {
    giveBack(memory);
    throw error;
  }
}

function outcomeOf(words: Int32Array, result: number): Outcome {
  if (result >= 0) return { bytes: result };
  if (result > LEFT_OPEN) {
    const outcome = { error: result, step: words[WHOLE_FILE.STEP] };
    const closing = words[WHOLE_FILE.MODE];
    return closing === 0 ? outcome : { ...outcome, closing: -closing };
  }
  const size = (words[WHOLE_FILE.SIZE_LOW] >>> 0) + (words[WHOLE_FILE.SIZE_HIGH] >>> 0) * 2 ** 32;
  return { fd: LEFT_OPEN - result, mode: words[WHOLE_FILE.MODE], size };
}
