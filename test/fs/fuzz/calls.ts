// The calls that the fuzzer makes: for each function of fs/promises, of the callback API and of FileHandle what its
// arguments look like.
import { join } from 'node:path';
import { pick, type Random } from '../../differential/random.js';
import { WAYS, type Way } from './at-once.js';
import { type Argument, Values } from './values.js';
import { FIFOS, SLOTS } from './world.js';

type Draw = (v: Values) => Argument[];

const big = (v: Values): Argument => v.options({ bigint: () => v.flag() }, false);
const statOptions = (v: Values): Argument =>
  v.options({ bigint: () => v.flag(), throwIfNoEntry: () => v.flag() }, false);
const readOptions = (v: Values): Argument =>
  v.options({ encoding: () => v.encoding(), flag: () => v.readFlag(), signal: () => v.signal() });
const writeOptions = (v: Values): Argument =>
  v.options({
    encoding: () => v.encoding(),
    mode: () => v.mode(),
    flag: () => v.flags(),
    flush: () => v.flag(),
    signal: () => v.signal(),
  });
const names = (v: Values): Argument => v.options({ encoding: () => v.nameEncoding() });

/** Functions that take a path, by both APIs. */
const BY_PATH: Readonly<Record<string, Draw>> = {
  access: (v) => [v.readablePath(), v.one(0, 1, 2, 4, 7, 8, -1, 'r', undefined, null, 1.5)],
  appendFile: (v) => [v.regularPath(), v.data(), writeOptions(v)],
  chmod: (v) => [v.path(), v.mode()],
  chown: (v) => [v.path(), v.id(), v.id()],
  copyFile: (v) => [v.regularPath(), v.regularPath(), v.one(undefined, 0, 1, 2, 8, -1, 'x', 1.5)],
  lchown: (v) => [v.path(), v.id(), v.id()],
  link: (v) => [v.regularPath(), v.path()],
  lstat: (v) => [v.readablePath(), statOptions(v)],
  lutimes: (v) => [v.path(), v.time(), v.time()],
  mkdir: (v) => [
    v.path(),
    v.bad(3) ? v.mode() : v.options({ recursive: () => v.flag(), mode: () => v.mode() }, false),
  ],
  readFile: (v) => [v.readablePath(), readOptions(v)],
  readdir: (v) => [
    v.path(),
    v.options({
      encoding: () => v.nameEncoding(),
      withFileTypes: () => v.flag(),
      recursive: () => v.flag(),
    }),
  ],
  readlink: (v) => [v.path(), names(v)],
  realpath: (v) => [v.path(), names(v)],
  rename: (v) => [v.regularPath(), v.path()],
  rm: (v) => [
    v.path(),
    v.options(
      { recursive: () => v.flag(), force: () => v.flag(), maxRetries: () => v.one(0, -1, 'x') },
      false,
    ),
  ],
  rmdir: (v) => [v.path(), v.one(undefined, undefined, {}, { maxRetries: 0 }, 5)],
  stat: (v) => [v.readablePath(), statOptions(v)],
  statfs: (v) => [v.path(), big(v)],
  symlink: (v) => [v.linkTarget(), v.path(), v.one(undefined, 'file', 'dir', 'junction', 'other', 5)],
  truncate: (v) => [v.regularPath(), v.one(0, 1, 100, 5000, undefined, null, -5, 1.5, '7', {})],
  unlink: (v) => [v.path()],
  utimes: (v) => [v.path(), v.time(), v.time()],
  writeFile: (v) => [v.regularPath(), v.data(), writeOptions(v)],
};

/** Those with the results that random arguments seldom lead to: drawn more often. */
const OFTEN = ['readFile', 'writeFile', 'stat', 'appendFile', 'rename', 'mkdir', 'unlink', 'lstat'];

/** (buffer, offset, length, position), (buffer, options), (options); `checked`: see Values.length. */
const transfer =
  (checked: boolean): Draw =>
  (v) => {
    const length = () => v.length(checked);
    const place = { offset: length, length, position: () => v.position() };
    const choice = v.random(5);
    if (choice === 0) return [v.options({ buffer: () => v.buffer(), ...place }, false)];
    if (choice === 1) return [v.buffer(), v.options(place, false)];
    return [v.buffer(), length(), length(), v.position()];
  };

/** As above, without (options), or (text, position, encoding). */
const writeArguments =
  (checked: boolean): Draw =>
  (v) =>
    v.bad(4)
      ? [v.one('', 'text', 'größer', 'ab'.repeat(3000)), v.position(), v.encoding()]
      : transfer(checked)(v);

const length = (v: Values): Argument => v.one(0, 1, 100, 4096, 30_000, undefined, -5, 1.5, '7', null, {});

