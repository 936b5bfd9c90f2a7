// Every asynchronous function of node:fs, as a program uses it: one entry each, by promises, by callbacks and on a
// FileHandle. What makes something and what takes it away again are measured as a pair.
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import promises from 'node:fs/promises';
import { smallFiles, smallPath } from '../fixtures.js';

/** The files that there are; each lane may have some of its own beside them. */
export interface Place {
  folder: string;
  /** prefix of the 20,000 files of 4 KiB */
  small: string;
}

/** Lane `lane`'s operation number `i`. */
export type Operation = (lane: number, i: number) => Promise<unknown>;
export type CallbackOperation = (lane: number, i: number, done: (error?: Error | null) => void) => void;

export interface Entry {
  api: 'promises' | 'callbacks' | 'FileHandle';
  /** what of it is shown where an entry stands for more than its name says */
  note?: string;
  /** one operation at a time only: large ones */
  alone?: boolean;
  /** a goal of this package: at least so many times Node's */
  goal?: { atLeast: number; depth: number };
  prepare(place: Place, lanes: number): Promise<{ run: Operation } | { call: CallbackOperation }>;
  /** closed after the slice */
  finish?(): Promise<void>;
}

const own = ({ folder }: Place, lane: number) => `${folder}/lane-${lane}`;
const content = Buffer.alloc(1024, 0x61);
const block = Buffer.alloc(4096, 0x62);
const large = Buffer.alloc(1 << 20, 0x63);

/** Another file each time, as random as a multiplication makes it. */
const anySmall = ({ small }: Place, lane: number, i: number) =>
  smallPath(small, ((i * 32 + lane) * 7919) % smallFiles);

type PathCall = (place: Place, lane: number, i: number) => readonly unknown[];

/** Functions that take a path, with their arguments: the same for promises and callbacks. */
const SINGLE: Readonly<Record<string, PathCall>> = {
  access: (place, lane, i) => [anySmall(place, lane, i)],
  appendFile: (place, lane) => [own(place, lane), 'a line\n'],
  chmod: (place, lane) => [own(place, lane), 0o644],
  chown: (place, lane) => [own(place, lane), -1, -1],
  copyFile: (place, lane, i) => [anySmall(place, lane, i), `${own(place, lane)}-copy`],
  lchown: (place, lane) => [own(place, lane), -1, -1],
  lstat: (place, lane, i) => [anySmall(place, lane, i)],
  lutimes: (place, lane) => [own(place, lane), 1, 2],
  readFile: (place, lane, i) => [anySmall(place, lane, i)],
  readdir: (place, _, i) => [`${place.small}${i % 100}`],
  readlink: (place) => [`${place.folder}/link`],
  realpath: (place) => [`${place.folder}/link`],
  stat: (place, lane, i) => [anySmall(place, lane, i)],
  statfs: (place) => [place.folder],
  truncate: (place, lane) => [own(place, lane), 512],
  utimes: (place, lane) => [own(place, lane), 1, 2],
  writeFile: (place, lane, i) => [`${own(place, lane)}-w${i % 16}`, content],
};

/** Two calls, one after the other. */
const PAIRS: Readonly<Record<string, readonly [PathCall, string, PathCall]>> = {
  link: [(p, lane) => [own(p, lane), `${own(p, lane)}-l`], 'unlink', (p, lane) => [`${own(p, lane)}-l`]],
  symlink: [(p, lane) => ['x', `${own(p, lane)}-s`], 'unlink', (p, lane) => [`${own(p, lane)}-s`]],
  mkdir: [(p, lane) => [`${own(p, lane)}-d`], 'rmdir', (p, lane) => [`${own(p, lane)}-d`]],
  rename: [
    (p, lane) => [`${own(p, lane)}-0`, `${own(p, lane)}-1`],
    'rename',
    (p, lane) => [`${own(p, lane)}-1`, `${own(p, lane)}-0`],
  ],
  writeFile: [(p, lane) => [`${own(p, lane)}-r`, ''], 'rm', (p, lane) => [`${own(p, lane)}-r`]],
};

const GOALS: Readonly<Record<string, Entry['goal']>> = {
  readFile: { atLeast: 5, depth: 32 },
  stat: { atLeast: 1.5, depth: 32 },
  writeFile: { atLeast: 1.5, depth: 32 },
};

type Functions = Record<string, (...args: unknown[]) => Promise<unknown>>;
const byPromise = promises as unknown as Functions;
const byCallback = fs as unknown as Record<string, (...args: unknown[]) => void>;

