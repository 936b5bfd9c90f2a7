// Several calls in flight on one file, through one handle and one descriptor: the ranges are apart, or all alike, so that
// what comes of them does not depend on who is first.
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Random } from '../../differential/random.js';
import { pattern, type World } from './world.js';

export const WAYS = ['apart', 'own position', 'appending', 'closing', 'vectors', 'descriptor'] as const;
export type Way = (typeof WAYS)[number];

const PART = 1000;

/** What came of every call, in the order of the calls, or sorted where that is the scheduler's. */
type Play = (world: World, path: string, count: number, random: Random) => Promise<unknown>;

async function handleOn(world: World, path: string, flags: string): Promise<FileHandle> {
  const handle = await world.player.promises.open(path, flags);
  world.opened.push(handle);
  return handle;
}

/** Reads what was there, writes elsewhere, looks at it, syncs and cuts the end off: all at the same time. */
const apart: Play = async (world, path, count, random) => {
  const handle = await handleOn(world, path, 'r+');
  const calls = Array.from({ length: count }, (_, i): Promise<unknown> => {
    const at = i * PART;
    switch (random(5)) {
      case 0:
        return handle.read(Buffer.alloc(PART), 0, PART, at);
      case 1:
        return handle.write(pattern(PART, i), 0, PART, at);
      case 2:
        return handle.write('x'.repeat(PART), at, 'latin1');
      case 3:
        return handle.stat().then((stats) => stats.size);
      default:
        return random(2) ? handle.sync() : handle.datasync();
    }
  });
  const results = await Promise.allSettled(calls);
  await handle.close();
  return results;
};

/** Each read and each write takes the next part, whichever that is. */
const ownPosition: Play = async (world, path, count, random) => {
  const handle = await handleOn(world, path, 'r+');
  const reads = random(2) === 1;
  const calls = Array.from({ length: count }, (_, i) =>
    reads
      ? handle.read(Buffer.alloc(PART), 0, PART, null)
      : handle.write(Buffer.alloc(PART, 65 + i), 0, PART, null),
  );
  const found = (await Promise.all(calls)).map(({ buffer, ...counts }) => [
    buffer.toString('latin1'),
    counts,
  ]);
  await handle.close();
  const parts = Array.from({ length: count }, (_, i) =>
    fs.readFileSync(path, 'latin1').slice(i * PART, (i + 1) * PART),
  );
  fs.truncateSync(path, 0); // their order is the scheduler's
  return [found.sort(), parts.sort()];
};

const appending: Play = async (world, path, count, random) => {
  fs.truncateSync(path, 0);
  const { promises } = world.player;
  const handle = await handleOn(world, path, random(2) ? 'a' : 'a+');
  const calls = Array.from({ length: count }, (_, i): Promise<unknown> => {
    const data = Buffer.alloc(PART, 65 + i);
    if (random(3) === 0) return promises.appendFile(path, data);
    return random(2) ? handle.appendFile(data) : handle.write(data, 0, PART, random(2) ? null : 7);
  });
  const results = (await Promise.all(calls)).map((result) => typeof result);
  await handle.close();
  const whole = fs.readFileSync(path, 'latin1');
  fs.truncateSync(path, 0);
  return [results, Array.from({ length: count }, (_, i) => whole.slice(i * PART, (i + 1) * PART)).sort()];
};

/** What is called before close() goes on, what is called after it finds the handle as Node leaves it. */
const closing: Play = async (world, path, count, random) => {
  const handle = await handleOn(world, path, 'r+');
  const before = Array.from({ length: count }, (_, i) =>
    random(2)
      ? handle.read(Buffer.alloc(PART), 0, PART, i * PART)
      : handle.write(pattern(PART, i), 0, PART, i * PART),
  );
  const over = [handle.close(), handle.close()];
  return [await Promise.allSettled(before), await Promise.allSettled(over), handle.fd];
};

const vectors: Play = async (world, path, count, random) => {
  const handle = await handleOn(world, path, 'r+');
  const calls = Array.from({ length: count }, (_, i) => {
    const half = PART >> 1;
    return random(2)
      ? handle.readv([Buffer.alloc(half), Buffer.alloc(half)], i * PART)
      : handle.writev([pattern(half, i), pattern(half, i + 1)], i * PART);
  });
  const results = await Promise.allSettled(calls);
  await handle.close();
  return results;
};

/** The callback functions, on one number. */
const descriptor: Play = async (world, path, count, random) => {
  const { fs: api } = world.player;
  const fd = await promisify(api.open)(path, 'r+');
  const calls = Array.from(
    { length: count },
    (_, i) =>
      new Promise((resolve) => {
        const done = (...results: unknown[]) => resolve(results);
        const at = i * PART;
        const choice = random(4);
        if (choice === 0) api.write(fd, pattern(PART, i), 0, PART, at, done);
        else if (choice === 1) api.read(fd, Buffer.alloc(PART), 0, PART, at, done);
        else if (choice === 2) api.writev(fd, [pattern(PART, i)], at, done);
        else api.fsync(fd, done);
      }),
  );
  const results = await Promise.all(calls);
  await promisify(api.close)(fd);
  return results;
};

const PLAYS: Readonly<Record<Way, Play>> = {
  apart,
  'own position': ownPosition,
  appending,
  closing,
  vectors,
  descriptor,
};

/** `random` begins anew for each player: the same calls for both. */
export async function atOnce(world: World, way: Way, count: number, random: Random): Promise<unknown> {
  const path = join(world.directory, 'shared');
  fs.writeFileSync(path, pattern(count * PART, count));
  const results = await PLAYS[way](world, path, count, random);
  return [results, fs.readFileSync(path)];
}
