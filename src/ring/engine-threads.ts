// The threads engine: the same queues in anonymous memory, and a pool of threads in the addon that reads submissions
// and posts completions (native/threads.c, native/pool.h). It needs no permission, so it serves where io_uring is
// refused: default containers, hardened kernels, a small memlock limit.
import { getSystemErrorMap } from 'node:util';
import { OP, PARAMS_BYTES, PARAMS_WORD } from '../abi/io_uring.js';
import { type NativeAddon, native, POOL_OP } from '../abi/native.js';
import type { Engine, EngineOptions } from './engine.js';
import { CQ_ENTRIES_MIN, CQ_FACTOR, layout } from './engine-io_uring.js';
import { requirePinning } from './memory.js';
import { Queues } from './queues.js';

/** All that the ring asks for; registered buffers are io_uring's own. */
export const POOL_OPERATIONS: ReadonlySet<number> = new Set([
  ...Object.values(OP).filter((op) => op !== OP.READ_FIXED && op !== OP.WRITE_FIXED),
  ...Object.values(POOL_OP),
]);

/** Completion entries of a ring in front of the pool. */
export function completionEntries(options: EngineOptions): number {
  return Math.max(CQ_FACTOR * options.entries, CQ_ENTRIES_MIN);
}

/** An engine whose queues the pool serves, alone or beside Linux AIO; `refused` makes the error of an errno. */
export function openOnPool(
  name: 'threads' | 'native',
  open: NativeAddon['poolOpen'],
  options: EngineOptions,
  onWake: () => void,
  refused: (errno: number) => Error,
): Engine {
  requirePinning();
  const params = new Int32Array(PARAMS_BYTES / 4);
  params[PARAMS_WORD.SQ_ENTRIES] = options.entries;
  params[PARAMS_WORD.CQ_ENTRIES] = completionEntries(options);
  const queues = open(params.buffer, onWake, options.poolWorkers);
  if (typeof queues === 'number') throw refused(queues);
  const { handle } = queues;
  return {
    name,
    queues: new Queues(queues, layout(params)),
    handle,
    operations: POOL_OPERATIONS,
    resolvesDescriptorsAtSubmit: false,
    // Linux AIO takes some of the entries, and closes nothing.
    closesOwnDescriptors: name === 'threads',
    // It has a queue of its own, which is looked at on entering.
    announcesCompletions: name === 'threads',
    syncReference: () => native().ringSyncReference(handle),
    register: null,
    close: () => native().ringClose(handle),
  };
}

export function openThreads(options: EngineOptions, onWake: () => void): Engine {
  return openOnPool('threads', native().poolOpen, options, onWake, refused);
}

function refused(errno: number): Error {
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'refused by the system'];
  const hint = code === 'EMFILE' ? ' (ulimit -n); a pool needs four descriptors' : '';
  return Object.assign(new Error(`${code}: the engine 'threads' is not available: ${text}${hint}`), {
    code,
    errno,
    syscall: 'eventfd',
  });
}
