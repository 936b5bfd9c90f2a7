// The same calls to Node's modules and to ours, and the first difference between what came of them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
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
    const found = actual[i][1];
    if (!isDeepStrictEqual(found, outcome)) {
      throw new Error(`${title}, call ${i}, ${name}\n${difference(abridged(found), abridged(outcome))}`);
    }
  }
}

function difference(found: unknown, expected: unknown): string {
  try {
    assert.deepStrictEqual(found, expected);
  } catch (error) {
    return (error as Error).message;
  }
  return 'A difference that is not shown.';
}

/** Longer content is shown by its length, its beginning and a sum: the lines that differ, of 700,000, take minutes to find. */
const SHOWN_BYTES_MAX = 200;

function abridged(value: unknown): unknown {
  if (typeof value === 'string' && value.length > SHOWN_BYTES_MAX)
    return summary('string', Buffer.from(value));
  if (ArrayBuffer.isView(value) && value.byteLength > SHOWN_BYTES_MAX) {
    const { buffer, byteOffset, byteLength } = value;
    return summary(value.constructor.name, Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
  }
  if (Array.isArray(value)) return value.map(abridged);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, abridged(field)]));
}

function summary(type: string, bytes: Buffer): string {
  const sum = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return `${type} of ${bytes.length} bytes, sha256 ${sum}, ${bytes.toString('latin1', 0, 40)}`;
}

async function played(steps: readonly Step[], player: Player, title: string): Promise<[Entry[], Entry[]]> {
  const expected = await play(NODE, steps, title);
  return [expected, await play(player, steps, title)];
}