const ON_HANDLE: Readonly<Record<string, Draw>> = {
  appendFile: (v) => [v.data(), v.options({ encoding: () => v.encoding(), flush: () => v.flag() })],
  chmod: (v) => [v.mode()],
  chown: (v) => [v.id(), v.id()],
  datasync: () => [],
  read: transfer(false),
  readFile: (v) => [v.options({ encoding: () => v.encoding(), signal: () => v.signal() })],
  readv: (v) => [v.buffers(), v.position()],
  stat: (v) => [big(v)],
  sync: () => [],
  truncate: (v) => [length(v)],
  utimes: (v) => [v.time(), v.time()],
  write: writeArguments(false),
  writeFile: (v) => [v.data(), v.options({ encoding: () => v.encoding(), signal: () => v.signal() })],
  writev: (v) => [v.buffers(), v.position()],
};

const BY_DESCRIPTOR: Readonly<Record<string, Draw>> = {
  appendFile: (v) => [v.fd(), v.data(), v.options({ encoding: () => v.encoding() })],
  fchmod: (v) => [v.fd(), v.mode()],
  fchown: (v) => [v.fd(), v.id(), v.id()],
  fdatasync: (v) => [v.fd()],
  fstat: (v) => [v.fd(), big(v)],
  fsync: (v) => [v.fd()],
  ftruncate: (v) => [v.fd(), length(v)],
  futimes: (v) => [v.fd(), v.time(), v.time()],
  read: (v) => [v.fd(), ...transfer(true)(v)],
  readFile: (v) => [v.fd(), readOptions(v)],
  readv: (v) => [v.fd(), v.buffers(), v.position()],
  write: (v) => [v.fd(), ...writeArguments(true)(v)],
  writeFile: (v) => [v.fd(), v.data(), writeOptions(v)],
  writev: (v) => [v.fd(), v.buffers(), v.position()],
};

/** One step of a sequence, with everything drawn. */
export type Step =
  | { kind: 'open'; slot: number; args: Argument[] }
  | { kind: 'openFd'; slot: number; args: Argument[] }
  | { kind: 'closeFd'; slot: number }
  | { kind: 'promises' | 'callbacks'; name: string; args: Argument[] }
  | { kind: 'handle'; slot: number; name: string; args: Argument[] }
  | { kind: 'abort'; on: number | 'promises' | 'callbacks'; tick: boolean; name: string; args: Argument[] }
  | { kind: 'noCallback'; name: string; args: Argument[] }
  | {
      kind: 'fifo';
      fifo: string;
      bytes: number;
      through: 'promises' | 'callbacks' | 'handle' | 'descriptor';
      position: number | bigint;
    }
  | {
      kind: 'abortedFifo';
      fifo: string;
      name: string;
      on: 'promises' | 'callbacks' | 'handle';
      abort: 'at once' | 'in a tick' | 'while it waits';
      otherEnd: 'before' | 'after';
    }
  | { kind: 'together'; count: number; mark: number }
  | { kind: 'atOnce'; way: Way; count: number; seed: number }
  | { kind: 'handleStream'; slot: number; reads: boolean; args: Argument[] }
  | { kind: 'readStream' | 'writeStream'; args: Argument[]; chunks: number[] };

function trimmed(v: Values, args: Argument[]): Argument[] {
  return v.bad(12) ? args.slice(0, v.random(args.length + 1)) : args;
}

/** A sequence: first everything is opened, then anything may come. */
export function drawSteps(random: Random, length: number): Step[] {
  const begin = Array.from({ length: 2 * SLOTS }, (_, i): Step => {
    const name = pick(random, ['a', 'b', 'big', 'folder/file']);
    const path: Argument = ({ directory }) => join(directory, name);
    return { kind: i < SLOTS ? 'open' : 'openFd', slot: i % SLOTS, args: [path, () => 'r+'] };
  });
  return begin.concat(Array.from({ length: length - begin.length }, () => drawStep(random)));
}

