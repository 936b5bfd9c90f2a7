// The io_uring engine: the kernel itself reads the submission queue and writes the completion queue.
//
// Set-up is by trying: the best flags first, then without the ones the kernel does not know (EINVAL), then with a
// smaller ring where the locked-memory limit refuses (ENOMEM). What the kernel can do is asked with
// IORING_REGISTER_PROBE, and a no-op has to come back before the engine is trusted.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { env } from 'node:process';
import { ERRNO } from '../abi/errno.js';
import { OP, PARAMS_BYTES, PARAMS_WORD, PROBE, REGISTER, SETUP, SQE_WORD } from '../abi/io_uring.js';
import { CTL, type NativeAddon, type NativeQueues, native } from '../abi/native.js';
import type { Engine, EngineOptions } from './engine.js';
import { requirePinning } from './memory.js';
import { type QueueLayout, Queues } from './queues.js';

const BASE = SETUP.CLAMP | SETUP.CQSIZE;

/** Best first. Each row says the kernel it needs; an older one answers EINVAL and the next row is tried. */
const FLAG_SETS = [
  // 6.6: no index array between the tail and the entries
  BASE | SETUP.SUBMIT_ALL | SETUP.SINGLE_ISSUER | SETUP.DEFER_TASKRUN | SETUP.TASKRUN_FLAG | SETUP.NO_SQARRAY,
  // 6.1: completions are posted only when this thread asks, so nothing interrupts it
  BASE | SETUP.SUBMIT_ALL | SETUP.SINGLE_ISSUER | SETUP.DEFER_TASKRUN | SETUP.TASKRUN_FLAG,
  // 5.19
  BASE | SETUP.SUBMIT_ALL | SETUP.COOP_TASKRUN | SETUP.TASKRUN_FLAG,
  BASE | SETUP.SUBMIT_ALL, // 5.18
  BASE, // 5.6
];
const FLAG_SETS_SQPOLL = [
  BASE | SETUP.SQPOLL | SETUP.SUBMIT_ALL | SETUP.SINGLE_ISSUER | SETUP.NO_SQARRAY,
  BASE | SETUP.SQPOLL | SETUP.SUBMIT_ALL,
  BASE | SETUP.SQPOLL,
];

/** The completion queue is this many times the submission queue, and at least … entries. */
export const CQ_FACTOR = 4;
export const CQ_ENTRIES_MIN = 512;
/** Below this many entries a ring is not worth having. */
const ENTRIES_SMALLEST = 8;
/** The kernel un-charges the memory of closed rings late: up to 40 ms were seen (Linux 6.18). */
const MEMLOCK_RETRIES = 5;
const MEMLOCK_RETRY_MS = 10;

/** A ring that the system refuses: what the system call said, and what to do about it. */
export class RingRefusedError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  constructor(code: string, errno: number, syscall: string, hint: string) {
    super(`${code}: io_uring is not available, ${syscall}: ${hint}`);
    this.name = 'Error';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

export function openUring(options: EngineOptions, onWake: () => void): Engine {
  const addon = native();
  requirePinning();
  const { queues: nativeQueues, params } = setUp(addon, options, onWake);
  const { handle } = nativeQueues;
  const queues = new Queues(nativeQueues, layout(params));
  fillIndexArray(queues, params);
  addon.uringRegister(handle, REGISTER.IOWQ_MAX_WORKERS, Uint32Array.from(options.workers).buffer, 2); // 5.15
  const operations = probe(addon, handle);
  if (options.sqpollIdle === null) roundTrip(addon, handle, queues);
  return {
    name: 'io_uring',
    queues,
    operations,
    closesOwnDescriptors: false,
    resolvesDescriptorsAtSubmit: options.sqpollIdle === null,
    announcesCompletions: true,
    handle,
    syncReference: () => addon.ringSyncReference(handle),
    register: (opcode, argument, count) => addon.uringRegister(handle, opcode, argument, count),
    close: () => addon.ringClose(handle),
  };
}

function setUp(
  addon: NativeAddon,
  options: EngineOptions,
  onWake: () => void,
): { queues: NativeQueues; params: Int32Array } {
  const all = options.sqpollIdle === null ? FLAG_SETS : FLAG_SETS_SQPOLL;
  // A way round a kernel that accepts a flag and gets it wrong, and for tests: leave out the first sets.
  const flagSets = all.slice(Math.min(Number(env['LINUX_AIO_URING_SKIP']) || 0, all.length - 1));
  let entries = options.entries;
  let retries = 0;
  for (let set = 0; ; ) {
    const params = new Int32Array(PARAMS_BYTES / 4);
    params[PARAMS_WORD.SQ_ENTRIES] = entries;
    // The least completion queue shrinks with a ring that had to: memory is what was short.
    params[PARAMS_WORD.CQ_ENTRIES] = Math.max(
      CQ_FACTOR * entries,
      entries === options.entries ? CQ_ENTRIES_MIN : 0,
    );
    params[PARAMS_WORD.FLAGS] = flagSets[set];
    params[PARAMS_WORD.SQ_THREAD_IDLE] = options.sqpollIdle ?? 0;
    const queues = addon.uringOpen(params.buffer, onWake);
    if (typeof queues === 'object') return { queues, params };
    if (queues === -ERRNO.EINVAL && set < flagSets.length - 1) {
      set++;
    } else if (queues === -ERRNO.ENOMEM && retries < MEMLOCK_RETRIES) {
      retries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MEMLOCK_RETRY_MS);
    } else if (queues === -ERRNO.ENOMEM && entries > ENTRIES_SMALLEST) {
      entries >>= 1;
    } else {
      throw refused(queues, entries);
    }
  }
}

