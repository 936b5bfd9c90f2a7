// One player makes the calls of a sequence, one after the other, and notes what came of each in a form that is equal for
// equal behaviour.
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { randomOf } from '../../differential/random.js';
import { atOnce } from './at-once.js';
import type { Step } from './calls.js';
import { abortedFifo, takesWhole, throughFifo } from './fifo.js';
import { type Call, called, errorOf } from './outcome.js';
import { doing } from './watchdog.js';
import { CLOSED_FD, createWorld, finishWorld, type Player, pattern, type World } from './world.js';

const DAY_MS = 86_400_000;

/** What a step is called in a report, and what came of it. */
export type Entry = readonly [name: string, outcome: unknown];

/** `title` says which sequence it is, should a call of it hang. */
export async function play(player: Player, steps: readonly Step[], title: string): Promise<Entry[]> {
  const world = createWorld(player);
  const log: Entry[] = [];
  for (const [i, step] of steps.entries()) {
    const args = 'args' in step ? step.args.map((argument) => argument(world)) : [];
    // Text before the call: afterwards a buffer says what was read into it.
    const name = `${titleOf(step)}(${args.map((arg) => brief(arg, world)).join(', ')})`;
    doing(`${title}, call ${i}, ${name} of ${player.name}`);
    log.push([name, await outcomeOf(world, step, args)]);
  }
  doing(`${title}, closing what ${player.name} has opened`);
  log.push(['the directory in the end', await finishWorld(world)]);
  return log;
}

function titleOf(step: Step): string {
  switch (step.kind) {
    case 'handle':
      return `handle ${step.slot}.${step.name}`;
    case 'abort':
      return `abort ${step.on} ${step.name}${step.tick ? ' in a tick' : ''}`;
    case 'promises':
    case 'callbacks':
    case 'noCallback':
      return `${step.kind} ${step.name}`;
    case 'fifo':
      return `fifo of ${step.bytes} bytes, ${step.through}, position ${step.position}`;
    case 'abortedFifo':
      return `${step.on} ${step.name} of a fifo aborted ${step.abort}, other end opened ${step.otherEnd}`;
    case 'together':
      return `${step.count} together`;
    case 'atOnce':
      return `${step.count} at once, ${step.way}, seed ${step.seed}`;
    default:
      return 'slot' in step ? `${step.kind} ${step.slot}` : `${step.kind} ${step.chunks}`;
  }
}

async function outcomeOf(world: World, step: Step, args: unknown[]): Promise<unknown> {
  const { fs: api, promises } = world.player;
  switch (step.kind) {
    case 'open':
      return settled(world, args, () => openSlot(world, step.slot, args));
    case 'openFd':
      return settled(world, args, async () => {
        const fd = (await called(api, 'open', args)) as number;
        if (world.fds[step.slot] < CLOSED_FD) fs.closeSync(world.fds[step.slot]);
        world.fds[step.slot] = fd;
        return 'a descriptor';
      });
    case 'closeFd':
      return settled(world, args, () => {
        const fd = world.fds[step.slot];
        world.fds[step.slot] = CLOSED_FD + step.slot;
        return called(api, 'close', [fd]);
      });
    case 'promises':
      return settled(world, args, () => (promises as unknown as Record<string, Call>)[step.name](...args));
    case 'callbacks':
      return settled(world, args, () => called(api, step.name, withoutFunctions(args)));
    case 'noCallback':
      return settled(world, args, () =>
        (api as unknown as Record<string, Call>)[step.name](...withoutFunctions(args)),
      );
    case 'handle': {
      const handle = world.handles[step.slot] as unknown as Record<string, Call> | undefined;
      return handle ? settled(world, args, () => handle[step.name](...args)) : 'nothing open';
    }
    case 'abort':
      return settled(world, args, () => abortedAtOnce(world, step, args));
    case 'fifo':
      return settled(world, args, () => throughFifo(world, step));
    case 'abortedFifo':
      return settled(world, args, () => abortedFifo(world, step));
    case 'together':
      return settled(world, args, () => together(world, step.count, step.mark));
    case 'atOnce':
      return settled(world, args, () => atOnce(world, step.way, step.count, randomOf(step.seed)));
    case 'handleStream':
      return settled(world, args, () => handleStream(world, step, args));
    case 'readStream':
      return settled(world, args, () => readStream(world, args));
    case 'writeStream':
      return settled(world, args, () => writeStream(world, args, step.chunks));
  }
}

