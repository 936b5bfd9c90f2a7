// The same random sequence of operations on files, through File on each engine and through Node's FileHandle: the same
// values, the same errors, the same files afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type FileHandle, open as nodeOpen } from 'node:fs/promises';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { open, type Ring } from 'linux-aio';
import { outcome } from '../file/compare.js';
import { availableEngines } from '../support/engines.js';
import { openRing } from '../support/ring.js';
import { temporaryDirectory } from '../support/temp.js';
import { again, LENGTH, pick, type Random, randomOf, seeds } from './random.js';

type Open = (path: string, flags: string | number) => Promise<FileHandle>;

/** Some files, each under an open handle or none; the handles of closed files stay, to be used in vain. */
interface World {
  open: Open;
  directory: string;
  handles: (FileHandle | null)[];
  /** those that were opened to append */
  appending: Set<FileHandle>;
}

interface Step {
  name: string;
  run: (world: World) => unknown;
}

const SLOTS = 4;
const NAMES = ['a', 'b', 'c', 'folder', 'missing/file', 'link', 'a\0b'];
const FLAGS = ['r', 'r+', 'r+', 'r+', 'w+', 'a', 'a+', 'wx', 'w', 'as', 'rs+', 'x', fs.constants.O_RDWR];
const LENGTHS = [0, 1, 7, 100, 4096, 5000, 16384, 70_000];
const POSITIONS = [0, 1, 100, 4095, 4096, 20_000, 100_000, null, null, null, -1];
/** Of wrong types; what versions of Node make of numbers out of range, and of bigints, differs. */
const BAD_POSITIONS = ['1', {}, true, Symbol('no')];

/** Bytes that tell where they came from. */
function pattern(length: number, mark: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + mark) & 255));
}

function parts(random: Random, mark: number): Buffer[] {
  return Array.from({ length: random(5) }, (_, i) =>
    pattern(pick(random, i === 0 ? [3, 5000] : [0, 1, 10, 4096, 9000]), mark + i),
  );
}

type Use = (handle: FileHandle, world: World) => unknown;
type Kind = (random: Random, mark: number) => Use;

/** What is done with a handle; all that is random is drawn before anything runs. */
const KINDS: Readonly<Record<string, Kind>> = {
  read(random) {
    const [length, position] = [pick(random, LENGTHS), pick(random, POSITIONS)];
    return async (handle) => {
      const { bytesRead, buffer } = await handle.read(
        Buffer.alloc(length, 0x2e),
        0,
        length,
        position as number,
      );
      return [bytesRead, buffer];
    };
  },
  readPart(random) {
    const [offset, length] = [random(120) - 5, pick(random, [0, 1, 50, 100, 101, -1, null])];
    return (handle) => handle.read(Buffer.alloc(100), offset, length as number, 0);
  },
  readAtBadPosition(random) {
    const position = pick(random, BAD_POSITIONS);
    return (handle) => handle.read(Buffer.alloc(10), 0, 10, position as number);
  },
  write(random, mark) {
    const [data, position] = [pattern(pick(random, LENGTHS), mark), pick(random, POSITIONS)];
    return async (handle) => (await handle.write(data, 0, data.length, position as number)).bytesWritten;
  },
  writeText(random, mark) {
    const text = `zwölf ${mark} `.repeat(1 + random(30));
    const [position, encoding] = [
      pick(random, POSITIONS),
      pick(random, ['utf8', 'latin1', 'utf16le'] as const),
    ];
    return async (handle) => (await handle.write(text, position as number, encoding)).bytesWritten;
  },
  writeBadly(random) {
    const [offset, length] = [random(120) - 5, pick(random, [0, 50, 101, -1, 1.5])];
    return (handle) => handle.write(Buffer.alloc(100, 0x21), offset, length as number, 0);
  },
  readv(random) {
    const [buffers, position] = [parts(random, 0), pick(random, POSITIONS)];
    return async (handle) => {
      const own = buffers.map((buffer) => Buffer.alloc(buffer.length));
      const { bytesRead } = await handle.readv(own, position as number);
      return [bytesRead, own];
    };
  },
  writev(random, mark) {
    const [buffers, position] = [parts(random, mark), pick(random, POSITIONS)];
    return async (handle) => (await handle.writev(buffers, position as number)).bytesWritten;
  },
  /** Many at once, none of which meets another. Node keeps no order among them: what would be appended goes one by one. */
  together(random, mark) {
    const areas = Array.from({ length: 2 + random(20) }, (_, i) => ({
      at: i * 5000,
      length: 1 + random(5000),
    }));
    return async (handle, world) => {
      const writes: Promise<{ bytesWritten: number }>[] = [];
      for (const [i, { at, length }] of areas.entries()) {
        const write = handle.write(pattern(length, mark + i), 0, length, at);
        writes.push(write);
        if (world.appending.has(handle)) await write;
        else write.catch(() => {}); // Promise.all rejects with the first
      }
      const written = (await Promise.all(writes)).map(({ bytesWritten }) => bytesWritten);
      const reads = areas.map(({ at, length }) => handle.read(Buffer.alloc(length), 0, length, at));
      return [written, (await Promise.all(reads)).map(({ bytesRead, buffer }) => [bytesRead, buffer])];
    };
  },
  /** A write that is not awaited, and an fsync behind it. */
  writeAndSync(random, mark) {
    const data = pattern(1 + random(9000), mark);
    return async (handle) => {
      const write = handle.write(data, 0, data.length, 0);
      write.catch(() => {});
      await handle.datasync();
      return (await write).bytesWritten;
    };
  },
  sync: () => (handle) => handle.sync(),
  truncate(random) {
    const length = pick(random, [0, 1, 100, 4096, 30_000, -5, 1.5, '7', undefined]);
    return (handle) => handle.truncate(length as number);
  },
  stat() {
    return async (handle) => {
      const { size, mode, nlink, blksize } = await handle.stat();
      return { size, mode, nlink, blksize };
    };
  },
  bigStat: () => async (handle) => (await handle.stat({ bigint: true })).size,
  chmod(random) {
    const mode = pick(random, [0o600, 0o644, '755', -1, 'rwx']);
    return (handle) => handle.chmod(mode);
  },
  utimes: (random) => {
    const time = random(10_000);
    return async (handle) => {
      await handle.utimes(time, time + 0.5);
      return (await handle.stat()).mtimeMs;
    };
  },
  readFile: (random) => {
    const encoding = pick(random, [null, 'latin1', 'hex', 'nothing'] as const);
    return (handle) => handle.readFile(encoding as null);
  },
  writeFile: (random, mark) => {
    const data = pattern(random(300), mark);
    return (handle) => handle.writeFile(data);
  },
  closeTwice: () => (handle) => Promise.all([handle.close(), handle.close()]),
};

