// What the ring needs of an engine, and the choice of one: by trying, never by kernel version.
import { availableParallelism } from 'node:os';
import process, { env } from 'node:process';
import { native } from '../abi/native.js';
import { openUring, RingRefusedError } from './engine-io_uring.js';
import { openNative } from './engine-native.js';
import { openThreads } from './engine-threads.js';
import type { Queues } from './queues.js';
import type { Register } from './registered.js';
import { checkInt32, invalidType, invalidValue, outOfRange } from './validate.js';

/** QEMU's three names for the three ways Linux can do asynchronous I/O. */
export type EngineName = 'io_uring' | 'native' | 'threads';

export interface RingOptions {
  /** `'auto'` takes the first that works; the environment variable LINUX_AIO_ENGINE overrides `'auto'` */
  engine?: EngineName | 'auto';
  /** submission queue entries, a power of two, 8 to 32768 (default 128); more requests queue in user space */
  entries?: number;
  /** a kernel thread that reads submissions; off unless asked for. `idle`: ms before it sleeps (default 1000) */
  sqpoll?: boolean | { idle: number };
  /** at most this many kernel (or pool) worker threads: [bounded work, unbounded work] */
  workers?: [bounded: number, unbounded: number];
  /**
   * beside io_uring, a pool of threads for what the kernel's ring serves worse (docs/routing.md); `false`, or
   * LINUX_AIO_ROUTING=0 in the environment, turns it off
   */
  routing?: boolean;
}

/** The options with every default filled in. */
export interface EngineOptions {
  readonly entries: number;
  readonly sqpollIdle: number | null;
  readonly workers: readonly [number, number];
  /** threads of the pool, at most */
  readonly poolWorkers: number;
  readonly routing: boolean;
}

export interface Engine {
  readonly name: EngineName;
  readonly queues: Queues;
  /** names the queues to the addon */
  readonly handle: object;
  /** opcodes it can do */
  readonly operations: ReadonlySet<number>;
  /** it looks descriptors up while `enter` takes requests over, not later in a thread of its own */
  readonly resolvesDescriptorsAtSubmit: boolean;
  /** it closes the descriptors that are an entry's own (SQE_OWN_DESCRIPTOR) */
  readonly closesOwnDescriptors: boolean;
  /** completions show in the queue or in its flags as soon as they are there, not only by entering */
  readonly announcesCompletions: boolean;
  /** recomputes whether in-flight requests keep the process alive, after `control[CTL.UNREF]` has changed */
  syncReference(): void;
  /** `io_uring_register`, where the engine has it: registered buffers need it */
  readonly register: Register | null;
  close(): void;
}

export interface OpenedEngine {
  readonly engine: Engine;
  /** opens the pool that serves beside it; null where all goes to the engine */
  readonly openCompanion: (() => Engine) | null;
}

export const ENGINE_NAMES: readonly EngineName[] = ['io_uring', 'native', 'threads'];

const OPTION_NAMES = ['engine', 'entries', 'sqpoll', 'workers', 'routing'];
const ENTRIES_DEFAULT = 128;
const ENTRIES_MIN = 8;
const ENTRIES_MAX = 32768;
/**
 * Threads of the pool. What waits for a device needs many (O_DIRECT reads at depth 32: 31,000/s with 4 threads, 93,000
 * with 16; the kernel's ring 110,000); for what comes from memory the pool itself starts no more than 4 or one per CPU.
 */
const POOL_WORKERS = 16;

/**
 * Opens the engine that `options` or LINUX_AIO_ENGINE name, or the first that works.
 *
 * @throws the reason, with `code`, `errno` and `syscall` of the system call that was refused
 */
export function openEngine(options: RingOptions, onWake: () => void): OpenedEngine {
  const name = engineName(options.engine ?? 'auto');
  const engineOptions = checked(options);
  const engine = openNamed(name, engineOptions, onWake);
  const routes = engine.name === 'io_uring' && engineOptions.routing;
  return { engine, openCompanion: routes ? () => openThreads(engineOptions, onWake) : null };
}

