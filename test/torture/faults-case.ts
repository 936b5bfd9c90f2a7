// One fault, through one door, on one engine, in a process of its own: faults.ts runs it and reads its verdict.
//
// Usage: faults-case <Case as JSON>, with LINUX_AIO_ENGINE. Prints as JSON how many results were checked, and by how much
// the process has grown.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import { coreOf, native, posixEngine } from '../support/internals.js';
import { openDescriptors } from '../support/temp.js';
import { doors } from './doors.js';
import { type Case, checked, Healthy, type Scene } from './scene.js';
import { deviceScenes } from './scenes-device.js';
import { diskScenes } from './scenes-disk.js';
import { limitScenes } from './scenes-limits.js';

const scenes: Record<string, (scene: Scene) => Promise<void>> = {
  ...deviceScenes,
  ...diskScenes,
  ...limitScenes,
};

/**
 * What a fault must leave as it was, and by how much each may be more afterwards. Heap: what the first run of code keeps
 * (870 KiB were seen). Resident: malloc's arenas, of more memory than is measured at any time (33 MiB).
 */
const ALLOWANCE = {
  descriptors: 0,
  slots: 0,
  pins: 0,
  'bytes of buffers': 0,
  'bytes of heap': 2 << 20,
  'bytes resident': 64 << 20,
};
type Measured = Record<keyof typeof ALLOWANCE, number>;
const WHAT = Object.keys(ALLOWANCE) as (keyof Measured)[];

/** Each opens its ring, if the door has not. */
const cores = [coreOf(defaultRing()), posixEngine()];

function measured(): Measured {
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage();
  return {
    descriptors: openDescriptors(),
    slots: cores.reduce((sum, { slots }) => sum + slots.live, 0),
    pins: native().pinCount(),
    'bytes of buffers': arrayBuffers,
    'bytes of heap': heapUsed,
    'bytes resident': rss,
  };
}

async function collected(): Promise<Measured> {
  for (let i = 0; i < 6; i++) {
    global.gc!();
    await sleep(5);
  }
  return measured();
}

const own = JSON.parse(process.argv[2]) as Case;
const door = doors[own.door];
// What a process has once (rings, pools) is there before anything is counted.
const first = new Healthy(await door(join(own.healthy, `first-${process.pid}`), 'w+'));
await first.goesOn(50);
await first.stop();
const before = await collected();
const healthy = new Healthy(await door(join(own.healthy, `healthy-${process.pid}`), 'w+'));
await scenes[own.scene]({ own, door, healthy, path: (name) => join(own.faulty, name) });
await healthy.goesOn(5);
await healthy.stop();

// Under ThreadSanitizer memory grows by the shadow of what is touched, and does not shrink again.
const isShadowed = (what: string) => what === 'bytes resident' && process.env['TSAN_OPTIONS'] !== undefined;
const growth = (now: Measured): Measured =>
  Object.fromEntries(WHAT.map((what) => [what, now[what] - before[what]])) as Measured;
let grown = growth(await collected());
for (let i = 0; i < 20 && WHAT.some((what) => grown[what] > ALLOWANCE[what]); i++)
  grown = growth(await collected());
for (const what of WHAT)
  assert.ok(
    grown[what] <= ALLOWANCE[what] || isShadowed(what),
    `${grown[what]} more ${what} than the ${before[what]} before`,
  );
console.log(JSON.stringify({ checked, grown }));
