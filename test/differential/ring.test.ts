// Random sequences of a ring's own operations on files and paths, one after the other and many at once, with good and
// bad arguments, cached and with O_DIRECT: the same results on every engine, the same files afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { Done, Ring } from 'linux-aio';
import { availableEngines } from '../support/engines.js';
import { addressOf } from '../support/internals.js';
import { openRing, result } from '../support/ring.js';
import { alignedView, closeQuietly, temporaryDirectory } from '../support/temp.js';
import { again, LENGTH, pick, type Random, randomOf, seeds } from './random.js';

const { O_APPEND, O_CREAT, O_DIRECT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } =
  fs.constants;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const SLOTS = 4;
const NAMES = ['a', 'b', 'c', 'folder', 'folder/d', 'missing/e', 'loop', ''];
const FLAGS = [
  O_RDONLY,
  O_RDWR,
  O_RDWR,
  O_RDWR | O_CREAT,
  O_RDWR | O_CREAT | O_TRUNC,
  O_WRONLY,
  O_RDWR | O_APPEND,
  O_RDWR | O_CREAT | O_EXCL,
  O_RDONLY | O_DIRECTORY,
  O_RDWR | O_DIRECT,
  O_RDWR | O_DIRECT | O_CREAT,
];

interface World {
  ring: Ring;
  dir: string;
  fds: { fd: number; isDirect: boolean; isAppending: boolean }[];
}

/** Starts a request; what it has read is in `buffer`. */
type Start = (world: World, slot: number) => (done: Done) => unknown;
interface Request {
  start: Start;
  buffers?: Uint8Array[];
}
type Kind = (random: Random, mark: number) => Request;

/** Whole blocks in aligned memory mostly, which O_DIRECT wants. */
function view(random: Random, mark: number | null, isAligned = random(4) > 0): Uint8Array {
  const length = isAligned ? 4096 * (1 + random(4)) : pick(random, [0, 1, 100, 511, 5000]);
  const aligned = alignedView(length + 1, addressOf);
  const bytes = isAligned ? aligned.subarray(0, length) : aligned.subarray(1);
  return mark === null ? bytes : filled(bytes, mark);
}

function filled(bytes: Uint8Array, mark: number): Uint8Array {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (7 * i + mark) & 255;
  return bytes;
}

const position = (random: Random) =>
  pick(random, [0, 0, 4096, 8192, 40_960, 100, 1, 2 ** 40, 2n ** 63n - 1n]);

