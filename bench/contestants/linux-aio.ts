// This package by its three doors. Loaded by name in the child processes of our contestants only: the same host runs
// under Bun and Deno, which cannot load the addon.
import { BufferPool, defaultRing, open } from 'linux-aio';
import { alignedBuffers } from '../buffers.js';
import type { Buffers, ManyDoor, PromiseDoor, RingDoor } from '../doors.js';

/** O_DIRECT takes the pool's buffers, as a user's program would; otherwise the same memory as everybody. */
function buffers(count: number, size: number, direct: boolean): Buffers {
  if (!direct) return alignedBuffers(count, size);
  const pool = new BufferPool({ size, count });
  const views = Array.from({ length: count }, () => pool.acquire());
  return {
    views,
    free() {
      for (const view of views) pool.release(view);
      pool[Symbol.dispose]();
    },
  };
}

const openFile: ManyDoor['open'] = (path, flags, direct) => open(path, flags, 0o666, { direct });

/** The loops were typed for Node's FileHandle, which a File is to its users. */
export const promises: PromiseDoor = {
  kind: 'promises',
  open: openFile as unknown as PromiseDoor['open'],
  buffers,
};

export const many: ManyDoor = { kind: 'many', open: openFile, buffers };

export const ring: RingDoor = {
  kind: 'ring',
  get ring() {
    return defaultRing();
  },
  buffers,
};

export function describe(): string {
  return `engine ${defaultRing().engine}`;
}
