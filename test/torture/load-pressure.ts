// The process that load.ts looks at: a stream is written to as fast as it lets, through a pipe that is read slowly.
//
// load-pressure <pipe> <highWaterMark> <bytes of a chunk>
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createWriteStream } from 'linux-aio/fs';

export interface Pressure {
  /** in the stream's memory, at most */
  kept: number;
  waits: number;
  bytes: number;
}

const CHUNKS = 64;
const [pipe, highWaterMark, size] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const read = promisify(fs.read);

/** A little, and then a pause. */
async function consume(fd: number): Promise<void> {
  const buffer = Buffer.alloc(1 << 16);
  for (let got = 0; got < CHUNKS * size; ) {
    await sleep(1);
    const { bytesRead } = await read(fd, buffer, 0, buffer.length, null);
    for (let i = 0; i < bytesRead; i++) assert.equal(buffer[i], Math.floor((got + i) / size), 'another byte');
    got += bytesRead;
  }
}

const fd = fs.openSync(pipe, 'r+'); // both ends, so that nothing waits to be opened
const stream = createWriteStream(pipe, { highWaterMark });
const consumer = consume(fd);
const pressure: Pressure = { kept: 0, waits: 0, bytes: CHUNKS * size };
for (let i = 0; i < CHUNKS; i++) {
  const mayGoOn = stream.write(Buffer.alloc(size, i));
  pressure.kept = Math.max(pressure.kept, stream.writableLength);
  if (mayGoOn) continue;
  pressure.waits++;
  await once(stream, 'drain');
}
stream.end();
await Promise.all([consumer, once(stream, 'close')]);
fs.closeSync(fd);
console.log(JSON.stringify(pressure));