function pathEntries(): Record<string, Entry> {
  const entries: Record<string, Entry> = {};
  for (const [name, args] of Object.entries(SINGLE)) {
    entries[`promises.${name}`] = {
      api: 'promises',
      goal: GOALS[name],
      prepare: async (place) => ({ run: (lane, i) => byPromise[name](...args(place, lane, i)) }),
    };
    entries[`fs.${name}`] = {
      api: 'callbacks',
      prepare: async (place) => ({
        call: (lane, i, done) => byCallback[name](...args(place, lane, i), done),
      }),
    };
  }
  for (const [name, [first, second, args]] of Object.entries(PAIRS)) {
    const title = `${name}+${second}`;
    entries[`promises.${title}`] = {
      api: 'promises',
      prepare: async (place) => ({
        run: async (lane, i) => {
          await byPromise[name](...first(place, lane, i));
          await byPromise[second](...args(place, lane, i));
        },
      }),
    };
    entries[`fs.${title}`] = {
      api: 'callbacks',
      prepare: async (place) => ({
        call: (lane, i, done) =>
          byCallback[name](...first(place, lane, i), (error: Error | null) =>
            error ? done(error) : byCallback[second](...args(place, lane, i), done),
          ),
      }),
    };
  }
  return entries;
}

let handles: FileHandle[] = [];
let fds: number[] = [];

async function finish(): Promise<void> {
  for (const handle of handles) await handle.close();
  for (const fd of fds) fs.closeSync(fd);
  handles = [];
  fds = [];
}

/** On a handle of each lane's own file of 1 MiB. */
function onHandle(use: (handle: FileHandle, i: number) => Promise<unknown>): Entry {
  return {
    api: 'FileHandle',
    finish,
    prepare: async (place, lanes) => {
      for (let lane = 0; lane < lanes; lane++)
        handles.push(await promises.open(`${own(place, lane)}-m`, 'r+'));
      return { run: (lane, i) => use(handles[lane], i) };
    },
  };
}

/** On a descriptor of the same. */
function onDescriptor(use: (fd: number, i: number, done: (error?: Error | null) => void) => void): Entry {
  return {
    api: 'callbacks',
    finish,
    prepare: async (place, lanes) => {
      for (let lane = 0; lane < lanes; lane++) fds.push(fs.openSync(`${own(place, lane)}-m`, 'r+'));
      return { call: (lane, i, done) => use(fds[lane], i, done) };
    },
  };
}

const position = (i: number) => ((i * 7919) % 256) * 4096;
const halves = [block.subarray(0, 2048), block.subarray(2048)];

const HANDLES: Readonly<Record<string, Entry>> = {
  'FileHandle.appendFile': onHandle((handle) => handle.appendFile('')),
  'FileHandle.chmod': onHandle((handle) => handle.chmod(0o644)),
  'FileHandle.chown': onHandle((handle) => handle.chown(-1, -1)),
  'FileHandle.datasync': onHandle((handle) => handle.datasync()),
  'FileHandle.read': onHandle((handle, i) => handle.read(block, 0, 4096, position(i))),
  'FileHandle.readFile': onHandle((handle) => handle.readFile()),
  'FileHandle.readv': onHandle((handle, i) => handle.readv(halves, position(i))),
  'FileHandle.stat': onHandle((handle) => handle.stat()),
  'FileHandle.sync': onHandle((handle) => handle.sync()),
  'FileHandle.truncate': onHandle((handle) => handle.truncate(1 << 20)),
  'FileHandle.utimes': onHandle((handle) => handle.utimes(1, 2)),
  'FileHandle.write': onHandle((handle, i) => handle.write(block, 0, 4096, position(i))),
  'FileHandle.writeFile': onHandle((handle) => handle.writeFile('')),
  'FileHandle.writev': onHandle((handle, i) => handle.writev(halves, position(i))),
  'fs.fchmod': onDescriptor((fd, _, done) => fs.fchmod(fd, 0o644, done)),
  'fs.fchown': onDescriptor((fd, _, done) => fs.fchown(fd, -1, -1, done)),
  'fs.fdatasync': onDescriptor((fd, _, done) => fs.fdatasync(fd, done)),
  'fs.fstat': onDescriptor((fd, _, done) => fs.fstat(fd, done)),
  'fs.fsync': onDescriptor((fd, _, done) => fs.fsync(fd, done)),
  'fs.ftruncate': onDescriptor((fd, _, done) => fs.ftruncate(fd, 1 << 20, done)),
  'fs.futimes': onDescriptor((fd, _, done) => fs.futimes(fd, 1, 2, done)),
  'fs.read': onDescriptor((fd, i, done) => fs.read(fd, block, 0, 4096, position(i), done)),
  'fs.readv': onDescriptor((fd, i, done) => fs.readv(fd, halves, position(i), done)),
  'fs.write': onDescriptor((fd, i, done) => fs.write(fd, block, 0, 4096, position(i), done)),
  'fs.writev': onDescriptor((fd, i, done) => fs.writev(fd, halves, position(i), done)),
};

const promised = (run: (place: Place, lane: number, i: number) => Promise<unknown>): Entry => ({
  api: 'promises',
  prepare: async (place) => ({ run: (lane, i) => run(place, lane, i) }),
});

