// Named pipes, by path, by a handle and by a descriptor. No call here may depend on another player's or wait for data that
// nobody writes: it would hold a thread of Node's pool, and take what is written to the same pipe later.
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Step } from './calls.js';
import { type Call, called, errorOf } from './outcome.js';
import { pattern, type World } from './world.js';

/** Both ends of a FIFO by name, each waiting for the other; or as one handle or descriptor, with what a pipe refuses. */
export async function throughFifo(
  world: World,
  { fifo, bytes, through, position }: Extract<Step, { kind: 'fifo' }>,
): Promise<unknown> {
  const path = pathOf(world, fifo);
  if (path === undefined) return 'no FIFO any more';
  const { fs: api, promises } = world.player;
  const data = pattern(bytes, 5);
  if (through === 'handle') {
    const handle = await promises.open(path, 'r+');
    world.opened.push(handle);
    // readv, writev and text take a number, or none.
    const at = Number(position);
    return oneAfterTheOther([
      () => handle.write(data),
      () => handle.write('never empty'),
      // Node 20 takes no notice of a position that is a bigint here, and takes out what there is.
      () => handle.read(Buffer.alloc(100), 0, 100, position),
      () => handle.readv([Buffer.alloc(10), Buffer.alloc(90)], at),
      () => handle.write(Buffer.alloc(10), 0, 10, at),
      () => handle.write('text', at),
      () => handle.writev([Buffer.alloc(10), Buffer.alloc(0)], at),
      () => handle.truncate(0),
      () => handle.sync(),
      () => handle.writev([data, Buffer.from('the end')]),
      // All that is left, of which there is something whatever the calls before it took.
      () => handle.read(Buffer.alloc(2 * bytes + 100)),
      () => handle.close(),
    ]);
  }
  if (through === 'descriptor') {
    const at = Number(position);
    const fd = (await called(api, 'open', [path, 'r+'])) as number;
    const call = (name: string, ...args: unknown[]) => called(api, name, [fd, ...args]);
    return oneAfterTheOther([
      () => call('write', data, 0, bytes, null),
      () => call('read', Buffer.alloc(100), 0, 100, position),
      () => call('read', { buffer: Buffer.alloc(100), position }),
      () => call('readv', [Buffer.alloc(10), Buffer.alloc(90)], at),
      () => call('write', Buffer.alloc(10), 0, 10, at),
      () => call('write', 'text', at, 'utf8'),
      () => call('writev', [Buffer.alloc(10), Buffer.alloc(0)], at),
      () => call('writev', [data, Buffer.from('the end')], null),
      // All that was written, and nothing else.
      () => call('readv', [Buffer.alloc(2 * bytes), Buffer.alloc(100)], null),
      () => call('close'),
    ]);
  }
  const callbacks = through === 'callbacks';
  const write = callbacks ? called(api, 'writeFile', [path, data]) : promises.writeFile(path, data);
  const read = callbacks ? called(api, 'readFile', [path]) : promises.readFile(path);
  return Promise.all([read, write]);
}

/** Other calls of a sequence remove them, and put files in their place. */
function pathOf(world: World, fifo: string): string | undefined {
  const path = join(world.directory, fifo);
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFIFO() ? path : undefined;
}

async function oneAfterTheOther(calls: readonly (() => unknown)[]): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const call of calls) found.push(await (async () => call())().catch(errorOf));
  return found;
}

/** Long enough for a thread to stop in the open or the read; none of the outcomes depends on it. */
const TURNS_WAITING = 20;

/**
 * A whole pipe read or written, and aborted. Node opens it and waits for the data all the same, and only then looks at the
 * signal: so there is another end in time, data after the abort, and an end of them. Without it would wait for ever.
 */
export async function abortedFifo(
  world: World,
  { fifo, name, on, abort, otherEnd }: Extract<Step, { kind: 'abortedFifo' }>,
): Promise<unknown> {
  const path = pathOf(world, fifo);
  if (path === undefined) return 'no FIFO any more';
  const { fs: api, promises } = world.player;
  let ends = otherEnd === 'before' ? openEnds(path) : undefined;
  const handle = on === 'handle' ? await promises.open(path, 'r+') : undefined;
  const controller = new AbortController();
  const args = [
    ...(handle ? [] : [path]),
    ...(name === 'readFile' ? [] : [DATA]),
    { signal: controller.signal },
  ];
  const subject = (handle ?? promises) as unknown as Record<string, Call>;
  const call = on === 'callbacks' ? called(api, name, args) : (subject[name](...args) as Promise<unknown>);
  let over = false;
  const outcome = call.catch(errorOf).finally(() => {
    over = true;
  });
  const stop = () => controller.abort(new Error(abort));
  if (abort === 'at once') stop();
  else if (abort === 'in a tick') process.nextTick(stop);
  else {
    for (let turn = 0; turn < TURNS_WAITING; turn++) await nextTurn();
    stop();
  }
  await nextTurn();
  ends ??= openEnds(path);
  if (name === 'readFile') fs.writeSync(ends.write, LATE);
  // Its open does not come back without a writer; nor does its read come to the end of the pipe, with one.
  while (!over && openOf(path) <= 2) await nextTurn();
  fs.closeSync(ends.write);
  const found = await outcome;
  await handle?.close();
  const left = readAll(ends.read);
  fs.closeSync(ends.read);
  const isEither = takesWhole(on) || (name === 'readFile' && abort === 'while it waits');
  return [found, isEither ? [LATE, DATA.toString('latin1'), ''].includes(left) : left, openOf(path)];
}

const LATE = 'written after the abort';
const DATA = pattern(5000, 5);

/**
 * From Node 26 on a file by path is opened, transferred and closed in one go, by a thread that knows of no signal: what was
 * aborted has been read or written all the same. Ours, and Node's before, have not begun.
 */
export function takesWhole(on: number | string): boolean {
  return (on === 'callbacks' || on === 'promises') && Number.parseInt(process.versions.node, 10) >= 26;
}

/** To read from without waiting, and to write to: neither waits for another. */
function openEnds(path: string): { read: number; write: number } {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
  const read = fs.openSync(path, O_RDONLY | O_NONBLOCK);
  return { read, write: fs.openSync(path, O_WRONLY | O_NONBLOCK) };
}

/** How many descriptors of this process lead there. */
function openOf(path: string): number {
  return fs.readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === path).length;
}

/** What is in a pipe now. */
function readAll(fd: number): string {
  const bytes = Buffer.alloc(65_536);
  try {
    return bytes.toString('latin1', 0, fs.readSync(fd, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw error;
  }
}

/** Where a descriptor leads to; that of the listing itself is closed by then. */
function linkOf(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