export function layout(params: Int32Array): QueueLayout {
  return {
    sqEntries: params[PARAMS_WORD.SQ_ENTRIES],
    cqEntries: params[PARAMS_WORD.CQ_ENTRIES],
    sqHead: params[PARAMS_WORD.SQ_OFF_HEAD],
    sqTail: params[PARAMS_WORD.SQ_OFF_TAIL],
    sqFlags: params[PARAMS_WORD.SQ_OFF_FLAGS],
    cqHead: params[PARAMS_WORD.CQ_OFF_HEAD],
    cqTail: params[PARAMS_WORD.CQ_OFF_TAIL],
    cqes: params[PARAMS_WORD.CQ_OFF_CQES],
    polled: (params[PARAMS_WORD.FLAGS] & SETUP.SQPOLL) !== 0,
  };
}

/** Before NO_SQARRAY the kernel looks entries up through an array of indices: the identity, once. */
function fillIndexArray(queues: Queues, params: Int32Array): void {
  if (params[PARAMS_WORD.FLAGS] & SETUP.NO_SQARRAY) return;
  const first = params[PARAMS_WORD.SQ_OFF_ARRAY] >> 2;
  for (let i = 0; i < queues.sqEntries; i++) queues.ring[first + i] = i;
}

function probe(addon: NativeAddon, handle: object): ReadonlySet<number> {
  const bytes = new Uint8Array(PROBE.HEADER_BYTES + PROBE.OPS * PROBE.OP_BYTES);
  const result = addon.uringRegister(handle, REGISTER.PROBE, bytes.buffer, PROBE.OPS);
  const operations = new Set<number>();
  for (let op = 0; result >= 0 && op < PROBE.OPS; op++) {
    if (bytes[PROBE.HEADER_BYTES + op * PROBE.OP_BYTES + 2] & PROBE.SUPPORTED) operations.add(op);
  }
  return operations;
}

/** A no-op through the ring: some sandboxes allow the set-up and then do nothing. */
function roundTrip(addon: NativeAddon, handle: object, queues: Queues): void {
  const w = queues.next();
  queues.entries.fill(0, w, w + 16);
  queues.entries[w + SQE_WORD.OP_FLAGS] = OP.NOP;
  const error = queues.enter(1, 1000);
  if (error === 0 && queues.completionsReady === 1) {
    queues.consume(1);
    queues.control[CTL.SYSTEM_CALLS] = 0;
    return;
  }
  addon.ringClose(handle);
  throw new RingRefusedError('EIO', -5, 'io_uring_enter', 'a no-op did not complete within a second');
}

function refused(error: number, entries: number): Error {
  const hints: Record<number, () => [string, string]> = {
    [ERRNO.EPERM]: () => ['EPERM', permissionHint()],
    [ERRNO.ENOSYS]: () => [
      'ENOSYS',
      `not on kernel ${release()}: io_uring needs Linux 5.11, and no seccomp profile that hides it (Podman's does)`,
    ],
    [ERRNO.ENOMEM]: () => [
      'ENOMEM',
      `no memory for a ring of ${entries} entries; the locked-memory limit is ${memlockLimit()} bytes ` +
        '(raise it with ulimit -l, or LimitMEMLOCK= in the systemd unit; aio doctor tells it from a memory cgroup)',
    ],
    [ERRNO.EMFILE]: () => ['EMFILE', 'too many open files (ulimit -n); a ring needs two descriptors'],
    [ERRNO.EINVAL]: () => [
      'EINVAL',
      `kernel ${release()} knows none of the ways to set up a ring (needs Linux 5.11)`,
    ],
  };
  const [code, hint] = hints[-error]?.() ?? [`errno ${-error}`, 'refused by the system'];
  return new RingRefusedError(code, error, 'io_uring_setup', hint);
}

function permissionHint(): string {
  const disabled = readNumber('/proc/sys/kernel/io_uring_disabled');
  if (disabled === 2) return 'disabled for everyone by kernel.io_uring_disabled=2';
  if (disabled === 1)
    return 'disabled by kernel.io_uring_disabled=1 for processes outside kernel.io_uring_group';
  return 'blocked by a seccomp filter or a security module, as in a default container; aio doctor tells more';
}

function memlockLimit(): string {
  const limits = readText('/proc/self/limits') ?? '';
  return /^Max locked memory\s+(\S+)/m.exec(limits)?.[1] ?? 'unknown';
}

function readNumber(path: string): number | null {
  const text = readText(path);
  return text === null ? null : Number(text);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // no /proc, or an older kernel: the caller says what it knows without it
  }
}
