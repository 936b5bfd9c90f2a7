// The slow device: a process of its own. For every byte on descriptor 4 it waits as long as its first argument says,
// in milliseconds, and then writes a block to descriptor 3; the second argument is the size of a block. It ends when
// nobody can ask any more.
//
// It begins to work on a block only when asked, as a disk or a server does. A writer that ran by itself would fill
// the pipe while the application computes: the kernel's buffer would do the overlapping, in every model.
import { readSync, writeSync } from 'node:fs';
import { fillBlock, stampBlock } from './block.js';
import { clockNs, msSince } from './clock.js';

const DATA = 3;
const REQUESTS = 4;

const delayMs = Number(process.argv[2]);
const block = Buffer.alloc(Number(process.argv[3]));
const request = Buffer.alloc(1);
const sleeper = new Int32Array(new SharedArrayBuffer(4));

for (let number = 0; readSync(REQUESTS, request) === 1; number++) {
  const asked = clockNs();
  fillBlock(block, number);
  Atomics.wait(sleeper, 0, 0, Math.max(0, delayMs - msSince(asked)));
  stampBlock(block, clockNs());
  try {
    writeSync(DATA, block);
  } catch (error) {
    // The application has ended without taking it.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') break;
    throw error;
  }
}