function drained(stream: fs.ReadStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', resolve).resume();
  });
}

function written(stream: fs.WriteStream, chunks: number, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', resolve);
    const chunk = large.subarray(0, size);
    let left = chunks;
    const more = () => {
      while (left > 0) if (left-- && !stream.write(chunk)) return stream.once('drain', more);
      return stream.end();
    };
    more();
  });
}

const REST: Readonly<Record<string, Entry>> = {
  'promises.open+close': promised(async (place, lane, i) =>
    (await promises.open(anySmall(place, lane, i))).close(),
  ),
  'fs.open+close': {
    api: 'callbacks',
    prepare: async (place) => ({
      call: (lane, i, done) =>
        fs.open(anySmall(place, lane, i), (error, fd) => (error ? done(error) : fs.close(fd, done))),
    }),
  },
  'fs.exists': {
    api: 'callbacks',
    prepare: async (place) => ({
      call: (lane, i, done) => fs.exists(anySmall(place, lane, i), () => done()),
    }),
  },
  'promises.opendir': promised(async (place, _, i) => {
    for await (const _entry of await promises.opendir(`${place.small}${i % 100}`));
  }),
  'promises.mkdtemp+rmdir': promised(async (place) =>
    promises.rmdir(await promises.mkdtemp(`${place.folder}/temp-`)),
  ),
  'promises.cp': promised((place, lane, i) =>
    promises.cp(anySmall(place, lane, i), `${own(place, lane)}-cp`),
  ),
  'promises.readFile utf8': promised((place, lane, i) => promises.readFile(anySmall(place, lane, i), 'utf8')),
  'promises.readFile empty': promised((place) => promises.readFile(`${place.folder}/empty`)),
  'promises.readFile missing': promised((place) =>
    promises.readFile(`${place.folder}/missing`).catch(() => {}),
  ),
  'promises.readFile /proc': promised(() => promises.readFile('/proc/self/stat')),
  'promises.readFile 64 KiB': promised((place) => promises.readFile(`${place.folder}/64k`)),
  'promises.readFile 1 MiB': promised((place, lane) => promises.readFile(`${own(place, lane)}-m`)),
  'promises.readFile 16 MiB': {
    ...promised((place) => promises.readFile(`${place.folder}/16m`)),
    alone: true,
  },
  'fs.readFile 1 MiB': {
    api: 'callbacks',
    prepare: async (place) => ({ call: (lane, _, done) => fs.readFile(`${own(place, lane)}-m`, done) }),
  },
  'promises.writeFile 64 KiB': promised((place, lane) =>
    promises.writeFile(`${own(place, lane)}-64`, large.subarray(0, 65_536)),
  ),
  'promises.writeFile 1 MiB': promised((place, lane) => promises.writeFile(`${own(place, lane)}-1m`, large)),
  'fs.createReadStream 16 MiB': {
    ...promised((place) => drained(fs.createReadStream(`${place.folder}/16m`))),
    alone: true,
    goal: { atLeast: 2, depth: 1 },
  },
  'fs.createReadStream 4 KiB': promised((place, lane, i) =>
    drained(fs.createReadStream(anySmall(place, lane, i))),
  ),
  'fs.createWriteStream 16 MiB': {
    ...promised((place) => written(fs.createWriteStream(`${place.folder}/out`), 256, 65_536)),
    alone: true,
  },
  'fs.createWriteStream 4 KiB': promised((place, lane) =>
    written(fs.createWriteStream(`${own(place, lane)}-ws`), 1, 4096),
  ),
  'FileHandle.createReadStream 16 MiB': {
    ...promised(async (place) => drained((await promises.open(`${place.folder}/16m`)).createReadStream())),
    alone: true,
  },
  'FileHandle.readLines 1 MiB': {
    ...promised(async (place) => {
      const handle = await promises.open(`${place.folder}/lines`);
      for await (const _line of handle.readLines());
    }),
    alone: true,
  },
};

export const entries: Readonly<Record<string, Entry>> = { ...pathEntries(), ...HANDLES, ...REST };

/** What the entries work on, made once by the parent. */
export function plant(place: Place, lanes: number): void {
  for (let lane = 0; lane < lanes; lane++) {
    const path = own(place, lane);
    for (const name of [path, `${path}-0`]) fs.writeFileSync(name, content);
    fs.writeFileSync(`${path}-m`, large);
  }
  fs.writeFileSync(`${place.folder}/64k`, large.subarray(0, 65_536));
  fs.writeFileSync(`${place.folder}/16m`, Buffer.alloc(16 << 20, 'text of no meaning\n'));
  fs.writeFileSync(`${place.folder}/lines`, 'a line of a log file, as long as they are\n'.repeat(25_000));
  fs.writeFileSync(`${place.folder}/empty`, '');
  fs.symlinkSync('64k', `${place.folder}/link`);
}
