// 4 KiB random reads, from the page cache and with O_DIRECT, `depth` in flight at once: a lane per request, and each
// lane begins its next read when the last has come. readMany has no lanes: a batch of `depth`, then the next batch.
import { constants, read, readSync } from 'node:fs';
import { wordsOf, wrongBlock } from '../buffers.js';
import { block, cachedBlocks, warmFile } from '../fixtures.js';
import { lanes, withDescriptor, withHandle } from '../loops.js';
import { xorshift } from '../random.js';
import { Run } from '../slice.js';
import type { Family, Loops, Workload } from '../workload.js';

const { O_RDONLY } = constants;

const loops: Loops = {
  promises: (door, slice) =>
    withHandle(door, slice, O_RDONLY, async (file, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const run = new Run(slice);

      async function lane(view: Uint8Array): Promise<void> {
        const words = wordsOf(view);
        while (!run.over) {
          const n = next() & mask;
          const { bytesRead } = await file.read(view, 0, size, n * size);
          if (bytesRead !== size || words[0] !== n) throw wrongBlock(n, bytesRead, words[0]);
          run.done();
        }
      }

      await Promise.all(views.map(lane));
      return run.finish();
    }),

  many: (door, slice) =>
    withHandle(door, slice, O_RDONLY, async (file, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const words = views.map(wordsOf);
      const list = views.map((buffer) => ({ buffer, position: 0 }));
      const run = new Run(slice);
      while (!run.over) {
        for (const transfer of list) transfer.position = (next() & mask) * size;
        const results = await file.readMany(list);
        for (let i = 0; i < results.length; i++) {
          const n = list[i].position / size;
          if (results[i] !== size || words[i][0] !== n) throw wrongBlock(n, results[i], words[i][0]);
          run.done();
        }
      }
      return run.finish();
    }),

  ring: (door, slice) =>
    withDescriptor(door, slice, O_RDONLY, (fd, views) => {
      const { ring } = door;
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      return lanes(slice, views.length, (i, completed, failed) => {
        const view = views[i];
        const words = wordsOf(view);
        let n = 0;
        const done = (result: number) => {
          if (result !== size || words[0] !== n) failed(wrongBlock(n, result, words[0]));
          else completed();
        };
        return () => {
          n = next() & mask;
          ring.read(fd, view, n * size, done);
        };
      });
    }),

  callbacks: (door, slice) =>
    withDescriptor(door, slice, O_RDONLY, (fd, views) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      return lanes(slice, views.length, (i, completed, failed) => {
        const view = views[i];
        const words = wordsOf(view);
        let n = 0;
        const done = (error: Error | null, result: number) => {
          if (error || result !== size || words[0] !== n) failed(error ?? wrongBlock(n, result, words[0]));
          else completed();
        };
        return () => {
          n = next() & mask;
          read(fd, view, 0, size, n * size, done);
        };
      });
    }),

  sync: (door, slice) =>
    withDescriptor(door, slice, O_RDONLY, async (fd, [view]) => {
      const { size } = slice;
      const mask = slice.count - 1;
      const next = xorshift(slice.seed);
      const words = wordsOf(view);
      const run = new Run(slice);
      while (!run.over) {
        const n = next() & mask;
        const result = readSync(fd, view, 0, size, n * size);
        if (result !== size || words[0] !== n) throw wrongBlock(n, result, words[0]);
        run.done();
      }
      return run.finish();
    }),
};

function workload(kind: 'cached' | 'direct', depth: number): Workload {
  return {
    id: `read-${kind}-${depth}`,
    title: `4 KiB random reads, ${kind === 'cached' ? 'cached' : 'O_DIRECT'}, depth ${depth}`,
    unit: 'ops/s',
    fixture: kind,
    doors: ['promises', 'ring', depth === 1 ? 'sync' : 'many', 'callbacks'],
    limit: 'read',
    depth,
    size: block,
    count: cachedBlocks,
    direct: kind === 'direct',
    ...(kind === 'cached' && { warm: warmFile }),
  };
}

export const randomReads: Family = {
  workloads: [
    ...[1, 8, 32, 128].map((depth) => workload('cached', depth)),
    ...[1, 32, 128].map((depth) => workload('direct', depth)),
  ],
  loops,
};
