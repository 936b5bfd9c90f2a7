// Named pipes, by path, by a handle and by a descriptor. No call here may depend on another player's or wait for data that
// nobody writes: it would hold a thread of Node's pool, and take what is written to the same pipe later.
import fs from 'node:fs';
import { join } from 'node:path';
import type { Step } from './calls.js';
import { called, errorOf } from './outcome.js';
import { pattern, type World } from './world.js';

/** Both ends of a FIFO by name, each waiting for the other; or as one handle or descriptor, with what a pipe refuses. */
export async function throughFifo(
  world: World,
  { fifo, bytes, through, position }: Extract<Step, { kind: 'fifo' }>,
): Promise<unknown> {
  const path = join(world.directory, fifo);
  if (!fs.lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return 'no FIFO any more';
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

async function oneAfterTheOther(calls: readonly (() => unknown)[]): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const call of calls) found.push(await (async () => call())().catch(errorOf));
  return found;
}
