// Files read whole, each opened, read and closed: 20,000 small ones, 32 at a time, and ten of 16 MiB, all at once. The
// latter is where libuv lost when it read through io_uring: one thread copied what four had copied before.
import { constants, readFile, readFileSync } from 'node:fs';
import {
  block,
  smallFiles,
  smallPath,
  smallPerFolder,
  warmFile,
  wholeFiles,
  wholeSize,
} from '../fixtures.js';
import { lanes } from '../loops.js';
import { xorshift } from '../random.js';
import { Run, type Slice } from '../slice.js';
import type { Family, Loops, Workload } from '../workload.js';

const AT_FDCWD = -100;

const pathOf = (slice: Slice, n: number) =>
  slice.perFolder > 1 ? smallPath(slice.path, n) : `${slice.path}${n}`;

/** A file begins with its number, and its last block with the block's, where there are several. */
function wrong(content: Buffer, size: number, n: number): Error | undefined {
  if (content.length !== size) return new Error(`file ${n}: ${content.length} bytes`);
  const first = content.readUInt32LE(0);
  const last = content.readUInt32LE(size - block);
  const right = first === n && last === (size > block ? size / block - 1 : n);
  return right ? undefined : new Error(`file ${n}: begins with ${first}, its last block with ${last}`);
}

const failure = (call: string, n: number, result: number) => new Error(`${call} of file ${n}: ${result}`);

const loops: Loops = {
  async promises(door, slice) {
    const { size, count } = slice;
    const next = xorshift(slice.seed);
    const run = new Run(slice);

    async function lane(): Promise<void> {
      while (!run.over) {
        const n = (next() >>> 0) % count;
        const file = await door.open(pathOf(slice, n), constants.O_RDONLY, false);
        const content = await file.readFile();
        await file.close();
        const error = wrong(content, size, n);
        if (error) throw error;
        run.done();
      }
    }

    await Promise.all(Array.from({ length: slice.depth }, lane));
    return run.finish();
  },

  ring({ ring }, slice) {
    const { size, count } = slice;
    const next = xorshift(slice.seed);
    return lanes(slice, slice.depth, (_, completed, failed) => {
      let n = 0;
      let fd = -1;
      let filled = 0;
      let content: Buffer;
      const opened = (result: number) => {
        if (result < 0) return failed(failure('openat', n, result));
        fd = result;
        filled = 0;
        content = Buffer.allocUnsafeSlow(size);
        ring.read(fd, content, 0, read);
      };
      const read = (result: number) => {
        if (result <= 0) return failed(failure('read', n, result));
        filled += result;
        if (filled < size) ring.read(fd, content.subarray(filled), filled, read);
        else ring.close(fd, closed);
      };
      const closed = (result: number) => {
        const error = result < 0 ? failure('close', n, result) : wrong(content, size, n);
        if (error) failed(error);
        else completed();
      };
      return () => {
        n = (next() >>> 0) % count;
        ring.openat(AT_FDCWD, pathOf(slice, n), constants.O_RDONLY, 0, opened);
      };
    });
  },

  callbacks(_, slice) {
    const { size, count } = slice;
    const next = xorshift(slice.seed);
    return lanes(slice, slice.depth, (_, completed, failed) => {
      let n = 0;
      const done = (error: Error | null, content: Buffer) => {
        const problem = error ?? wrong(content, size, n);
        if (problem) failed(problem);
        else completed();
      };
      return () => {
        n = (next() >>> 0) % count;
        readFile(pathOf(slice, n), done);
      };
    });
  },

  async sync(_, slice) {
    const { size, count } = slice;
    const next = xorshift(slice.seed);
    const run = new Run(slice);
    while (!run.over) {
      const n = (next() >>> 0) % count;
      const error = wrong(readFileSync(pathOf(slice, n)), size, n);
      if (error) throw error;
      run.done();
    }
    return run.finish();
  },
};

const small: Workload = {
  id: 'small-files',
  title: '20,000 files of 4 KiB read whole, 32 at a time',
  unit: 'files/s',
  fixture: 'small-',
  doors: ['promises', 'ring', 'callbacks', 'sync'],
  limit: 'small',
  depth: 32,
  size: block,
  count: smallFiles,
  perFolder: smallPerFolder,
};

const whole: Workload = {
  id: 'whole-16m',
  title: '10 files of 16 MiB read whole, all at once',
  unit: 'MiB/s',
  fixture: 'whole-',
  doors: ['promises', 'ring', 'callbacks', 'sync'],
  limit: 'whole',
  depth: wholeFiles,
  size: wholeSize,
  count: wholeFiles,
  warm(prefix) {
    for (let n = 0; n < wholeFiles; n++) warmFile(`${prefix}${n}`);
  },
};

export const wholeFilesFamily: Family = { workloads: [small, whole], loops };
