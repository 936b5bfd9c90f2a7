// 4 KiB random writes over existing blocks, buffered and with O_DIRECT, `depth` in flight at once. Before each slice of
// buffered writes all pages of the file are in the cache and dirty, so that nobody pays for another's writeback.
import { closeSync, constants, openSync, readSync, write, writeSync } from 'node:fs';
import { alignedBuffers, O_DIRECT, wordsOf } from '../buffers.js';
import { block, cachedBlocks, dirtyFile, writtenBlocks } from '../fixtures.js';
import { lanes, withDescriptor, withHandle } from '../loops.js';
import { xorshift } from '../random.js';
import { type Outcome, Run, type Slice } from '../slice.js';
import type { Family, Loops, Workload } from '../workload.js';

const { O_RDWR } = constants;

const short = (n: number, result: number) => new Error(`write of block ${n} returned ${result}`);

/** The words of a buffer, the slice's stamp already in the second; the block's number goes into the first. */
function stamped(view: Uint8Array, slice: Slice): Uint32Array {
  const words = wordsOf(view);
  words[1] = slice.stamp;
  return words;
}

const loops: Loops = {
  promises: (door, slice) =>
    withHandle(door, slice, O_RDWR, async (file, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const run = new Run(slice);

      async function lane(view: Uint8Array): Promise<void> {
        const words = stamped(view, slice);
        while (!run.over) {
          const n = next() & mask;
          words[0] = n;
          const { bytesWritten } = await file.write(view, 0, size, n * size);
          if (bytesWritten !== size) throw short(n, bytesWritten);
          run.done();
        }
      }

      await Promise.all(views.map(lane));
      return run.finish();
    }),

  many: (door, slice) =>
    withHandle(door, slice, O_RDWR, async (file, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const words = views.map((view) => stamped(view, slice));
      const list = views.map((buffer) => ({ buffer, position: 0 }));
      const run = new Run(slice);
      while (!run.over) {
        for (let i = 0; i < list.length; i++) {
          const n = next() & mask;
          words[i][0] = n;
          list[i].position = n * size;
        }
        const results = await file.writeMany(list);
        for (let i = 0; i < results.length; i++) {
          if (results[i] !== size) throw short(words[i][0], results[i]);
          run.done();
        }
      }
      return run.finish();
    }),

  ring: (door, slice) =>
    withDescriptor(door, slice, O_RDWR, (fd, views) => {
      const { ring } = door;
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      return lanes(slice, views.length, (i, completed, failed) => {
        const view = views[i];
        const words = stamped(view, slice);
        const done = (result: number) => {
          if (result !== size) failed(short(words[0], result));
          else completed();
        };
        return () => {
          const n = next() & mask;
          words[0] = n;
          ring.write(fd, view, n * size, done);
        };
      });
    }),

  callbacks: (door, slice) =>
    withDescriptor(door, slice, O_RDWR, (fd, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      return lanes(slice, views.length, (i, completed, failed) => {
        const view = views[i];
        const words = stamped(view, slice);
        const done = (error: Error | null, result: number) => {
          if (error || result !== size) failed(error ?? short(words[0], result));
          else completed();
        };
        return () => {
          const n = next() & mask;
          words[0] = n;
          write(fd, view, 0, size, n * size, done);
        };
      });
    }),

  sync: (door, slice) =>
    withDescriptor(door, slice, O_RDWR, async (fd, [view]) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const words = stamped(view, slice);
      const run = new Run(slice);
      while (!run.over) {
        const n = next() & mask;
        words[0] = n;
        const result = writeSync(fd, view, 0, size, n * size);
        if (result !== size) throw short(n, result);
        run.done();
      }
      return run.finish();
    }),
};

/** The seed tells which blocks were written first: they must carry this slice's stamp. */
function check(path: string, slice: Slice, outcome: Outcome): void {
  const next = xorshift(slice.seed);
  const [view] = alignedBuffers(1, slice.size).views;
  const words = wordsOf(view);
  const fd = openSync(path, constants.O_RDONLY | (slice.direct ? O_DIRECT : 0));
  try {
    for (let i = Math.min(outcome.operations, 64); i > 0; i--) {
      const n = next() & (slice.count - 1);
      readSync(fd, view, 0, slice.size, n * slice.size);
      if (words[0] !== n || words[1] !== slice.stamp) {
        throw new Error(`block ${n} was not written: it says ${words[0]}, slice ${words[1]}`);
      }
    }
  } finally {
    closeSync(fd);
  }
}

function workload(kind: 'buffered' | 'direct', depth: number): Workload {
  return {
    id: `write-${kind}-${depth}`,
    title: `4 KiB random writes, ${kind === 'buffered' ? 'buffered' : 'O_DIRECT'}, depth ${depth}`,
    unit: 'ops/s',
    fixture: kind === 'buffered' ? 'written' : 'direct',
    doors: ['promises', 'ring', depth === 1 ? 'sync' : 'many', 'callbacks'],
    limit: 'write',
    depth,
    size: block,
    count: kind === 'buffered' ? writtenBlocks : cachedBlocks,
    direct: kind === 'direct',
    ...(kind === 'buffered' && { reset: (path, slice) => dirtyFile(path, slice.count) }),
    check,
  };
}

export const randomWrites: Family = {
  workloads: [
    ...[1, 32, 128].map((depth) => workload('buffered', depth)),
    ...[1, 32, 128].map((depth) => workload('direct', depth)),
  ],
  loops,
};