const KINDS: Readonly<Record<string, Kind>> = {
  read(random) {
    const [buffer, at] = [view(random, null), position(random)];
    return { buffers: [buffer], start: (w, s) => (done) => w.ring.read(w.fds[s].fd, buffer, at, done) };
  },
  readHere(random) {
    const buffer = view(random, null);
    // io_uring does not move the own position of O_DIRECT files.
    const at = (isDirect: boolean) => (isDirect ? 0 : -1);
    return {
      buffers: [buffer],
      start: (w, s) => (done) => w.ring.read(w.fds[s].fd, buffer, at(w.fds[s].isDirect), done),
    };
  },
  write(random, mark) {
    const [buffer, at] = [view(random, mark), pick(random, [0, 4096, 8192, 40_960, 100])];
    return { start: (w, s) => (done) => w.ring.write(w.fds[s].fd, buffer, at, done) };
  },
  readv(random) {
    const [buffers, at] = [Array.from({ length: random(4) }, () => view(random, null)), position(random)];
    return { buffers, start: (w, s) => (done) => w.ring.readv(w.fds[s].fd, buffers, at, done) };
  },
  writev(random, mark) {
    // Not some aligned and some not: what a refused O_DIRECT write has written of the former is left open.
    const buffers = Array.from({ length: random(4) }, (_, i) => view(random, mark + i, true));
    const at = pick(random, [0, 4096, 20_480]);
    return { start: (w, s) => (done) => w.ring.writev(w.fds[s].fd, buffers, at, done) };
  },
  fsync(random) {
    const dataOnly = random(2) === 0;
    return { start: (w, s) => (done) => w.ring.fsync(w.fds[s].fd, dataOnly, done) };
  },
  ftruncate(random) {
    const length = pick(random, [0, 100, 4096, 65_536, 2n ** 62n]);
    return { start: (w, s) => (done) => w.ring.ftruncate(w.fds[s].fd, length, done) };
  },
  fallocate(random) {
    const [mode, at, length] = [pick(random, [0, 1, 3, 99]), 4096 * random(4), pick(random, [0, 4096, 9000])];
    return { start: (w, s) => (done) => w.ring.fallocate(w.fds[s].fd, mode, at, length, done) };
  },
  fadvise(random) {
    const advice = random(8);
    return { start: (w, s) => (done) => w.ring.fadvise(w.fds[s].fd, 0, 0, advice, done) };
  },
  statx(random) {
    const [name, flags] = [pick(random, NAMES), pick(random, [0, AT_EMPTY_PATH, 0x100])];
    const out = new Uint8Array(256);
    return {
      start: (w) => (done) => w.ring.statx(AT_FDCWD, join(w.dir, name), flags, 0x7ff, out, done),
      buffers: [out.subarray(28, 30), out.subarray(40, 48)], // mode and size
    };
  },
  fstatx() {
    const out = new Uint8Array(256);
    return {
      start: (w, s) => (done) => w.ring.statx(w.fds[s].fd, '', AT_EMPTY_PATH, 0x7ff, out, done),
      buffers: [out.subarray(28, 30), out.subarray(40, 48)],
    };
  },
  mkdirat: (random) => {
    const name = pick(random, NAMES);
    return { start: (w) => (done) => w.ring.mkdirat(AT_FDCWD, join(w.dir, name), 0o755, done) };
  },
  unlinkat: (random) => {
    const [name, flags] = [pick(random, NAMES), pick(random, [0, 0, 0x200, 7])];
    // Never the directory itself.
    return { start: (w) => (done) => w.ring.unlinkat(AT_FDCWD, join(w.dir, name || 'a'), flags, done) };
  },
  renameat: (random) => {
    const [from, to, flags] = [pick(random, NAMES), pick(random, NAMES), pick(random, [0, 1, 2, 99])];
    return {
      start: (w) => (done) =>
        w.ring.renameat(AT_FDCWD, join(w.dir, from || 'a'), AT_FDCWD, join(w.dir, to || 'b'), flags, done),
    };
  },
  linkat: (random) => {
    const [from, to] = [pick(random, NAMES), pick(random, NAMES)];
    return {
      start: (w) => (done) => w.ring.linkat(AT_FDCWD, join(w.dir, from), AT_FDCWD, join(w.dir, to), 0, done),
    };
  },
  symlinkat: (random) => {
    const [to, name] = [pick(random, NAMES), pick(random, NAMES)];
    return { start: (w) => (done) => w.ring.symlinkat(to || 'a', AT_FDCWD, join(w.dir, name), done) };
  },
  timeout: () => ({ start: (w) => (done) => w.ring.timeout(0, done) }),
  nop: () => ({ start: (w) => (done) => w.ring.nop(done) }),
  send: () => ({ start: (w, s) => (done) => w.ring.send(w.fds[s].fd, Buffer.alloc(1), 0, done) }),
  noDescriptor: () => ({ start: (w) => (done) => w.ring.write(999_999, Buffer.alloc(1), 0, done) }),
};

const OFTEN = ['read', 'write', 'readv', 'writev', 'read', 'write'];

async function open(world: World, random: Random): Promise<unknown> {
  const [slot, name, flags] = [random(SLOTS), pick(random, NAMES), pick(random, FLAGS)];
  const path = join(world.dir, name);
  const fd = await result((done) => world.ring.openat(AT_FDCWD, path, flags | 0o2000000, 0o640, done));
  if (fd < 0) return fd;
  const old = world.fds[slot];
  world.fds[slot] = { fd, isDirect: (flags & O_DIRECT) !== 0, isAppending: (flags & O_APPEND) !== 0 };
  return ['open', old.fd === 999_999 ? 0 : await result((done) => world.ring.close(old.fd, done))];
}

