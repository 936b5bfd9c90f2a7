// Writes blocks and says which are durable, until it is killed: the victim of durability.ts.
//
// Usage: durability-writer <file> <way> <direct|buffered> <seed>. Each block that has been acknowledged as durable is
// named on stdout, by its number in four bytes, with a write that blocks: what was said was said before the kill.
import fs from 'node:fs';
import process from 'node:process';
import { BufferPool, defaultRing, type File, open, type Ring } from 'linux-aio';
import * as posix from 'linux-aio/posix';
import { type Random, randomOf } from '../differential/random.js';
import type { Way } from './durability.js';
import { BLOCK, blockContent } from './durability-blocks.js';

const [, , path, way, mode, seed] = process.argv;
const BLOCKS_MAX = 4096; // then it goes on from the start, rewriting the same bytes
const AT_ONCE_MAX = 16;

const random = randomOf(Number(seed));
const isDirect = mode === 'direct';
const file = await open(path, 'w+', 0o600, { direct: isDirect });
const pool = new BufferPool({ size: BLOCK, count: AT_ONCE_MAX });
const buffers = Array.from({ length: AT_ONCE_MAX }, () => pool.acquire());
let next = 0;

interface Block {
  number: number;
  buffer: Uint8Array;
  position: number;
}

/** Some blocks, new ones or the first again, in a random order. */
function batch(random: Random): Block[] {
  const count = 1 + random(AT_ONCE_MAX);
  const blocks = buffers.slice(0, count).map((buffer) => {
    const number = next++ % BLOCKS_MAX;
    return { number, buffer: blockContent(number, buffer), position: number * BLOCK };
  });
  return random(2) ? blocks.reverse() : blocks;
}

function acknowledge(blocks: readonly Block[]): void {
  const bytes = Buffer.alloc(4 * blocks.length);
  for (const [i, { number }] of blocks.entries()) bytes.writeUInt32LE(number, 4 * i);
  fs.writeSync(1, bytes);
}

/** Writes that are all called before the sync is, and awaited with it: the sync waits for them by itself. */
async function together(blocks: readonly Block[], sync: (file: File) => Promise<void>): Promise<void> {
  const writes = blocks.map(({ buffer, position }) => file.write(buffer, { position }));
  const synced = sync(file);
  for (const { bytesWritten } of await Promise.all(writes)) {
    if (bytesWritten !== BLOCK) throw new Error(`short write: ${bytesWritten}`);
  }
  await synced;
}

/** The same with callbacks. A short write is not durable, so its block is not named. */
function onRing(blocks: readonly Block[]): Promise<Block[]> {
  const ring: Ring = defaultRing();
  const whole: Block[] = [];
  for (const block of blocks) {
    ring.write(file.fd, block.buffer, block.position, (result) => {
      if (result === BLOCK) whole.push(block);
    });
  }
  return new Promise((resolve, reject) => {
    ring.fsync(file.fd, true, (result) => {
      if (result === 0) resolve(whole);
      else reject(new Error(`fsync: ${result}`));
    });
  });
}

/** The same with <aio.h>: aio_fsync is called right after the aio_writes. */
async function onPosix(blocks: readonly Block[]): Promise<Block[]> {
  const writes = blocks.map(({ buffer, position }) => {
    const cb = new posix.aiocb({
      aio_fildes: file.fd,
      aio_buf: buffer,
      aio_nbytes: BLOCK,
      aio_offset: position,
    });
    if (posix.aio_write(cb) === -1) throw new Error(`aio_write: ${posix.errno}`);
    return cb;
  });
  const sync = new posix.aiocb({ aio_fildes: file.fd });
  if (posix.aio_fsync(posix.O_DSYNC, sync) === -1) throw new Error(`aio_fsync: ${posix.errno}`);
  await posix.completion(sync);
  return blocks.filter((_, i) => posix.aio_error(writes[i]) === 0 && posix.aio_return(writes[i]) === BLOCK);
}

const ways: Record<Way, (blocks: Block[]) => Promise<Block[]>> = {
  async writeMany(blocks) {
    await file.writeMany(blocks, { sync: true });
    return blocks;
  },
  async datasync(blocks) {
    await together(blocks, (each) => each.datasync());
    return blocks;
  },
  async sync(blocks) {
    await together(blocks, (each) => each.sync());
    return blocks;
  },
  ring: onRing,
  posix: onPosix,
};

for (;;) {
  const durable = await ways[way as Way](batch(random));
  acknowledge(durable);
}