function drawStep(random: Random): Step {
  const v = new Values(random);
  const choice = random(100);
  if (choice < 8) return { kind: 'open', slot: random(SLOTS), args: trimmed(v, openArguments(v)) };
  if (choice < 13) return { kind: 'openFd', slot: random(SLOTS), args: openArguments(v) };
  if (choice < 14) return { kind: 'closeFd', slot: random(SLOTS) };
  if (choice < 16) {
    if (v.bad(4)) return abortedFifoStep(random);
    const through = pick(random, ['promises', 'callbacks', 'handle', 'descriptor'] as const);
    const position = pick(random, [0, 1, 5, 4096, 2 ** 40, 0n, 7n]);
    return { kind: 'fifo', fifo: pick(random, FIFOS), bytes: random(9000), through, position };
  }
  if (choice < 17) return { kind: 'together', count: 1 + random(20), mark: random(100) };
  if (choice < 19)
    return { kind: 'atOnce', way: pick(random, WAYS), count: 1 + random(12), seed: random(2 ** 31) };
  if (choice < 20) return abortStep(v, random);
  if (choice < 22) return streamStep(v, random);
  if (choice < 23) return noCallbackStep(v, random);
  if (choice < 24) return handleStreamStep(v, random);
  if (choice < 45) {
    const slot = random(SLOTS);
    if (v.bad(30)) return { kind: 'handle', slot, name: 'close', args: [] };
    const name = pick(random, Object.keys(ON_HANDLE));
    return { kind: 'handle', slot, name, args: trimmed(v, ON_HANDLE[name](v)) };
  }
  if (choice < 60) {
    const name = pick(random, Object.keys(BY_DESCRIPTOR));
    // All the arguments there are: a callback in the place of another is another call.
    return { kind: 'callbacks', name, args: BY_DESCRIPTOR[name](v) };
  }
  const name = pick(random, random(2) ? OFTEN : Object.keys(BY_PATH));
  const args = trimmed(v, BY_PATH[name](v));
  const kind = choice < 80 ? 'promises' : 'callbacks';
  // An open handle stands for its file there.
  if (kind === 'promises' && WHOLE.includes(name) && args.length > 0 && v.bad(6)) args[0] = v.handle();
  return { kind, name, args };
}

const WHOLE = ['readFile', 'writeFile', 'appendFile'];

const openArguments: Draw = (v) => [v.regularPath(), v.flags(), v.mode()];

/** By path, or on a handle; aborted before the call's turn is over, or in its first tick. */
function abortStep(v: Values, random: Random): Step {
  const name = pick(random, WHOLE);
  const on = pick(random, [random(SLOTS), 'promises', 'callbacks'] as const);
  const args = [
    ...(typeof on === 'number' ? [] : [v.regularPath()]),
    ...(name === 'readFile' ? [] : [v.data()]),
  ];
  return { kind: 'abort', on, tick: random(2) === 0, name, args };
}

/** A write that waits for room is over once there is some, aborted or not: only what has not begun is aborted. */
function abortedFifoStep(random: Random): Step {
  const name = pick(random, ['readFile', 'readFile', 'writeFile', 'appendFile']);
  const reads = name === 'readFile';
  return {
    kind: 'abortedFifo',
    fifo: pick(random, FIFOS),
    name,
    on: pick(
      random,
      reads ? (['promises', 'callbacks', 'handle'] as const) : (['promises', 'callbacks'] as const),
    ),
    abort: pick(
      random,
      reads ? (['at once', 'in a tick', 'while it waits'] as const) : (['at once', 'in a tick'] as const),
    ),
    otherEnd: pick(random, ['before', 'after'] as const),
  };
}

/** What is no function in the callback's place, or nothing at all. */
function noCallbackStep(v: Values, random: Random): Step {
  // Node's rm looks for its callback when it has an error for it, and ends the process.
  const names = [...Object.keys(BY_DESCRIPTOR), ...Object.keys(BY_PATH)].filter((each) => each !== 'rm');
  const name = pick(random, names);
  const args = trimmed(v, (BY_DESCRIPTOR[name] ?? BY_PATH[name])(v));
  if (random(2)) args.push(v.one(undefined, null, 'callback', {}, 5));
  return { kind: 'noCallback', name, args };
}

/** Of an open handle. Its options are in order: a stream that could not be made keeps the handle open for ever in Node. */
function handleStreamStep(v: Values, random: Random): Step {
  const reads = random(2) === 1;
  const options = v.options(
    {
      encoding: () => v.one('utf8', 'hex', undefined),
      start: () => v.one(0, 1, 5000),
      end: () => v.one(6000, 1e9),
      highWaterMark: () => v.one(1000, 65_536),
    },
    false,
  );
  return { kind: 'handleStream', slot: random(SLOTS), reads, args: [options] };
}

function streamStep(v: Values, random: Random): Step {
  const kind = random(2) ? 'readStream' : 'writeStream';
  const common = {
    flags: () => (kind === 'readStream' ? v.readFlag() : v.one('w', 'a', 'r+', 'wx')),
    encoding: () => v.encoding(),
    start: () => v.one(0, 1, 5000, -1, 1.5, 'x'),
    highWaterMark: () => v.one(1000, 4096, 65_536, 200_000),
    autoClose: () => v.one(true, undefined),
    emitClose: () => v.flag(),
  };
  const options = v.options(
    kind === 'readStream' ? { ...common, end: () => v.one(0, 10, 6000, 1e9, -1, Number.NaN) } : common,
  );
  const chunks = Array.from({ length: random(6) }, () => pick(random, [0, 1, 100, 20_000]));
  return { kind, args: [v.regularPath(), options], chunks };
}
