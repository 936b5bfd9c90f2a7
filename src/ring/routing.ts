// Who serves a request. Beside io_uring a ring keeps a pool of threads, and each request goes where measurement says
// it is served best. `npm run bench -- routing` measures again, docs/routing.md has the whole grid.
//
// Figures below: requests per second at depth 1, io_uring alone → the pool; Linux 6.18, 2 cores.
import { OP } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import type { HeldDescriptors } from './descriptors.js';
import { POOL_OPERATIONS } from './engine-threads.js';
import { isTransfer } from './operations.js';
import type { Ports } from './ports.js';
import { TRAIT } from './slots.js';

/** What `fileKind` of the addon says of a descriptor (native/fds.c). */
export const KIND = {
  UNKNOWN: 0,
  FILE: 1,
  /** a pipe, a socket, a terminal, a directory */
  STREAM: 2,
  /** O_DIRECT on a device: no copy, so no worker is needed to keep one off this thread */
  DIRECT: 4,
  /** not even cached data is read without a worker of the kernel: tmpfs, overlayfs, FUSE, NFS … */
  WAITS: 8,
  /** tmpfs, ramfs: nothing but memory, and the pool transfers it inside its `enter`, 1 MiB per call */
  MEMORY: 16,
  /** a transfer may complete after its call has returned, though the file was not opened with O_DIRECT: FUSE, SMB, 9P */
  LATER: 32,
} as const;

/** By which rule an operation is routed. */
const RULE = { IO_URING: 0, POOL: 1, OPEN: 2, CLOSE: 3, READ: 4, WRITE: 5, SYNC: 6 } as const;

/** The table. What is not in it goes to io_uring. */
const RULES: readonly (readonly [op: number, rule: number])[] = [
  // io_uring runs all of these in a worker that it wakes for each.
  [OP.STATX, RULE.POOL], // 13 k → 96–187 k, as many at depth 128
  // After a 4 KiB write: tmpfs 9 k → 200 k; ext4 at depth 32 25 k → 32 k, but one at a time 2.8 k ← 2.5 k: there the disk
  // is what is waited for, and a worker that lingers is in its way.
  [OP.FSYNC, RULE.SYNC],
  [OP.FTRUNCATE, RULE.POOL],
  [OP.FALLOCATE, RULE.POOL],
  [OP.FADVISE, RULE.POOL],
  [OP.UNLINKAT, RULE.POOL],
  [OP.RENAMEAT, RULE.POOL],
  [OP.MKDIRAT, RULE.POOL],
  [OP.SYMLINKAT, RULE.POOL],
  [OP.LINKAT, RULE.POOL],
  // Opening what exists is done inside the call where names are cached (ext4 112 k ← 37 k); creating never is. Closing is,
  // unless the file system wants to be told (overlayfs, NFS, FUSE; open and close on overlayfs 14 k → 90 k). What asks for a
  // worker, because it has been written to, is closed by one of the pool: one small file after the other by a stream, on
  // ext4, 2.1 k → 2.4 k.
  [OP.OPENAT, RULE.OPEN],
  [OP.CLOSE, RULE.CLOSE],
  [OP.READ, RULE.READ],
  [OP.READV, RULE.READ],
  [OP.WRITE, RULE.WRITE],
  [OP.WRITEV, RULE.WRITE],
];

/** Small: the wake-up of a worker costs more than the copy. Medium: about as much. What is larger is the engine's. */
const SMALL_BYTES = 16 * 1024;
const MEDIUM_BYTES = 64 * 1024;
/**
 * The pool has small transfers while at most this many are in flight at once: writes on ext4 13 k → 99 k, tmpfs 20 k →
 * 280 k, overlayfs 15 k → 250 k; reads on overlayfs 19 k → 266 k. With more, the kernel's one worker per file, busy
 * without a pause, is ahead: writes at depth 8 281 k ← 154 k, 250 k ← 188 k, 370 k ← 142 k.
 */
const SMALL_DEPTH_MAX = 5;
/** Reads are served inside the pool's `enter`: tmpfs at depth 8 327 k ← 245 k, overlayfs 397 k ← 271 k; 381 k → 614 k at 32. */
const SMALL_READ_DEPTH_MAX = 16;
/** Of up to 64 KiB on tmpfs: one at a time 18 k → 63 k, 71 k ← 80 k at depth 8. */
const MEDIUM_MEMORY_READ_DEPTH_MAX = 4;

