// A batch of writes that is on the disk when the promise resolves: one submission, one fdatasync.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'linux-aio';

const directory = await mkdtemp(join(tmpdir(), 'linux-aio-example-'));
try {
  const file = await open(join(directory, 'journal'), 'w+');
  await file.allocate(0, 1 << 20); // no surprise from a full disk later
  const record = (i: number) => ({ buffer: Buffer.from(`record ${i}\n`.padEnd(64)), position: i * 64 });
  const written = await file.writeMany([record(0), record(1), record(2)], { sync: true });
  console.log(`durable: ${written.join(' + ')} bytes`);
  await file.close();
} finally {
  await rm(directory, { recursive: true });
}