async function openSlot(world: World, slot: number, args: unknown[]): Promise<unknown> {
  const handle = await (world.player.promises.open as Call)(...args);
  await world.handles[slot]?.close().catch(() => {});
  world.handles[slot] = handle as FileHandle;
  world.opened.push(handle as FileHandle);
  return handle;
}

/** A function among the arguments would be taken for the callback. */
function withoutFunctions(args: readonly unknown[]): unknown[] {
  return args.map((arg) => (typeof arg === 'function' ? new Map() : arg));
}

/** What a call returned or failed with, and what it made of its arguments. */
async function settled(world: World, args: readonly unknown[], run: () => unknown): Promise<unknown> {
  let promise: unknown;
  try {
    promise = run();
  } catch (error) {
    return { thrown: errorOf(error) };
  }
  try {
    const value = await promise;
    const buffers = args.filter((arg) => ArrayBuffer.isView(arg) || Array.isArray(arg));
    return { value: await shapeOf(value, args, world), buffers };
  } catch (error) {
    return { rejected: errorOf(error) };
  }
}

async function shapeOf(value: unknown, args: readonly unknown[], world: World): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  const index = args.indexOf(value);
  if (index >= 0) return `argument ${index}`;
  if (ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) {
    const entries = await Promise.all(value.map((each) => shapeOf(each, args, world)));
    return isListing(entries) ? [...entries].sort(byText) : entries;
  }
  const name = value.constructor?.name;
  if (name === 'Stats' || name === 'BigIntStats') return statsOf(value as fs.Stats);
  if (name === 'StatFs') return Object.keys(value);
  if (name === 'FileHandle') return [name, Reflect.ownKeys(value).map(String).sort()];
  if (name === 'Dirent') {
    const { name: entry, parentPath } = value as fs.Dirent;
    return ['Dirent', entry, parentPath, (value as fs.Dirent).isFile(), (value as fs.Dirent).isDirectory()];
  }
  const fields = Object.entries(value).map(async ([key, field]) => [key, await shapeOf(field, args, world)]);
  return [name, Object.getPrototypeOf(value) === null, Object.fromEntries(await Promise.all(fields))];
}

/** What readdir resolves with: in the file system's order, which differs between two directories. */
const isListing = (list: readonly unknown[]): boolean =>
  list.length > 1 &&
  list.every((each) => typeof each === 'string' || (Array.isArray(each) && each[0] === 'Dirent'));
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

/** Without numbers of inodes, and times only where they were set: the others are those of the calls. */
function statsOf(stats: fs.Stats): unknown {
  const prototype = Object.getPrototypeOf(stats) === Object.getPrototypeOf(fs.statSync('/'));
  const fields = ['mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize', 'size'] as const;
  const kept = Object.fromEntries(fields.map((field) => [field, stats[field]]));
  const times = (['atime', 'mtime', 'ctime', 'birthtime'] as const).map((field) => {
    const ms = stats[`${field}Ms`];
    const date = stats[field];
    const exact = Math.abs(Number(ms) - date.getTime()) <= 1;
    return Math.abs(Number(ms) - Date.now()) < DAY_MS ? ['recent', exact, typeof ms] : [ms, exact, date];
  });
  const kinds = [stats.isFile(), stats.isDirectory(), stats.isFIFO(), stats.isCharacterDevice()];
  return ['Stats', prototype, Object.keys(stats), kept, times, kinds, typeof stats.ino, typeof stats.dev];
}

