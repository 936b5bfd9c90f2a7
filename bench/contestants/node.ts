// `node:fs` by its three doors. Bun and Deno run the `promises` one with their own implementation of it.
import { open } from 'node:fs/promises';
import { alignedBuffers, O_DIRECT } from '../buffers.js';
import type { CallbackDoor, PromiseDoor, SyncDoor } from '../doors.js';

export const promises: PromiseDoor = {
  kind: 'promises',
  open: (path, flags, direct) => open(path, direct ? flags | O_DIRECT : flags, 0o666),
  buffers: alignedBuffers,
};

export const callbacks: CallbackDoor = { kind: 'callbacks', buffers: alignedBuffers };

export const sync: SyncDoor = { kind: 'sync', buffers: alignedBuffers };
