// How many system calls a model makes. A process cannot trace itself, so this adds up what is certain:
//
//   read, write         the kernel counts them for every thread, in /proc/self/task/<tid>/io; in a kernel without
//                       that file the models' own count stands
//   select, poll        counted where they are made
//   enter               io_uring_enter, or what stands in for it: the ring counts its own
//   epoll_wait          at least one per turn of the event loop, and libuv counts those (a turn that waits makes two)
//   all others          made by functions of the addon, which are counted at its door
//
// Missing are futex calls, with which the threads of a pool wake each other. A test compares all this with strace.
import { closeSync, openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type NativeAddon, native } from '../abi/native.js';
import type { RingStats } from '../ring/stats.js';
import type { SystemCalls } from './recording.js';

/** What the functions of the addon call that AIO needs beside the ring; reads and writes are counted by the kernel. */
const CALLS_OF: Readonly<Partial<Record<keyof NativeAddon, readonly string[]>>> = {
  describe: ['fcntl', 'statx'],
  duplicate: ['fcntl'],
  sameFile: ['fcntl'],
  closeDescriptor: ['close'],
  // Who is it from, does anybody catch it, for which thread, queue it; then the handler.
  signalQueue: [
    ...['getpid', 'getuid', 'rt_sigaction', 'gettid', 'getpid', 'rt_tgsigqueueinfo'],
    ...['gettid', 'rt_sigreturn'],
  ],
};

/** Calls made through the addon since the process began, by name. */
const throughAddon: Record<string, number> = {};

/** Call once, before the first model. */
export function countAtTheDoor(): void {
  const addon = native() as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [name, calls] of Object.entries(CALLS_OF)) {
    const original = addon[name];
    addon[name] = (...args) => {
      for (const call of calls) throughAddon[call] = (throughAddon[call] ?? 0) + 1;
      return original(...args);
    };
  }
}

export class SystemCallCounter {
  readonly #own: Record<string, number> = {};
  readonly #transfers = new TransferCounter();
  readonly #throughAddonBefore = { ...throughAddon };
  readonly #turnsBefore = loopTurns();
  #ring: { readonly stats: RingStats } | null = null;
  #ringBefore = 0;

  add(name: string, count = 1): void {
    this.#own[name] = (this.#own[name] ?? 0) + count;
  }

  /** Counts what `ring` does from now on. */
  watch(ring: { readonly stats: RingStats }): void {
    this.#ring = ring;
    this.#ringBefore = ring.stats.systemCalls;
  }

  /** All calls since this object was made, less `requests` writes of the thread. Call once. */
  finish(requests: number): SystemCalls {
    const thread: Record<string, number> = { ...this.#own };
    for (const [name, count] of Object.entries(throughAddon)) {
      thread[name] = count - (this.#throughAddonBefore[name] ?? 0);
    }
    const transfers = this.#transfers.finish();
    if (transfers !== null) {
      thread['read'] = transfers.reads;
      thread['write'] = transfers.writes - requests;
    }
    if (this.#ring !== null) thread['enter'] = this.#ring.stats.systemCalls - this.#ringBefore;
    thread['epoll_wait'] = loopTurns() - this.#turnsBefore;
    const made = Object.entries(thread).filter(([, count]) => count > 0);
    return { thread: Object.fromEntries(made), others: transfers?.others ?? 0 };
  }
}

/** Enough for the lines that count, which are the third and the fourth. */
const BYTES = 256;
/** Looking at both files is two reads by this thread, in every difference. */
const READS_OF_LOOKING = 2;

class TransferCounter {
  readonly #files: number[];
  readonly #buffer = Buffer.alloc(BYTES);
  readonly #before: number[];

  constructor() {
    try {
      this.#files = [`/proc/self/task/${process.pid}/io`, '/proc/self/io'].map((path) => openSync(path, 'r'));
    } catch (error) {
      // A kernel without task I/O accounting, or a sandbox that hides it.
      if (!['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#files = [];
    }
    this.#before = this.#look();
  }

  finish(): { reads: number; writes: number; others: number } | null {
    if (this.#files.length === 0) return null;
    const now = this.#look();
    for (const file of this.#files) closeSync(file);
    const [reads, writes, allReads, allWrites] = now.map((value, i) => value - this.#before[i]);
    return { reads: reads - READS_OF_LOOKING, writes, others: allReads + allWrites - reads - writes };
  }

  /** Reads and writes of this thread, then of the whole process. */
  #look(): number[] {
    return this.#files.flatMap((file) => {
      const text = this.#buffer.toString('latin1', 0, readSync(file, this.#buffer, 0, BYTES, 0));
      return ['syscr', 'syscw'].map((name) => Number(text.match(`${name}: (\\d+)`)![1]));
    });
  }
}

function loopTurns(): number {
  return performance.nodeTiming.uvMetricsInfo.loopCount;
}