function openNamed(name: EngineName | 'auto', engineOptions: EngineOptions, onWake: () => void): Engine {
  if (name === 'io_uring') return openUring(engineOptions, onWake);
  if (name === 'threads') return openThreads(engineOptions, onWake);
  if (name === 'native') return openNative(engineOptions, onWake);
  return openFirst(engineOptions, onWake);
}

/** io_uring, or where the system refuses it the pool, which needs nothing but threads. Never native by itself. */
function openFirst(options: EngineOptions, onWake: () => void): Engine {
  try {
    return openUring(options, onWake);
  } catch (error) {
    if (!(error instanceof RingRefusedError)) throw error;
    const engine = openThreads(options, onWake);
    explainOnce(error);
    return engine;
  }
}

/**
 * One line on stderr, once per process, whatever the number of worker threads. Not `process.emitWarning`, which adds
 * a second line about --trace-warnings.
 */
function explainOnce(reason: RingRefusedError): void {
  if (!native().firstFallback() || env['NODE_NO_WARNINGS'] === '1') return;
  process.stderr.write(
    `linux-aio: ${reason.message}. Using the engine 'threads' instead; LINUX_AIO_ENGINE=threads silences this line.\n`,
  );
}

/** Somebody else tells why (`doctor`): no line about a fallback in this process. */
export function fallbackIsExplained(): void {
  native().firstFallback();
}

function engineName(wanted: EngineName | 'auto'): EngineName | 'auto' {
  const names = [...ENGINE_NAMES, 'auto'];
  const list = names.map((name) => `'${name}'`).join(', ');
  if (!names.includes(wanted)) throw invalidValue('options.engine', wanted, `must be one of: ${list}`);
  if (wanted !== 'auto') return wanted;
  const forced = (env['LINUX_AIO_ENGINE'] || 'auto') as EngineName | 'auto';
  if (!names.includes(forced)) {
    throw invalidValue('LINUX_AIO_ENGINE', forced, `(an environment variable) must be one of: ${list}`);
  }
  return forced;
}

function checked(options: RingOptions): EngineOptions {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) {
      throw invalidValue(`options.${name}`, name, `is not an option; there are ${OPTION_NAMES.join(', ')}`);
    }
  }
  const { entries = ENTRIES_DEFAULT, sqpoll = false, workers, routing = true } = options;
  checkInt32('options.entries', entries, 1);
  if (entries < ENTRIES_MIN || entries > ENTRIES_MAX || (entries & (entries - 1)) !== 0) {
    throw outOfRange('options.entries', `a power of two from ${ENTRIES_MIN} to ${ENTRIES_MAX}`, entries);
  }
  if (typeof sqpoll !== 'boolean' && (typeof sqpoll !== 'object' || sqpoll === null)) {
    throw invalidType('options.sqpoll', 'of type boolean or an instance of Object', sqpoll);
  }
  let sqpollIdle = sqpoll === true ? 1000 : null;
  if (typeof sqpoll === 'object') {
    checkInt32('options.sqpoll.idle', sqpoll.idle, 1);
    sqpollIdle = sqpoll.idle;
  }
  if (workers !== undefined) {
    if (!Array.isArray(workers) || workers.length !== 2) {
      throw invalidType('options.workers', 'an array of two numbers', workers);
    }
    checkInt32('options.workers[0]', workers[0], 1);
    checkInt32('options.workers[1]', workers[1], 1);
  }
  if (typeof routing !== 'boolean') throw invalidType('options.routing', 'of type boolean', routing);
  return {
    entries,
    sqpollIdle,
    workers: workers ?? defaultWorkers(),
    poolWorkers: workers?.[0] ?? POOL_WORKERS,
    routing: routing && env['LINUX_AIO_ROUTING'] !== '0',
  };
}

function defaultWorkers(): [number, number] {
  // Buffered writes, fsync and statx run on these. As many as the pool has, at least: each may be in a device that does
  // not answer, and the kernel makes one only where all others wait. 32 files, each synced after every write, on two
  // cores: 10 k/s with four, 10 to 23 k/s with 16.
  return [Math.min(32, Math.max(POOL_WORKERS, 2 * availableParallelism())), 8];
}