/** Aborted in the turn of the call: it cannot have got further than its first system call. */
async function abortedAtOnce(
  world: World,
  { on, name, tick }: Extract<Step, { kind: 'abort' }>,
  args: unknown[],
): Promise<unknown> {
  const { promises, fs: api } = world.player;
  const subject = on === 'callbacks' ? api : on === 'promises' ? promises : world.handles[on];
  if (subject === undefined) return 'nothing open';
  if (takesWhole(on)) return 'done all the same, or failed in its own way';
  const controller = new AbortController();
  const all = [...args, { signal: controller.signal }];
  const promise =
    on === 'callbacks'
      ? called(api, name, withoutFunctions(all))
      : (subject as unknown as Record<string, Call>)[name](...all);
  const abort = () => controller.abort(new Error('at once'));
  if (tick) process.nextTick(abort);
  else abort();
  return promise;
}

/** Files of their own, written, read, looked at and removed at the same time. */
async function together(world: World, count: number, mark: number): Promise<unknown> {
  const { promises } = world.player;
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const path = join(world.directory, `together-${i}`);
      await promises.writeFile(path, pattern(i * 777, mark));
      const [content, { size }] = await Promise.all([promises.readFile(path), promises.stat(path)]);
      await promises.unlink(path);
      return [content, size, await promises.readFile(path).catch(errorOf)];
    }),
  );
}

/** Everything that a stream tells, in its order. */
function eventsOf(stream: fs.ReadStream | fs.WriteStream, names: readonly string[]): Promise<unknown[]> {
  const events: unknown[] = [];
  return new Promise((resolve) => {
    for (const name of names) {
      stream.on(name, (value: unknown) => {
        events.push([
          name,
          value instanceof Error ? errorOf(value) : typeof value === 'number' ? 'fd' : value,
        ]);
      });
    }
    // Not by 'close', which emitClose can switch off; one turn more, for what comes after it.
    const look = () => setImmediate(stream.closed ? () => setImmediate(resolve, events) : look);
    look();
  });
}

async function readStream(world: World, args: readonly unknown[]): Promise<unknown> {
  const stream = (world.player.fs.createReadStream as unknown as Call)(...args) as fs.ReadStream;
  const events = await eventsOf(stream, ['open', 'ready', 'data', 'end', 'close', 'error']);
  return [events, stream.bytesRead, stream.destroyed, stream.pending];
}

async function handleStream(
  world: World,
  { slot, reads }: Extract<Step, { kind: 'handleStream' }>,
  args: readonly unknown[],
): Promise<unknown> {
  const handle = world.handles[slot];
  if (handle === undefined || handle.fd === -1) return 'nothing open';
  // One of a directory, a FIFO or what does not end is no stream's.
  if (!fs.fstatSync(handle.fd).isFile()) return 'no file';
  const make = (reads ? handle.createReadStream : handle.createWriteStream) as unknown as Call;
  const stream = make.apply(handle, args as unknown[]) as fs.ReadStream | fs.WriteStream;
  const found = eventsOf(stream, ['ready', 'data', 'end', 'drain', 'finish', 'close', 'error']);
  if (!reads) (stream as fs.WriteStream).end(pattern(3000, slot));
  return [await found, stream.destroyed];
}

async function writeStream(
  world: World,
  args: readonly unknown[],
  chunks: readonly number[],
): Promise<unknown> {
  const stream = (world.player.fs.createWriteStream as unknown as Call)(...args) as fs.WriteStream;
  const found = eventsOf(stream, ['open', 'ready', 'drain', 'finish', 'close', 'error']);
  const accepted = chunks.map((length) => stream.write(pattern(length, length)));
  stream.end();
  return [await found, accepted, stream.bytesWritten, stream.destroyed, stream.pending];
}

function brief(value: unknown, world: World): string {
  if (typeof value === 'string') return JSON.stringify(value.replaceAll(world.directory, '').slice(0, 60));
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength})`;
  if (typeof value === 'number' && value < CLOSED_FD && Number.isInteger(value) && value > 2)
    return `${value}`;
  if (value instanceof URL) return 'URL';
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).slice(0, 8);
    const shown = entries.map(([key, field]) =>
      typeof field === 'object' && field !== null
        ? `${key}: ${field.constructor?.name}`
        : `${key}: ${String(field)}`,
    );
    return `${value.constructor?.name ?? ''}{${shown.join(', ')}}`;
  }
  return String(value);
}
