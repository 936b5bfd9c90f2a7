// The five ways into the package, as one: a file that is read, written and synced, with results as system calls give
// them (≥ 0, or -errno), so that a fault can be tried through each.
import fs from 'node:fs';
import { defaultRing, type File, open, type Ring } from 'linux-aio';
import * as dropIn from 'linux-aio/fs';
import { open as dropInOpen } from 'linux-aio/fs/promises';
import * as posix from 'linux-aio/posix';

export const DOORS = ['ring', 'promises', 'posix', 'drop-in', 'callbacks'] as const;
export type DoorName = (typeof DOORS)[number];

export interface OpenFile {
  read(buffer: Uint8Array, position: number): Promise<number>;
  write(buffer: Uint8Array, position: number): Promise<number>;
  sync(): Promise<number>;
  /** rejects with the system's error; the descriptor is gone all the same */
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

/** A request of the ring: its raw result. */
const request = (start: (done: (n: number) => void) => unknown): Promise<number> =>
  new Promise((resolve) => start(resolve));

/** The same, where a negative result is thrown. */
async function succeeded(start: (done: (n: number) => void) => unknown): Promise<number> {
  const result = await request(start);
  if (result < 0) throw Object.assign(new Error(`errno ${-result}`), { errno: result });
  return result;
}

const AT_FDCWD = -100;
const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC } = fs.constants;
const FLAGS: Record<string, number> = { r: O_RDONLY, 'r+': O_RDWR, 'w+': O_RDWR | O_CREAT | O_TRUNC };

async function openThroughRing(path: string, flags: string | number): Promise<OpenFile> {
  const ring = defaultRing();
  const bits = typeof flags === 'number' ? flags : FLAGS[flags];
  return throughRing(await succeeded((done) => ring.openat(AT_FDCWD, path, bits, 0o666, done)), ring);
}

function throughRing(fd: number, ring: Ring): OpenFile {
  return {
    read: (buffer, position) => request((done) => ring.read(fd, buffer, position, done)),
    write: (buffer, position) => request((done) => ring.write(fd, buffer, position, done)),
    sync: () => request((done) => ring.fsync(fd, false, done)),
    close: async () => void (await succeeded((done) => ring.close(fd, done))),
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
  async function start(how: (cb: posix.aiocb) => 0 | -1, cb: posix.aiocb): Promise<number> {
    if (how(cb) === -1) return -posix.errno;
    return await number(posix.completion(cb));
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

type Back<T> = (error: NodeJS.ErrnoException | null, result?: T) => void;

/** What a function of node:fs calls back with. */
const calledBack = <T>(start: (back: Back<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result as T))));

/** Nor can they be taken back there. */
function throughCallbacks(fd: number): OpenFile {
  const read = (buffer: Uint8Array, position: number) =>
    number(calledBack((back) => dropIn.read(fd, buffer, 0, buffer.byteLength, position, back)));
  return {
    read,
    write: (buffer, position) =>
      number(calledBack((back) => dropIn.write(fd, buffer, 0, buffer.byteLength, position, back))),
    sync: () => number(calledBack<undefined>((back) => dropIn.fsync(fd, back)).then(() => 0)),
    close: () => calledBack((back) => dropIn.close(fd, back)),
    cancellableRead: (buffer, position) => ({ result: read(buffer, position), cancel: () => {} }),
  };
}

export const doors: Record<DoorName, Door> = {
  ring: openThroughRing,
  promises: async (path, flags) => throughFile(await open(path, flags)),
  posix: async (path, flags) => throughPosix(fs.openSync(path, flags)),
  'drop-in': async (path, flags) => throughDropIn(await dropInOpen(path, flags)),
  callbacks: async (path, flags) =>
    throughCallbacks(await calledBack<number>((back) => dropIn.open(path, flags, back))),
};