/**
 * The pool has transfers of a file in memory while at most this many are in flight. It copies on this thread, io_uring's
 * worker beside it; but writes of up to 64 KiB are as quick or quicker here at any depth (13 k → 175 k, 209 k → 258 k at 8).
 */
function memoryDepthMax(rule: number, bytes: number): number {
  if (bytes > MEDIUM_BYTES) return 1;
  if (rule === RULE.WRITE) return Number.POSITIVE_INFINITY;
  return bytes <= SMALL_BYTES ? SMALL_READ_DEPTH_MAX : MEDIUM_MEMORY_READ_DEPTH_MAX;
}

/** Medium: overlayfs reads 14 k → 35 k, but 122 k ← 90 k at depth 8; ext4 writes 14 k → 23 k, at depth 3 78 k ← 46 k. */
const MEDIUM_DEPTH_MAX = 1;
/** So many requests are looked at to tell how many are in flight at once. */
const DEPTH_WINDOW = 64;

/** Opening and closing are io_uring's while they are done inside the call: that many in a row were not … */
const SLOW_IN_A_ROW = 4;
/** … and then io_uring is tried again with one in so many. */
const TRIED_AGAIN_EVERY = 64;

const O_CREATES = 0o100 | 0o1000 | 0o20000000; // O_CREAT, O_TRUNC, __O_TMPFILE

/** A transfer of at least this many bytes is copied by a worker, unless it is the first of its batch. */
export const WORKER_BYTES_MIN = 128 * 1024;
/**
 * So many bytes of a batch are copied inside the submission, the rest by workers: about 130 µs of the event loop. One
 * read of 1 MiB after the other: 3.9 GB/s by workers, which have to be woken for each, 5.8 GB/s inside.
 */
export const BATCH_BYTES_MAX = 1024 * 1024;

/** Whether a worker of the engine serves a transfer, `batchBytes` being served inside this submission already. */
export function servedByWorker(kind: number, length: number, batchBytes: number): boolean {
  if ((kind & KIND.DIRECT) !== 0) return false;
  return (length >= WORKER_BYTES_MIN && batchBytes > 0) || batchBytes + length > BATCH_BYTES_MAX;
}

/** When io_uring could not make a worker, so many requests that might need one are the pool's. */
const WITHOUT_WORKERS = 64;

const RULES_OF_ALL = 256; // opcodes are bytes

/** In `op`; above it stand the entry's flags. */
export const OPCODE_MASK = 0xff;

/** How many requests of a sort are in flight at once: the most there were lately. */
class Depth {
  #now = 0;
  #most = 0;
  #mostBefore = 0;
  #left = DEPTH_WINDOW;