const OFTEN = ['read', 'write', 'readv', 'writev', 'together', 'stat'];

function step(random: Random, index: number): Step {
  const slot = random(SLOTS);
  const choice = random(100);
  if (choice < 18) {
    const [name, flags] = [pick(random, NAMES), pick(random, FLAGS)];
    return {
      name: `${slot} = open(${JSON.stringify(name)}, ${flags})`,
      run: async (world) => {
        const handle = await world.open(join(world.directory, name), flags);
        await world.handles[slot]?.close();
        world.handles[slot] = handle;
        if (String(flags).startsWith('a')) world.appending.add(handle);
      },
    };
  }
  const kind = pick(random, choice < 60 ? OFTEN : Object.keys(KINDS));
  const use = KINDS[kind](random, index);
  return {
    name: `${kind} of ${slot}`,
    run: (world) => {
      const handle = world.handles[slot];
      return handle === null ? 'nothing open' : use(handle, world);
    },
  };
}

async function play(t: TestContext, steps: readonly Step[], openFile: Open): Promise<unknown[]> {
  const directory = temporaryDirectory(t);
  fs.mkdirSync(join(directory, 'folder'));
  for (const name of ['a', 'b']) fs.writeFileSync(join(directory, name), pattern(20_000, name.charCodeAt(0)));
  fs.symlinkSync('a', join(directory, 'link'));
  const world: World = { open: openFile, directory, handles: Array(SLOTS).fill(null), appending: new Set() };
  const log: unknown[] = [];
  for (const { name, run } of steps) {
    log.push([name, withoutDirectory(await outcome(() => run(world)), directory)]);
  }
  for (const handle of world.handles) await handle?.close();
  for (const name of fs.readdirSync(directory)) {
    const path = join(directory, name);
    log.push([name, fs.statSync(path).mode, fs.statSync(path).isFile() && fs.readFileSync(path)]);
  }
  return log;
}

/** Errors name the path, which is another one for each. */
function withoutDirectory(found: Awaited<ReturnType<typeof outcome>>, directory: string): unknown {
  const { error } = found;
  if (!error) return found;
  const clean = (text: unknown) => (typeof text === 'string' ? text.replaceAll(directory, '') : text);
  return { ...error, message: clean(error['message']), path: clean(error['path']) };
}

const through =
  (ring: Ring): Open =>
  async (path, flags) =>
    (await open(path, flags, 0o640, { ring })) as unknown as FileHandle;

describe('files: every engine as node:fs', () => {
  for (const seed of seeds()) {
    test(`seed ${seed}`, async (t) => {
      const random = randomOf(seed);
      const steps = Array.from({ length: LENGTH }, (_, i) => step(random, i));
      const expected = await play(t, steps, (path, flags) => nodeOpen(path, flags, 0o640));
      for (const engine of availableEngines()) {
        const actual = await play(t, steps, through(openRing(t, { engine })));
        same(actual, expected, `${engine}, ${again(seed)}`);
      }
    });
  }
});

/** As deepStrictEqual, but it shows the first step that differs, not 200 of them. */
function same(actual: readonly unknown[], expected: readonly unknown[], message: string): void {
  for (const [i, found] of expected.entries()) {
    try {
      assert.deepStrictEqual(actual[i], found);
    } catch (error) {
      throw new assert.AssertionError({ message: `${message}, step ${i}: ${(error as Error).message}` });
    }
  }
  assert.equal(actual.length, expected.length, message);
}
