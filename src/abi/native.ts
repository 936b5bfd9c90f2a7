// The typed binding to native/: what the addon exports, the control block it shares with src/ring/, and how the
// compiled file is found. The same lists stand in native/addon.c and native/ring.h.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Int32 indices of the control block (native/ring.h). */
export const CTL = {
  TO_SUBMIT: 0,
  MIN_COMPLETE: 1,
  FLAGS: 2,
  RESULT: 3,
  IN_FLIGHT: 4,
  TURN: 5,
  UNREF: 6,
  SYSTEM_CALLS: 7,
  WAKEUPS: 8,
  TIMEOUT_SEC: 9,
  TIMEOUT_NSEC: 10,
  TIMEOUT_SET: 11,
  AIO_SUBMITTED: 12,
} as const;

/** A flag of entries for the pool: the file is known not to be one in memory (native/pool.h). */
export const SQE_ON_DISK = 1 << 7;
/** Another: a position where there are none is refused. */
export const SQE_POSITION_COUNTS = 1 << 6;
/** Another: the descriptor is the entry's own, and closed before its result is seen. */
export const SQE_OWN_DESCRIPTOR = 1 << 5;

/** Opcodes of the pool's own, which no io_uring has (native/pool.h). */
export const POOL_OP = { READ_FILE: 240, WRITE_FILE: 241 } as const;

/** Int32 indices of the struct whole_file that such an entry leads to (native/pool-whole-file.c). */
export const WHOLE_FILE = {
  DATA_LOW: 0,
  DATA_HIGH: 1,
  LENGTH: 2,
  STEP: 4,
  MODE: 5,
  SIZE_LOW: 6,
  SIZE_HIGH: 7,
  WORDS: 8,
} as const;

/** Int32 indices of what `describe` fills in (native/fds.c). */
export const FILE_WORD = {
  /** as of fcntl(F_GETFL) */
  FLAGS: 0,
  MODE: 1,
  SEEKABLE: 2,
  DEVICE_MAJOR: 3,
  DEVICE_MINOR: 4,
  INODE_LOW: 5,
  INODE_HIGH: 6,
} as const;
export const FILE_WORDS = 7;

/** Int32 indices of a signal's record (native/signals.c). */
export const SIGNAL_WORD = { SIGNO: 0, CODE: 1, PID: 2, UID: 3, VALUE_LOW: 4, VALUE_HIGH: 5 } as const;
export const SIGNAL_WORDS = 6;

/** The queues of one engine, mapped: plain memory, shared with whoever does the work. */
export interface NativeQueues {
  /** head, tail, flags and completion entries */
  readonly ring: ArrayBuffer;
  /** submission entries */
  readonly sqes: ArrayBuffer;
  readonly control: ArrayBuffer;
  /** io_uring_enter with the arguments in the control block, its result there too */
  readonly enter: () => void;
  readonly handle: object;
}

export interface NativeAddon {
  /** io_uring_setup and mmap. `params` is a struct io_uring_params; it is filled in. -errno when refused. */
  uringOpen(params: ArrayBuffer, onWake: () => void): NativeQueues | number;
  /**
   * The same queues in front of a pool of at most `workers` threads. `params` likewise; -errno when memory or
   * descriptors are short.
   */
  poolOpen(params: ArrayBuffer, onWake: () => void, workers: number): NativeQueues | number;
  /** The same with Linux AIO beside the pool; -errno also when io_setup is refused: EAGAIN, ENOSYS, EPERM. */
  nativeOpen(params: ArrayBuffer, onWake: () => void, workers: number): NativeQueues | number;
  /** true the first time in this process, on whatever thread */
  firstFallback(): boolean;
  /** io_uring_register: its result or -errno */
  uringRegister(handle: object, opcode: number, argument: ArrayBuffer | null, count: number): number;
  /** releases the queues; everything in flight must have been awaited */
  ringClose(handle: object): void;
  /** makes the event loop wait, or not, for what is in flight now */
  ringSyncReference(handle: object): void;
  /** address of the memory, which stays allocated until the object is collected; -1 in an unknown runtime */
  pin(buffer: ArrayBufferLike): number;
  /** holds the memory until `giveBack`: the loan's number, and its address is in `loanAddress`; -1 in an unknown runtime */
  lend(buffer: ArrayBufferLike): number;
  /** lower and upper half of the address of the latest loan */
  readonly loanAddress: ArrayBuffer;
  /** ends a loan: nothing uses its memory any more */
  giveBack(loan: number): void;
  /** buffers pinned or lent now, in this process */
  pinCount(): number;
  /** makes glibc keep more of the memory that is freed, up to 64 MiB, for the next buffers (native/allocator.c) */
  keepFreedMemory(): void;
  /** a close-on-exec duplicate of a descriptor, or -errno */
  duplicate(fd: number): number;
  /** 1 when both are the same open file, 0 when not, or -errno */
  sameFile(a: number, b: number): number;
  /** takes O_NONBLOCK from an open file: its st_mode, or -errno */
  letWait(fd: number): number;
  /** 1 when somebody has the pipe open for writing or it has data, 0 when not, or -errno */
  pipeHasWriter(fd: number): number;
  /** the flags of open(2) that an open file has, or -errno */
  statusFlags(fd: number): number;
  /** blocks until one of two rings has completions, at most `ms` (-1: no limit): 0, -ETIME or -EINTR */
  waitForEither(handle: object, other: object, ms: number): number;
  /** KIND bits of src/ring/routing.ts: how the descriptor's data is reached; or -errno */
  fileKind(fd: number): number;
  /** whether a transfer may complete after its call has returned, though without O_DIRECT: FUSE, SMB, 9P */
  completesLater(fd: number): boolean;
  /** whether pread(2) takes a position there, instead of answering ESPIPE */
  hasPositions(fd: number): boolean;
  /** closes a duplicate: 0 or -errno */
  closeDescriptor(fd: number): number;
  /** what the number means now, into `out` (FILE_WORD): 0 or -errno */
  describe(fd: number, out: ArrayBuffer): number;
  /** this environment will catch signals; `onSignal` runs when there are records to take. Once. 0 or -errno */
  signalsOpen(onSignal: () => void): number;
  /** catches a signal, or lets go of it: then the handler before is back. 0 or -errno */
  signalsCatch(signo: number, wanted: boolean): number;
  /** moves records (SIGNAL_WORD) to `out`: how many */
  signalsTake(out: ArrayBuffer): number;
  /** how many signals there was no room for since the last call */
  signalsLost(): number;
  /** queues SI_ASYNCIO to this thread: 1 when a handler catches it, 0 when none does, or -errno */
  signalQueue(signo: number, valueLow: number, valueHigh: number): number;
  /** SIGRTMIN of this C library */
  firstRealTimeSignal(): number;

