// One large cached file from its beginning to its end, over and over: by reads of 64 KiB and of 1 MiB, one at a time,
// and as a stream of 64 KiB chunks.
import { constants, createReadStream, type ReadStream, read, readSync } from 'node:fs';
import { wordsOf, wrongBlock } from '../buffers.js';
import { block, cachedBlocks, warmFile } from '../fixtures.js';
import { lanes, withDescriptor, withHandle } from '../loops.js';
import { type Outcome, Run, type Slice } from '../slice.js';
import type { Family, Loops, Workload } from '../workload.js';

const { O_RDONLY } = constants;

const loops: Loops = {
  promises: (door, slice) =>
    slice.workload === 'stream'
      ? streamed(slice, async () => {
          const file = await door.open(slice.path, O_RDONLY, false);
          return file.createReadStream({ highWaterMark: slice.size }); // closes the file when it ends
        })
      : withHandle(door, slice, O_RDONLY, async (file, [view]) => {
          const { size } = slice;
          const end = slice.count * size;
          const words = wordsOf(view);
          const run = new Run(slice);
          for (let position = 0; !run.over; position = (position + size) % end) {
            const { bytesRead } = await file.read(view, 0, size, position);
            if (bytesRead !== size || words[0] !== position / block) {
              throw wrongBlock(position / block, bytesRead, words[0]);
            }
            run.done();
          }
          return run.finish();
        }),

  ring: (door, slice) =>
    withDescriptor(door, slice, O_RDONLY, (fd, [view]) => {
      const { ring } = door;
      const { size } = slice;
      const end = slice.count * size;
      const words = wordsOf(view);
      let position = 0;
      return lanes(slice, 1, (_, completed, failed) => {
        const done = (result: number) => {
          if (result !== size || words[0] !== position / block) {
            return failed(wrongBlock(position / block, result, words[0]));
          }
          position = (position + size) % end;
          completed();
        };
        return () => {
          ring.read(fd, view, position, done);
        };
      });
    }),

  callbacks: (door, slice) =>
    slice.workload === 'stream'
      ? streamed(slice, () => createReadStream(slice.path, { highWaterMark: slice.size }))
      : withDescriptor(door, slice, O_RDONLY, (fd, [view]) => {
          const { size } = slice;
          const end = slice.count * size;
          const words = wordsOf(view);
          let position = 0;
          return lanes(slice, 1, (_, completed, failed) => {
            const done = (error: Error | null, result: number) => {
              if (error || result !== size || words[0] !== position / block) {
                return failed(error ?? wrongBlock(position / block, result, words[0]));
              }
              position = (position + size) % end;
              completed();
            };
            return () => read(fd, view, 0, size, position, done);
          });
        }),

  sync: (door, slice) =>
    withDescriptor(door, slice, O_RDONLY, async (fd, [view]) => {
      const { size } = slice;
      const end = slice.count * size;
      const words = wordsOf(view);
      const run = new Run(slice);
      for (let position = 0; !run.over; position = (position + size) % end) {
        const result = readSync(fd, view, 0, size, position);
        if (result !== size || words[0] !== position / block)
          throw wrongBlock(position / block, result, words[0]);
        run.done();
      }
      return run.finish();
    }),
};

/** A new stream for each pass over the file: one stream, one journey. */
async function streamed(slice: Slice, open: () => ReadStream | Promise<ReadStream>): Promise<Outcome> {
  const run = new Run(slice);
  let bytes = 0;
  while (!run.over) {
    const stream = await open();
    await new Promise<void>((resolve, reject) => {
      let position = 0;
      stream.on('data', (data) => {
        const chunk = data as Buffer;
        if (position % block === 0 && chunk.readUInt32LE(0) !== position / block) {
          stream.destroy(wrongBlock(position / block, chunk.length, chunk.readUInt32LE(0)));
          return;
        }
        position += chunk.length;
        bytes += chunk.length;
        run.done();
        if (run.over) stream.destroy();
      });
      stream.on('error', reject);
      stream.on('close', resolve);
    });
  }
  return run.finish(bytes);
}

function workload(id: string, title: string, size: number): Workload {
  return {
    id,
    title,
    unit: 'MiB/s',
    fixture: 'cached',
    doors: id === 'stream' ? ['promises', 'callbacks'] : ['promises', 'ring', 'callbacks', 'sync'],
    limit: 'sequence',
    depth: 1,
    size,
    count: (cachedBlocks * block) / size,
    warm: warmFile,
  };
}

export const sequence: Family = {
  workloads: [
    workload('sequence-64k', '256 MiB in sequence, cached, 64 KiB reads', 64 << 10),
    workload('sequence-1m', '256 MiB in sequence, cached, 1 MiB reads', 1 << 20),
    workload('stream', '256 MiB as a stream, cached, 64 KiB chunks (C: plain reads)', 64 << 10),
  ],
  loops,
};
