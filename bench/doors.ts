// The doors a contestant offers to a workload. A workload has one loop per kind of door, so `node:fs/promises`, Bun,
// Deno and our promises run the very same code and differ only in the `open` they pass in.
import type { FileHandle } from 'node:fs/promises';
import type { File, Ring } from 'linux-aio';
import type * as aio from 'linux-aio/posix';

/** What the promise loops use of a FileHandle. */
export type Handle = Pick<
  FileHandle,
  'read' | 'write' | 'datasync' | 'readFile' | 'createReadStream' | 'close'
>;

/** Page-aligned memory for one slice; `free` after it. */
export interface Buffers {
  views: Uint8Array[];
  free(): void;
}

interface Memory {
  buffers(count: number, size: number, direct: boolean): Buffers;
}

export interface PromiseDoor extends Memory {
  kind: 'promises';
  open(path: string, flags: number, direct: boolean): Promise<Handle>;
}

export interface ManyDoor extends Memory {
  kind: 'many';
  open(path: string, flags: number, direct: boolean): Promise<File>;
}

export interface RingDoor extends Memory {
  kind: 'ring';
  ring: Ring;
}

export interface CallbackDoor extends Memory {
  kind: 'callbacks';
}

export interface SyncDoor extends Memory {
  kind: 'sync';
}

export interface PosixDoor extends Memory {
  kind: 'posix';
  aio: typeof aio;
}

export type Door = PromiseDoor | ManyDoor | RingDoor | CallbackDoor | SyncDoor | PosixDoor;
export type DoorKind = Door['kind'];
export type DoorOf<K extends DoorKind> = Extract<Door, { kind: K }>;
