// The same calls to Node's modules and to ours, and the first difference between what came of them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { randomOf } from '../../differential/random.js';
import { drawSteps, type Step } from './calls.js';
import { type Entry, play } from './play.js';
import { resting, watch } from './watchdog.js';
import { base, type Player } from './world.js';

export const NODE: Player = { name: 'node:fs', fs, promises };

export async function ours(): Promise<Player> {
  return {
    name: 'linux-aio/fs',
    fs: (await import('linux-aio/fs' as string)).default,
    promises: (await import('linux-aio/fs/promises' as string)).default,
  };
}

/** Steps of a sequence: a new directory after so many. */
export const LENGTH = 250;

/** Plays the sequence of a seed by both. How many calls were compared. */
export async function compareSeed(seed: number, player: Player, length = LENGTH): Promise<number> {
  const steps = drawSteps(randomOf(seed), length);
  await compareSteps(steps, player, `seed ${seed}`);
  return steps.length;
}

/** Throws what differs first. A call that hangs, by either of them, ends the process. */
export async function compareSteps(steps: readonly Step[], player: Player, title: string): Promise<void> {
  watch(base);
  const [expected, actual] = await played(steps, player, title).finally(resting);
  for (const [i, [name, outcome]] of expected.entries()) {
    try {
      assert.deepStrictEqual(actual[i][1], outcome);
    } catch (error) {
      throw new Error(`${title}, call ${i}, ${name}\n${(error as Error).message}`);
    }
  }
}

async function played(steps: readonly Step[], player: Player, title: string): Promise<[Entry[], Entry[]]> {
  const expected = await play(NODE, steps, title);
  return [expected, await play(player, steps, title)];
}
