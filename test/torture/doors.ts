// The four ways into the package, as one: a file that is read, written and synced, with results as system calls give
// them (≥ 0, or -errno), so that a fault can be tried through each.
import fs from 'node:fs';
import { defaultRing, type File, open, type Ring } from 'linux-aio';
import { open as dropInOpen } from 'linux-aio/fs/promises';
import * as posix from 'linux-aio/posix';

export const DOORS = ['ring', 'promises', 'posix', 'drop-in'] as const;
export type DoorName = (typeof DOORS)[number];

export interface OpenFile {
  read(buffer: Uint8Array, position: number): Promise<number>;
  write(buffer: Uint8Array, position: number): Promise<number>;
  sync(): Promise<number>;
  close(): Promise<void>;
  /** starts a read; `cancel` asks for it to be taken back, where this way in has that */
  cancellableRead(buffer: Uint8Array, position: number): { result: Promise<number>; cancel: () => void };
}

/** Opens a file; rejects with the system's error. */
export type Door = (path: string, flags: string | number) => Promise<OpenFile>;

/** The negative errno of what was thrown; rethrown when it has none. */
export function errnoOf(error: unknown): number {
  const { errno, name } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return -125;
  if (typeof errno !== 'number' || errno === 0) throw error;
  return -Math.abs(errno);
}

const number = (promise: Promise<number>): Promise<number> => promise.catch(errnoOf);

function throughRing(fd: number, ring: Ring): OpenFile {
  const request = (start: (done: (n: number) => void) => unknown) =>
    new Promise<number>((resolve) => start(resolve));
  return {
    read: (buffer, position) => request((done) => ring.read(fd, buffer, position, done)),
    write: (buffer, position) => request((done) => ring.write(fd, buffer, position, done)),
    sync: () => request((done) => ring.fsync(fd, false, done)),
    close: async () => fs.closeSync(fd),
    cancellableRead: (buffer, position) => {
      let id = 0;
      const result = request((done) => {
        id = ring.read(fd, buffer, position, done);
      });
      return { result, cancel: () => ring.cancel(id, () => {}) };
    },
  };
}

function throughFile(file: File): OpenFile {
  const read = (buffer: Uint8Array, position: number, signal?: AbortSignal) =>
    number(file.read(buffer, { position, signal }).then(({ bytesRead }) => bytesRead));
  return {
    read,
    write: (buffer, position) =>
      number(file.write(buffer, { position }).then(({ bytesWritten }) => bytesWritten)),
    sync: () => number(file.sync().then(() => 0)),
    close: () => file.close(),
    cancellableRead: (buffer, position) => {
      const controller = new AbortController();
      return { result: read(buffer, position, controller.signal), cancel: () => controller.abort() };
    },
  };
}

function throughPosix(fd: number): OpenFile {
  function start(how: (cb: posix.aiocb) => 0 | -1, cb: posix.aiocb): Promise<number> {
    if (how(cb) === -1) return Promise.resolve(-posix.errno);
    return number(posix.completion(cb));
  }
  const control = (aio_buf: Uint8Array | null, aio_offset: number) =>
    new posix.aiocb({ aio_fildes: fd, aio_buf, aio_nbytes: aio_buf?.byteLength ?? 0, aio_offset });
  return {
    read: (buffer, position) => start(posix.aio_read, control(buffer, position)),
    write: (buffer, position) => start(posix.aio_write, control(buffer, position)),
    sync: () => start((cb) => posix.aio_fsync(posix.O_SYNC, cb), control(null, 0)),
    close: async () => fs.closeSync(fd),
    cancellableRead: (buffer, position) => {
      const cb = control(buffer, position);
      return { result: start(posix.aio_read, cb), cancel: () => void posix.aio_cancel(fd, cb) };
    },
  };
}

/** Reads cannot be taken back there: FileHandle has no such thing. */
function throughDropIn(file: fs.promises.FileHandle): OpenFile {
  const read = (buffer: Uint8Array, position: number) =>
    number(file.read(buffer, { position }).then(({ bytesRead }) => bytesRead));
  return {
    read,
    write: (buffer, position) =>
      number(file.write(buffer, 0, buffer.byteLength, position).then(({ bytesWritten }) => bytesWritten)),
    sync: () => number(file.sync().then(() => 0)),
    close: () => file.close(),
    cancellableRead: (buffer, position) => ({ result: read(buffer, position), cancel: () => {} }),
  };
}

export const doors: Record<DoorName, Door> = {
  ring: async (path, flags) => throughRing(fs.openSync(path, flags), defaultRing()),
  promises: async (path, flags) => throughFile(await open(path, flags)),
  posix: async (path, flags) => throughPosix(fs.openSync(path, flags)),
  'drop-in': async (path, flags) => throughDropIn(await dropInOpen(path, flags)),
};
