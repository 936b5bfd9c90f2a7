// O_DIRECT: transfers that bypass the page cache, with aligned buffers from a pool.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BufferPool, open } from 'linux-aio';

const directory = await mkdtemp(join(tmpdir(), 'linux-aio-example-'));
try {
  const file = await open(join(directory, 'data'), 'w+', 0o644, { direct: true });
  console.log('alignment in bytes:', file.alignment);
  const pool = new BufferPool({ size: 4096, count: 8 });
  const page = pool.acquire();
  page.fill(0x2a);
  await file.write(page, { position: 0 });
  await file.read(page, { position: 0 });
  console.log(`read back ${page.byteLength} bytes of ${page[0]}`);
  pool.release(page);
  pool[Symbol.dispose]();
  await file.close();
} finally {
  await rm(directory, { recursive: true });
}
