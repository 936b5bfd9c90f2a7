// A log's life: write 4 KiB at the end of the file, then fdatasync, and only then the next. One writer, and 32 with a
// file each. Files are empty at the start of a slice. One operation is the write and the sync together.
import * as fs from 'node:fs';
import { wordsOf } from '../buffers.js';
import { appendFiles, block } from '../fixtures.js';
import { lanes, numbered, withDescriptors, withHandles } from '../loops.js';
import { type Outcome, Run, type Slice } from '../slice.js';
import type { Family, Loops, Workload } from '../workload.js';

const { O_WRONLY } = fs.constants;

const failure = (what: string, result: number) => new Error(`${what} returned ${result}`);

/** The words of a buffer, the slice's stamp already in the second; the block's number goes into the first. */
function stamped(view: Uint8Array, slice: Slice): Uint32Array {
  const words = wordsOf(view);
  words[1] = slice.stamp;
  return words;
}

const loops: Loops = {
  promises: (door, slice) =>
    withHandles(door, slice, O_WRONLY, numbered(slice.path, slice.depth), async (files, views) => {
      const { size } = slice;
      const run = new Run(slice);

      async function writer(view: Uint8Array, i: number): Promise<void> {
        const words = stamped(view, slice);
        const file = files[i];
        for (let n = 0; !run.over; n++) {
          words[0] = n;
          const { bytesWritten } = await file.write(view, 0, size, n * size);
          if (bytesWritten !== size) throw failure('write', bytesWritten);
          await file.datasync();
          run.done();
        }
      }

      await Promise.all(views.map(writer));
      return run.finish();
    }),

  many: (door, slice) =>
    withHandles(door, slice, O_WRONLY, numbered(slice.path, slice.depth), async (files, views) => {
      const { size } = slice;
      const run = new Run(slice);

      async function writer(buffer: Uint8Array, i: number): Promise<void> {
        const words = stamped(buffer, slice);
        const file = files[i];
        const list = [{ buffer, position: 0 }];
        for (let n = 0; !run.over; n++) {
          words[0] = n;
          list[0].position = n * size;
          const [result] = await file.writeMany(list, { sync: true });
          if (result !== size) throw failure('writeMany', result);
          run.done();
        }
      }

      await Promise.all(views.map(writer));
      return run.finish();
    }),

  ring: (door, slice) =>
    withDescriptors(door, slice, O_WRONLY, numbered(slice.path, slice.depth), (fds, views) => {
      const { ring } = door;
      const { size } = slice;
      return lanes(slice, slice.depth, (i, completed, failed) => {
        const fd = fds[i];
        const words = stamped(views[i], slice);
        let n = 0;
        const written = (result: number) => {
          if (result !== size) failed(failure('write', result));
          else ring.fsync(fd, true, synced);
        };
        const synced = (result: number) => {
          if (result !== 0) failed(failure('fdatasync', result));
          else completed();
        };
        return () => {
          words[0] = n;
          ring.write(fd, views[i], n++ * size, written);
        };
      });
    }),

  callbacks: (door, slice) =>
    withDescriptors(door, slice, O_WRONLY, numbered(slice.path, slice.depth), (fds, views) => {
      const { size } = slice;
      return lanes(slice, slice.depth, (i, completed, failed) => {
        const fd = fds[i];
        const words = stamped(views[i], slice);
        let n = 0;
        const written = (error: Error | null, result: number) => {
          if (error || result !== size) failed(error ?? failure('write', result));
          else fs.fdatasync(fd, synced);
        };
        const synced = (error: Error | null) => {
          if (error) failed(error);
          else completed();
        };
        return () => {
          words[0] = n;
          fs.write(fd, views[i], 0, size, n++ * size, written);
        };
      });
    }),

  sync: (door, slice) =>
    withDescriptors(door, slice, O_WRONLY, numbered(slice.path, 1), async ([fd], [view]) => {
      const { size } = slice;
      const words = stamped(view, slice);
      const run = new Run(slice);
      for (let n = 0; !run.over; n++) {
        words[0] = n;
        const result = fs.writeSync(fd, view, 0, size, n * size);
        if (result !== size) throw failure('write', result);
        fs.fdatasyncSync(fd);
        run.done();
      }
      return run.finish();
    }),
};

function reset(path: string): void {
  for (const file of numbered(path, appendFiles)) {
    const fd = fs.openSync(file, 'w');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }
}

/** Every append is in its file, and the last block of each is this slice's. */
function check(path: string, slice: Slice, outcome: Outcome): void {
  const view = new Uint8Array(block);
  const words = wordsOf(view);
  let found = 0;
  for (const file of numbered(path, slice.depth)) {
    const fd = fs.openSync(file, 'r');
    const blocks = fs.fstatSync(fd).size / slice.size;
    found += blocks;
    if (blocks > 0) fs.readSync(fd, view, 0, block, (blocks - 1) * slice.size);
    fs.closeSync(fd);
    if (blocks > 0 && (words[0] !== blocks - 1 || words[1] !== slice.stamp))
      throw new Error(`${file}: wrong data`);
  }
  if (found !== outcome.operations) throw new Error(`${outcome.operations} appends reported, ${found} found`);
}

function workload(depth: number): Workload {
  return {
    id: `append-${depth}`,
    title: `4 KiB append + fdatasync, ${depth === 1 ? 'one writer' : `${depth} writers, a file each`}`,
    unit: 'ops/s',
    fixture: 'append-',
    doors: ['promises', 'ring', 'many', 'callbacks', ...(depth === 1 ? (['sync'] as const) : [])],
    limit: 'append',
    depth,
    size: block,
    count: 1,
    reset,
    check,
  };
}

export const durableAppends: Family = { workloads: [workload(1), workload(appendFiles)], loops };
