// What all loops share: files opened and memory taken before the clock starts and given back after it has stopped, and
// the bookkeeping of callback lanes. The hot code itself stands in workloads/, where it can be read beside its rivals.
import { closeSync, openSync } from 'node:fs';
import { O_DIRECT } from './buffers.js';
import type { Door, Handle, ManyDoor, PromiseDoor } from './doors.js';
import { type Outcome, Run, type Slice } from './slice.js';

type Opened<D extends PromiseDoor | ManyDoor> = Awaited<ReturnType<D['open']>>;

/** One handle, `depth` buffers. */
export async function withHandle<D extends PromiseDoor | ManyDoor>(
  door: D,
  slice: Slice,
  flags: number,
  body: (file: Opened<D>, views: Uint8Array[]) => Promise<Outcome>,
): Promise<Outcome> {
  return withHandles(door, slice, flags, [slice.path], ([file], views) => body(file, views));
}

/** A handle per path, `depth` buffers. */
export async function withHandles<D extends PromiseDoor | ManyDoor>(
  door: D,
  slice: Slice,
  flags: number,
  paths: string[],
  body: (files: Opened<D>[], views: Uint8Array[]) => Promise<Outcome>,
): Promise<Outcome> {
  const files = (await Promise.all(paths.map((path) => door.open(path, flags, slice.direct)))) as Opened<D>[];
  const { views, free } = door.buffers(slice.depth, slice.size, slice.direct);
  try {
    return await body(files, views);
  } finally {
    free();
    await Promise.all(files.map((file: Pick<Handle, 'close'>) => file.close()));
  }
}

/** A descriptor per path, `depth` buffers, for the doors that take numbers. */
export async function withDescriptors(
  door: Door,
  slice: Slice,
  flags: number,
  paths: string[],
  body: (fds: number[], views: Uint8Array[]) => Promise<Outcome>,
): Promise<Outcome> {
  const fds = paths.map((path) => openSync(path, slice.direct ? flags | O_DIRECT : flags));
  const { views, free } = door.buffers(slice.depth, slice.size, slice.direct);
  try {
    return await body(fds, views);
  } finally {
    free();
    for (const fd of fds) closeSync(fd);
  }
}

export function withDescriptor(
  door: Door,
  slice: Slice,
  flags: number,
  body: (fd: number, views: Uint8Array[]) => Promise<Outcome>,
): Promise<Outcome> {
  return withDescriptors(door, slice, flags, [slice.path], ([fd], views) => body(fd, views));
}

/**
 * Callback lanes: `start` is called once per lane and returns what begins an operation; each operation ends in a call
 * of `completed()`, which begins the lane's next one until the time is up, or of `failed`.
 */
export function lanes(
  slice: Slice,
  count: number,
  start: (i: number, completed: () => void, failed: (error: Error) => void) => () => void,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let running = count;
    let run: Run;
    const begins = Array.from({ length: count }, (_, i) => {
      const begin = start(i, completed, reject);
      function completed(): void {
        run.done();
        if (!run.over) begin();
        else if (--running === 0) resolve(run.finish());
      }
      return begin;
    });
    run = new Run(slice);
    for (const begin of begins) begin();
  });
}

/** The paths of a numbered set. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
