// A read that would wait for ever, taken back: AbortSignal really cancels the request in the kernel.
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'linux-aio';

const directory = await mkdtemp(join(tmpdir(), 'linux-aio-example-'));
try {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const pipe = await open(fifo, constants.O_RDWR); // nobody writes, so every read blocks
  try {
    await pipe.read(Buffer.alloc(64), { signal: AbortSignal.timeout(50) });
  } catch (error) {
    console.log(`${(error as Error).name}: the read was cancelled`);
  }
  await pipe.close();
} finally {
  await rm(directory, { recursive: true });
}
