// node:fs/promises, because that is what people use. For the program it looks like Figure 5; inside, one of libuv's
// four threads is blocked in a read.
import { constants, fstatSync, read as readWithCallback } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Job } from './job.js';

const readDescriptor = promisify(readWithCallback);

export async function promisedRead(job: Job): Promise<void> {
  // Sockets have no path to open them by: there the same read of libuv is called on the descriptor.
  const handle = fstatSync(job.fd).isSocket() ? null : await open(`/proc/self/fd/${job.fd}`, flagsFor(job));
  try {
    for (let i = 0; i < job.blocks; i++) {
      const position = job.seekable ? job.position(i) : null;
      job.ask(i);
      job.mark('down', 'read', i);
      const result =
        handle === null
          ? readDescriptor(job.fd, job.buffer, 0, job.buffer.length, position)
          : handle.read(job.buffer, 0, job.buffer.length, position);
      const bytes = result.then(({ bytesRead }) => {
        job.mark('up', 'promise', i);
        return bytesRead;
      });
      job.compute(i);
      const from = job.now();
      job.take(i, await bytes);
      job.record('idle', 'epoll_wait', i, from);
    }
  } finally {
    await handle?.close();
  }
}

function flagsFor(job: Job): number {
  return constants.O_RDONLY | (job.seekable ? constants.O_DIRECT : 0);
}