/** Reads at once; writes to areas of their own, then an fsync that is behind them all. */
async function together(world: World, random: Random, mark: number): Promise<unknown> {
  const slot = random(SLOTS);
  const { fd, isAppending } = world.fds[slot];
  // A ring keeps no order among writes that all go to the end; File does.
  const count = isAppending ? 1 : 1 + random(60);
  const areas = Array.from({ length: count }, (_, i) => filled(alignedView(4096, addressOf), mark + i));
  const writes = areas.map((area, i) => result((done) => world.ring.write(fd, area, 4096 * i, done)));
  const sync = result((done) => world.ring.fsync(fd, true, done));
  const found: unknown[] = [await Promise.all(writes), await sync];
  const views = areas.map(() => alignedView(4096, addressOf));
  found.push(
    await Promise.all(views.map((into, i) => result((done) => world.ring.read(fd, into, 4096 * i, done)))),
  );
  return [...found, views.map((bytes) => Buffer.from(bytes).toString('latin1'))];
}

async function play(t: TestContext, ring: Ring, seed: number): Promise<unknown[]> {
  const random = randomOf(seed);
  const dir = temporaryDirectory(t);
  fs.mkdirSync(join(dir, 'folder'));
  for (const name of ['a', 'b'])
    fs.writeFileSync(join(dir, name), filled(new Uint8Array(50_000), name.charCodeAt(0)));
  fs.symlinkSync('loop', join(dir, 'loop'));
  const none = { fd: 999_999, isDirect: false, isAppending: false };
  const world: World = { ring, dir, fds: Array(SLOTS).fill(none) };
  const log: unknown[] = [];
  for (let i = 0; i < LENGTH; i++) {
    const choice = random(100);
    if (choice < 15) log.push(['open', await open(world, random)]);
    else if (choice < 22) log.push(['together', await together(world, random, i)]);
    else {
      const name = pick(random, choice < 60 ? OFTEN : Object.keys(KINDS));
      const slot = random(SLOTS);
      const { start, buffers = [] } = KINDS[name](random, i);
      const value = await result(start(world, slot));
      // What a refused O_DIRECT read has left in the first of several buffers is another thing each time.
      const texts = value < 0 ? [] : buffers.map((bytes) => Buffer.from(bytes).toString('latin1'));
      log.push([name, slot, value, texts]);
    }
  }
  for (const { fd } of world.fds) closeQuietly(fd);
  log.push(contents(dir));
  return log;
}

function contents(dir: string): unknown[] {
  return fs.readdirSync(dir, { withFileTypes: true, recursive: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) return [entry.name, fs.readlinkSync(path)];
    if (!entry.isFile()) return [entry.name];
    const { size } = fs.statSync(path);
    return [entry.name, size, size < 1e7 ? fs.readFileSync(path, 'latin1') : ''];
  });
}

describe('files by descriptor and by path: every engine gives the same', () => {
  const engines = availableEngines();
  const skip = engines.length < 2 && `there is only ${engines[0]} here`;
  for (const seed of seeds()) {
    test(`seed ${seed}`, { skip }, async (t) => {
      let expected: unknown[] | null = null;
      for (const engine of engines) {
        const log = await play(t, openRing(t, { engine }), seed);
        expected ??= log;
        for (const [i, step] of expected.entries()) {
          assert.deepEqual(
            log[i],
            step,
            `${engine} and ${engines[0]}, step ${i}, ${again(seed)}: ${shown(log[i], step)}`,
          );
        }
      }
    });
  }
});

const shown = (found: unknown, expected: unknown) =>
  `${JSON.stringify(found).slice(0, 200)} instead of ${JSON.stringify(expected).slice(0, 200)}`;
