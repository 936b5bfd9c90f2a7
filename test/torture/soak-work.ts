// The process that soak.ts measures: a seed on stdin is a round of work; then it says how large it is.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultRing, open } from 'linux-aio';
import * as dropIn from 'linux-aio/fs/promises';
import { pick, type Random, randomOf } from '../differential/random.js';
import { coreOf, native } from '../support/internals.js';
import { openDescriptors } from '../support/temp.js';
import { DOORS, type DoorName, doors } from './doors.js';

export interface Measured {
  operations: number;
  heap: number;
  rss: number;
  descriptors: number;
  slots: number;
  pins: number;
}

const TURNS = 100;
const [, , directory] = process.argv;
let operations = 0;
let names = 0;
/** A file that no other job has. */
const fresh = (): string => join(directory, String(names++));

async function transfers(random: Random, door: DoorName): Promise<void> {
  const path = fresh();
  const file = await doors[door](path, 'w+');
  const size = pick(random, [512, 4096, 65536]);
  const count = 1 + random(12);
  const written = Array.from({ length: count }, (_, i) => file.write(new Uint8Array(size).fill(i), i * size));
  assert.deepEqual(new Set(await Promise.all(written)), new Set([size]));
  if (random(8) === 0) assert.equal(await file.sync(), 0);
  const read = Array.from({ length: count }, (_, i) => file.read(new Uint8Array(size), i * size));
  assert.deepEqual(new Set(await Promise.all(read)), new Set([size]));
  await file.close();
  fs.unlinkSync(path);
  operations += 2 * count + 2;
}

async function wholeFiles(random: Random): Promise<void> {
  const path = fresh();
  await dropIn.writeFile(path, 'x'.repeat(random(30_000)));
  await dropIn.readFile(path, 'utf8');
  await dropIn.stat(path);
  await dropIn.rename(path, `${path}-renamed`);
  await dropIn.unlink(`${path}-renamed`);
  await assert.rejects(open(join(directory, 'missing')), { code: 'ENOENT' });
  operations += 6;
}

async function cancelled(): Promise<void> {
  const ring = defaultRing();
  const timers = Array.from({ length: 20 }, () => {
    let id = 0;
    const over = new Promise<number>((resolve) => {
      id = ring.timeout(60_000, resolve);
    });
    return { id, over };
  });
  for (const { id } of timers) ring.cancel(id, () => {});
  assert.deepEqual(new Set(await Promise.all(timers.map(({ over }) => over))), new Set([-125]));
  const controller = new AbortController();
  const path = fresh();
  const file = await open(path, 'w+');
  const reads = Array.from({ length: 10 }, () =>
    file.read(Buffer.alloc(64), { position: 0, signal: controller.signal }),
  );
  controller.abort();
  await Promise.allSettled(reads);
  await file.close();
  fs.unlinkSync(path);
  operations += 52;
}

async function work(seed: number): Promise<void> {
  const random = randomOf(seed);
  for (let turn = 0; turn < TURNS; turn++) {
    const jobs = Array.from({ length: 1 + random(3) }, () => {
      const kind = random(10);
      if (kind === 0) return wholeFiles(random);
      if (kind === 1) return cancelled();
      return transfers(random, pick(random, DOORS));
    });
    await Promise.allSettled(jobs).then((all) => {
      for (const one of all) if (one.status === 'rejected') throw one.reason;
    });
  }
}

async function measured(): Promise<Measured> {
  for (let i = 0; i < 6; i++) {
    global.gc!();
    await sleep(5);
  }
  const { heapUsed, rss } = process.memoryUsage();
  const { live } = coreOf(defaultRing()).slots;
  return {
    operations,
    heap: heapUsed,
    rss,
    descriptors: openDescriptors(),
    slots: live,
    pins: native().pinCount(),
  };
}

fs.mkdirSync(directory, { recursive: true });
for await (const line of createInterface({ input: process.stdin })) {
  operations = 0;
  await work(Number(line));
  console.log(JSON.stringify(await measured()));
}
