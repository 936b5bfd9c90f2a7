// <aio.h> as C programs use it: submit 128 reads, sleep in aio_suspend until one is over, collect what is, submit it
// again. 4 KiB at random places of one file, O_DIRECT. glibc.c has the same loop; fio brings its own.
import { closeSync, constants, openSync } from 'node:fs';
import type * as aio from 'linux-aio/posix';
import { O_DIRECT, wordsOf, wrongBlock } from '../buffers.js';
import { block, cachedBlocks } from '../fixtures.js';
import { xorshift } from '../random.js';
import { Run } from '../slice.js';
import type { Family, Loops } from '../workload.js';

const loops: Loops = {
  posix: async (door, slice) => {
    const { aio } = door;
    const { size, depth } = slice;
    const mask = slice.count - 1;
    const next = xorshift(slice.seed);
    const fd = openSync(slice.path, constants.O_RDONLY | O_DIRECT);
    const { views, free } = door.buffers(depth, size, slice.direct);
    const words = views.map(wordsOf);
    const expected = new Uint32Array(depth);
    const blocks = views.map((aio_buf) => new aio.aiocb({ aio_fildes: fd, aio_buf, aio_nbytes: size }));
    const list: (aio.aiocb | null)[] = [...blocks];

    const submit = (i: number) => {
      const n = next() & mask;
      expected[i] = n;
      blocks[i].aio_offset = n * size;
      if (aio.aio_read(blocks[i]) !== 0) throw new Error(`aio_read: errno ${aio.errno}`);
      list[i] = blocks[i];
    };

    let inFlight = depth;
    const run = new Run(slice);
    for (let i = 0; i < depth; i++) submit(i);
    while (inFlight > 0) {
      if (aio.aio_suspend(list, depth, null) !== 0 && aio.errno !== aio.EINTR)
        throw new Error(`aio_suspend: errno ${aio.errno}`);
      for (let i = 0; i < depth; i++) {
        if (list[i] === null || aio.aio_error(blocks[i]) === aio.EINPROGRESS) continue;
        const result = aio.aio_return(blocks[i]);
        if (result !== size || words[i][0] !== expected[i])
          throw wrongBlock(expected[i], result, words[i][0]);
        list[i] = null;
        run.done();
        if (run.over) inFlight--;
        else submit(i);
      }
    }
    const outcome = run.finish();
    free();
    closeSync(fd);
    return outcome;
  },
};

export const posixReads: Family = {
  workloads: [
    {
      id: 'posix-direct-128',
      title: '4 KiB random reads by <aio.h>, one file, O_DIRECT, depth 128',
      unit: 'ops/s',
      fixture: 'direct',
      group: 'posix',
      doors: ['posix'],
      programs: ['glibc', 'fio'],
      limit: 'read',
      depth: 128,
      size: block,
      count: cachedBlocks,
      direct: true,
    },
  ],
  loops,
};
