// The four ways into the package as one, for an end of a pipe: transfers that stay under way as long as a test likes, and
// of which a test keeps nothing but the result. test/torture/doors.ts is the same for files.
//
// What is kept matters: a closure that can see a view keeps it, and with it the memory that a test wants to be given up.
// So callbacks are made in functions that know no view.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type Done, type File, open, type Ring } from 'linux-aio';
import { open as dropInOpen } from 'linux-aio/fs/promises';
import * as posix from 'linux-aio/posix';
import { addressOf, coreOf, ioUring } from './internals.js';
import { HANG_MS } from './ring.js';

export const OPERATIONS = ['read', 'write'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Under way; its result is bytes, or -errno. */
export interface Transfer {
  readonly result: Promise<number>;
  /** asks for it to be taken back; absent where this way in has no such thing */
  readonly cancel?: () => void;
  /** the request of a ring that it is */
  readonly id?: number;
}

export interface PipeEnd {
  /** @param seen runs in the first function of a program that is told of the result, before the result is awaited */
  start(view: Uint8Array, seen: () => void): Transfer;
  close(): Promise<void>;
}

export interface PipeDoor {
  readonly name: string;
  readonly cancels: boolean;
  /** its requests are those of a ring that a program opened, and may close */
  readonly hasOwnRing: boolean;
  open(path: string, operation: Operation, ring: Ring): Promise<PipeEnd>;
  /** Blocks this thread until all of them are complete; nobody has been told of any when it returns. */
  complete(transfers: readonly Transfer[], ring: Ring): void;
}

const FLAGS = { read: fs.constants.O_RDONLY, write: fs.constants.O_WRONLY } as const;
const errnoOf = (error: unknown): number => {
  const { errno, name } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return -posix.ECANCELED;
  if (typeof errno !== 'number') throw error;
  return -Math.abs(errno);
};

/** A promise, and the callback that settles it. */
function told(seen: () => void): { result: Promise<number>; done: Done } {
  let settle: Done = () => {};
  const result = new Promise<number>((resolve) => {
    settle = resolve;
  });
  const done: Done = (bytes) => {
    seen();
    settle(bytes);
  };
  return { result, done };
}

function telling(promise: Promise<number>, seen: () => void): Promise<number> {
  return promise.catch(errnoOf).then((bytes) => {
    seen();
    return bytes;
  });
}

/** Reads back the completions of all that the ring has in flight, and delivers none. */
function reap(ring: Ring): void {
  const core = coreOf(ring);
  core.flush();
  while (core.ports.inKernel > 0) assert.ok(core.enterAndWait(1, HANG_MS) >= 0, 'nothing completes');
}

const canceller = (ring: Ring, id: number) => () => ring.cancel(id, () => {});

const ring: PipeDoor = {
  name: 'the ring',
  cancels: true,
  hasOwnRing: true,
  open: async (path, operation, ring) => {
    const fd = fs.openSync(path, FLAGS[operation]);
    return {
      start(view, seen) {
        const { result, done } = told(seen);
        const id = ring[operation](fd, view, -1, done);
        return { id, result, cancel: canceller(ring, id) };
      },
      close: async () => fs.closeSync(fd),
    };
  },
  complete: (_transfers, ring) => reap(ring),
};

/** Transfers that count as soon to be over, which no method of Ring makes of a pipe's: they queue behind a full queue. */
export const throughFullQueue: PipeDoor = {
  ...ring,
  name: 'the full queues of a ring',
  open: async (path, operation, ring) => {
    const fd = fs.openSync(path, FLAGS[operation]);
    const op = operation === 'read' ? ioUring.OP.READ : ioUring.OP.WRITE;
    return {
      start(view, seen) {
        const { result, done } = told(seen);
        const id = coreOf(ring).start(op, fd, -1, addressOf(view), view.byteLength, 0, 0, view, done);
        return { id, result, cancel: canceller(ring, id) };
      },
      close: async () => fs.closeSync(fd),
    };
  },
};

const bytesMoved = (result: { bytesRead?: number; bytesWritten?: number }): number =>
  (result.bytesRead ?? result.bytesWritten)!;

function moveWith(file: File, operation: Operation, view: Uint8Array, signal: AbortSignal): Promise<number> {
  return (operation === 'read' ? file.read(view, { signal }) : file.write(view, { signal })).then(bytesMoved);
}

const promises: PipeDoor = {
  name: 'File',
  cancels: true,
  hasOwnRing: true,
  open: async (path, operation, ring) => {
    const file = await open(path, FLAGS[operation], 0, { ring });
    return {
      start(view, seen) {
        const controller = new AbortController();
        const result = telling(moveWith(file, operation, view, controller.signal), seen);
        return { result, cancel: () => controller.abort() };
      },
      close: () => file.close(),
    };
  },
  complete: (_transfers, ring) => reap(ring),
};

function startControlBlock(
  fd: number,
  operation: Operation,
  view: Uint8Array,
  seen: () => void,
): WeakRef<posix.aiocb> {
  const cb = new posix.aiocb({ aio_fildes: fd, aio_buf: view, aio_nbytes: view.byteLength });
  cb.aio_sigevent = notification(seen);
  assert.equal(operation === 'read' ? posix.aio_read(cb) : posix.aio_write(cb), 0);
  return new WeakRef(cb);
}

function notification(seen: () => void): posix.sigevent {
  return { sigev_notify: posix.SIGEV_THREAD, sigev_notify_function: () => seen() };
}

/** The control blocks of what is under way: the implementation alone keeps them. */
const blocks = new WeakMap<Transfer, WeakRef<posix.aiocb>>();

const aio: PipeDoor = {
  name: '<aio.h>',
  cancels: true,
  hasOwnRing: false,
  open: async (path, operation) => {
    const fd = fs.openSync(path, FLAGS[operation]);
    return {
      start(view, seen) {
        const cb = startControlBlock(fd, operation, view, seen);
        const result = posix.completion(cb.deref()!).catch(errnoOf);
        const transfer = { result, cancel: () => void posix.aio_cancel(fd, cb.deref()!) };
        blocks.set(transfer, cb);
        return transfer;
      },
      close: async () => fs.closeSync(fd),
    };
  },
  complete(transfers) {
    for (const transfer of transfers) {
      const cb = blocks.get(transfer)!.deref();
      // One that is over may have been collected by its promise, even by the look that aio_suspend begins with.
      while (cb !== undefined && posix.aio_error(cb) === posix.EINPROGRESS) {
        const result = posix.aio_suspend([cb], 1, { tv_sec: HANG_MS / 1000, tv_nsec: 0 });
        assert.ok(result === 0 || posix.errno !== posix.EAGAIN, 'nothing completes');
      }
    }
  },
};

function moveWithHandle(
  handle: fs.promises.FileHandle,
  operation: Operation,
  view: Uint8Array,
): Promise<number> {
  return (operation === 'read' ? handle.read(view) : handle.write(view)).then(bytesMoved);
}

/** On the thread's own ring, which no program closes. A FileHandle has nothing that takes a transfer back. */
const dropIn: PipeDoor = {
  name: 'fs/promises',
  cancels: false,
  hasOwnRing: false,
  open: async (path, operation) => {
    const handle = await dropInOpen(path, FLAGS[operation]);
    return {
      start: (view, seen) => ({ result: telling(moveWithHandle(handle, operation, view), seen) }),
      close: () => handle.close(),
    };
  },
  complete: (_transfers, ring) => reap(ring),
};

export const PIPE_DOORS: readonly PipeDoor[] = [ring, promises, aio, dropIn];