  // Answered on the calling thread, or -EAGAIN where that might have to wait (native/inline.c):

  /** the whole file in `out`: its bytes; -errno; or `LEFT_OPEN` minus the descriptor, and `out` describes the file */
  readCached(path: string | Uint8Array, out: Uint8Array): number;
  /** the same for a file that is open, which it closes when it has been read whole */
  readOpened(fd: number, out: Uint8Array): number;
  /** bytes of the file at a position: all that were asked for, or 0 at its end; the view is a Uint8Array */
  readNow(fd: number, view: ArrayBufferView, offset: number, length: number, position: number): number;
  /** the same into several, of no more than `most` bytes together */
  readvNow(fd: number, views: readonly ArrayBufferView[], most: number, position: number): number;
  /** open(2) without O_CREAT and O_TRUNC: a descriptor, -errno, or `LEFT_OPEN` minus that of a named pipe */
  openCached(path: string | Uint8Array, flags: number): number;
  /** close(2) of a regular file of a local file system: 0 or -errno; -EAGAIN for others, -EBUSY for one without a name: they stay open */
  closeCached(fd: number): number;
  /** 0 and a struct statx in `out`, or -errno; `flags` may be AT_SYMLINK_NOFOLLOW */
  statCached(path: string | Uint8Array, flags: number, out: Uint8Array): number;
  /** the same for an open file */
  statOpened(fd: number, out: Uint8Array): number;

  // What `aio models` compares with; each blocks the thread as long as the system call does.

  /** read(2): bytes or -errno */
  read(fd: number, view: Uint8Array): number;
  /** poll(2) for input, without a limit: 1 or -errno */
  poll(fd: number): number;
  /** select(2) for input, without a limit: 1 or -errno */
  select(fd: number): number;
  /** sets O_NONBLOCK: 0 or -errno */
  setNonBlocking(fd: number): number;
  /** pipe(2): the end to read from and the end to write to, or -errno */
  pipe(): [number, number] | number;
  /** socketpair(2): two connected stream sockets, or -errno */
  socketPair(): [number, number] | number;
  /** nanoseconds of CPU used by the calling thread, or by the whole process */
  cpuTime(ofThread: boolean): number;
}

/** Results of `readCached`, `readOpened` and `openCached` up to this stand for an open descriptor. */
export const LEFT_OPEN = -4096;

let loaded: NativeAddon | undefined;

/** An error of this package itself, in the shape of Node's own: `code` and a message that says what to do. */
export class UnavailableError extends Error {
  readonly code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Error';
  }
}

/**
 * The addon, loaded on first use, so that importing the package works everywhere.
 *
 * @throws UnavailableError on another system than Linux, on a CPU without a prebuilt addon, or in a runtime that
 *   is not Node.
 */
export function native(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  if (process.platform !== 'linux') {
    throw new UnavailableError(
      `linux-aio does I/O with the Linux kernel; this is ${process.platform}. Use node:fs here.`,
    );
  }
  const runtime = process.versions['bun'] ? 'Bun' : process.versions['deno'] ? 'Deno' : null;
  if (runtime) {
    throw new UnavailableError(`linux-aio needs Node.js (this is ${runtime}). Use node:fs here.`);
  }
  const file =
    process.env['LINUX_AIO_ADDON'] ??
    fileURLToPath(new URL(`../../prebuilds/linux-${process.arch}/linux-aio.node`, import.meta.url));
  if (!existsSync(file)) {
    throw new UnavailableError(
      `linux-aio has no compiled addon for linux-${process.arch} (${file} is missing). ` +
        'Build it with a C compiler: node scripts/build-native.mjs in the package folder.',
    );
  }
  try {
    return createRequire(import.meta.url)(file) as NativeAddon;
  } catch (error) {
    throw new UnavailableError(`linux-aio could not load its addon ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
