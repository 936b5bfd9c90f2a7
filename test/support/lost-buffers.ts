// Buffers lost while the kernel is to write into them, and canaries where their memory was.
//
// How a loss shows: the memory is dropped while a read of a pipe is in flight, other buffers of the same size are
// made, which take the memory if it was freed, and are filled with a pattern; then the pipe gets data. If the kernel
// writes into freed memory, a canary changes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ring } from 'linux-aio';
import { memory, native } from './internals.js';
import type { Pipe } from './temp.js';

export const COUNT = 40;
/** In V8's and malloc's hands (small), and mapped one by one (large). */
export const SIZES = [512, 300_000];

export async function collected(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    global.gc!();
    await sleep(1);
  }
}

/** Buffers that take up memory which was freed just now, filled so that a stray write shows. */
export function canaries(size: number): Uint8Array[] {
  return Array.from({ length: 4 * COUNT }, () => new Uint8Array(size).fill(0xc5));
}

/** The two ways to hold memory (src/ring/memory.ts): for one request, and for as long as the buffer lives. */
export const HOLDS = ['on loan', 'pinned'] as const;
export type Hold = (typeof HOLDS)[number];

/** Reads of `COUNT` empty pipes into buffers that nobody but the ring refers to when this returns. */
export function readsInFlight(
  ring: Ring,
  pipes: Pipe[],
  size: number,
  lose: (buffer: ArrayBuffer) => void,
  hold: Hold = 'on loan',
) {
  return pipes.map((pipe) => {
    const buffer = new ArrayBuffer(size);
    if (hold === 'pinned') memory.memoryOf(buffer);
    let done: (bytes: number) => void = () => {};
    const promise = new Promise<number>((resolve) => {
      done = resolve;
    });
    // The callback must not refer to the buffer, as a closure in this place would.
    ring.read(pipe.read, new Uint8Array(buffer), -1, done);
    lose(buffer);
    return promise;
  });
}

export async function survives(
  ring: Ring,
  pipes: Pipe[],
  size: number,
  lose: (buffer: ArrayBuffer) => void,
  hold: Hold,
): Promise<void> {
  await collected();
  const before = native().pinCount();
  const reads = readsInFlight(ring, pipes, size, lose, hold);
  ring.flush();
  await collected();
  assert.ok(native().pinCount() - before >= COUNT, 'memory under the kernel is not held');
  const watched = canaries(size);
  for (const pipe of pipes) fs.writeSync(pipe.write, Buffer.alloc(512, 0x77));
  assert.deepEqual(new Set(await Promise.all(reads)), new Set([Math.min(size, 512)]));
  for (const canary of watched) {
    assert.ok(
      canary.every((byte) => byte === 0xc5),
      'the kernel wrote into memory that was given to somebody else',
    );
  }
}