  begin(): void {
    if (++this.#now > this.#most) this.#most = this.#now;
    if (--this.#left > 0) return;
    this.#left = DEPTH_WINDOW;
    this.#mostBefore = this.#most;
    this.#most = this.#now;
  }

  end(): void {
    this.#now--;
  }

  /** Whether one more makes no more than `count`. */
  staysWithin(count: number): boolean {
    return this.#now < count && this.#most <= count && this.#mostBefore <= count;
  }
}

/** Whether io_uring does something inside the call these days. */
class Promptness {
  #slowInARow = 0;
  #asked = 0;

  get isSlow(): boolean {
    return this.#slowInARow >= SLOW_IN_A_ROW && ++this.#asked % TRIED_AGAIN_EVERY !== 0;
  }

  observe(atOnce: boolean): void {
    this.#slowInARow = atOnce ? 0 : this.#slowInARow + 1;
  }
}

/** Chooses the port of each request of one ring. */
export class Router {
  readonly kinds = new FileKinds();
  /** bytes of transfers that the submission being prepared will copy itself */
  batchBytes = 0;
  readonly #ports: Ports;
  readonly #held: Pick<HeldDescriptors, 'isSpread'>;
  readonly #rules = new Uint8Array(RULES_OF_ALL);
  readonly #reads = new Depth();
  readonly #writes = new Depth();
  /**
   * Nothing has been written since an fsync of a file on a disk. Who syncs each write waits for the disk, and a worker that lingers after the
   * write is in its way: appends with fdatasync, one at a time, 2.7 k/s with the pool in between, 3.2 k/s without.
   */
  #hasSynced = false;
  #withoutWorkers = 0;
  readonly #opens = new Promptness();
  readonly #closes = new Promptness();

  constructor(ports: Ports, held: Pick<HeldDescriptors, 'isSpread'>) {
    this.#ports = ports;
    this.#held = held;
    if (!ports.routes) return;
    for (const [op, rule] of RULES) this.#rules[op] = rule;
    // What this kernel's io_uring does not have, the pool has.
    const { operations } = ports.primary.engine;
    for (const op of POOL_OPERATIONS) if (!operations.has(op)) this.#rules[op] = RULE.POOL;
  }

  /**
   * The traits by which a request is routed. The entry's flags may stand above the opcode.
   *
   * @param arg the operation's own flags
   * @param bytes of a transfer
   * @param given the traits that it has already
   */
  traitsOf(op: number, fd: number, arg: number, bytes: number, given: number): number {
    if ((op & OPCODE_MASK) === OP.CLOSE) this.kinds.forget(fd);
    const traits = isTransfer(op)
      ? this.ofTransfer(op, this.kinds.of(fd), bytes, given)
      : this.ofOperation(op, fd, arg);
    return (traits & TRAIT.POOL) !== 0 ? traits | TRAIT.LATE : traits;
  }

  /** TRAIT.POOL or 0 for an operation that is no transfer; what asks for a worker is opened by one of the pool. */
  ofOperation(op: number, fd: number, openFlags: number): number {
    const rule = this.#rules[op & OPCODE_MASK];
    // Opened now, the pool would get the number that is being closed, if the program has closed that already.
    if (rule === RULE.CLOSE && this.#ports.companionIfOpen === null) return 0;
    const isForPool =
      rule === RULE.POOL ||
      (rule !== RULE.IO_URING && this.#sparesWorkers()) ||
      (rule === RULE.OPEN && (op > OPCODE_MASK || (openFlags & O_CREATES) !== 0 || this.#opens.isSlow)) ||
      (rule === RULE.CLOSE && (op > OPCODE_MASK || this.#closes.isSlow)) ||
      (rule === RULE.SYNC && this.#isSyncForPool(fd));
    return isForPool && this.#ports.companion !== null ? TRAIT.POOL : 0;
  }

  #isSyncForPool(fd: number): boolean {
    if ((this.kinds.of(fd) & KIND.MEMORY) !== 0) return true;
    this.#hasSynced = true;
    return !this.#writes.staysWithin(1);
  }

  /** io_uring has been given this alone, and has or has not done it inside the call. */
  observe(op: number, atOnce: boolean): void {
    if (op === OP.OPENAT) this.#opens.observe(atOnce);
    else if (op === OP.CLOSE) this.#closes.observe(atOnce);
  }

  /** TRAIT.POOL and TRAIT.COUNTED, where they apply, for a transfer of `bytes` on a descriptor of this kind. */
  ofTransfer(op: number, kind: number, bytes: number, given: number): number {
    const rule = this.#rules[op];
    if ((kind & (KIND.FILE | KIND.DIRECT)) !== KIND.FILE || rule === RULE.IO_URING) return 0;
    if (this.#sparesWorkers() && this.#ports.companion !== null) return TRAIT.POOL | TRAIT.COUNTED;
    // io_uring does not move the own position where a transfer completes after its call has returned (kiocb_done in
    // io_uring/rw.c, Linux 6.18), as on FUSE, or on overlayfs above it; a system call does.
    if ((kind & (KIND.WAITS | KIND.LATER)) !== 0 && (given & TRAIT.LANE) !== 0) {
      return this.#ports.companion !== null ? TRAIT.POOL : 0;
    }
    if (rule === RULE.READ && (kind & KIND.WAITS) === 0) return 0;
    const depth = rule === RULE.WRITE ? this.#writes : this.#reads;
    if ((kind & KIND.MEMORY) !== 0) {
      const isForPool = depth.staysWithin(memoryDepthMax(rule, bytes)) && this.#ports.companion !== null;
      return isForPool ? TRAIT.POOL | TRAIT.COUNTED : TRAIT.COUNTED;
    }
    if (bytes > MEDIUM_BYTES) return 0;
    if (rule === RULE.WRITE && this.#hasSynced) {
      this.#hasSynced = false;
      return TRAIT.COUNTED;
    }
    const isForPool = depth.staysWithin(this.#depthMax(rule, bytes, given));
    return isForPool && this.#ports.companion !== null ? TRAIT.POOL | TRAIT.COUNTED : TRAIT.COUNTED;
  }

  /** io_uring could not make a worker for a request. */
  lacksWorkers(): void {
    this.#withoutWorkers = WITHOUT_WORKERS;
  }

  #sparesWorkers(): boolean {
    if (this.#withoutWorkers === 0) return false;
    this.#withoutWorkers--;
    return true;
  }

  /** Neither on memory nor O_DIRECT. */
  #depthMax(rule: number, bytes: number, given: number): number {
    if (bytes > SMALL_BYTES) return MEDIUM_DEPTH_MAX;
    if (rule !== RULE.WRITE) return SMALL_READ_DEPTH_MAX;
    // Where each has to be held and asked for its position, io_uring costs this thread more: fs.write at depth 32, on as
    // many files, 157 k → 218 k. On one file, or on descriptors that need not be held, io_uring is ahead.
    return (given & TRAIT.HOLD) !== 0 && this.#held.isSpread ? Number.POSITIVE_INFINITY : SMALL_DEPTH_MAX;
  }

  /** All that has been prepared is handed over together. */
  endBatch(): void {
    this.batchBytes = 0;
    this.kinds.endBatch();
  }

  /** A request with TRAIT.COUNTED is in flight. */
  begin(traits: number): void {
    (traits & TRAIT.WRITE ? this.#writes : this.#reads).begin();
  }

  /** It is over. */
  end(traits: number): void {
    (traits & TRAIT.WRITE ? this.#writes : this.#reads).end();
  }
}

/** Kinds are asked for again after this many look-ups: a number may mean another file by now. */
const TRUSTED_FOR = 16_384;
const FDS_MAX = 1 << 16;

/**
 * The kinds of descriptors, by number. A number that has been closed and opened again behind the ring's back has the
 * wrong kind for a while, which costs speed and nothing else.
 */
export class FileKinds {
  #kinds = new Uint8Array(256);
  #lookUps = 0;
  /** most batches have one descriptor */
  #lastFd = -1;
  #lastKind: number = KIND.UNKNOWN;

  of(fd: number): number {
    return fd === this.#lastFd ? this.#lastKind : this.#lookUp(fd);
  }

  /** Whether it is known, without asking, to be a file that is not in memory. */
  isOnDisk(fd: number): boolean {
    const kind = fd >= 0 && fd < this.#kinds.length ? this.#kinds[fd] : KIND.UNKNOWN;
    return (kind & (KIND.FILE | KIND.MEMORY)) === KIND.FILE;
  }

  /** A batch of requests ends: the next one looks again. */
  endBatch(): void {
    this.#lastFd = -1;
  }

  #lookUp(fd: number): number {
    if (++this.#lookUps === TRUSTED_FOR) {
      this.#lookUps = 0;
      this.#kinds.fill(KIND.UNKNOWN);
    }
    this.#lastKind = (fd < this.#kinds.length && this.#kinds[fd]) || this.#ask(fd);
    this.#lastFd = this.#lastKind === KIND.UNKNOWN ? -1 : fd;
    return this.#lastKind;
  }

  /** The descriptor is being closed. */
  forget(fd: number): void {
    this.#lastFd = -1;
    if (fd < this.#kinds.length) this.#kinds[fd] = KIND.UNKNOWN;
  }

  #ask(fd: number): number {
    if (fd < 0 || fd >= FDS_MAX) return KIND.UNKNOWN;
    const kind = native().fileKind(fd);
    if (kind < 0) return KIND.UNKNOWN; // the request will be told the error
    while (fd >= this.#kinds.length) {
      const grown = new Uint8Array(this.#kinds.length * 2);
      grown.set(this.#kinds);
      this.#kinds = grown;
    }
    this.#kinds[fd] = kind;
    return kind;
  }
}
