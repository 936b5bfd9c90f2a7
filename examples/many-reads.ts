// Many reads, one promise, one submission.
import { open } from 'linux-aio';

const file = await open(process.argv[2] ?? process.execPath);
try {
  const list = Array.from({ length: 64 }, (_, i) => ({ buffer: Buffer.alloc(4096), position: i * 65536 }));
  const bytes = await file.readMany(list);
  console.log(`${bytes.length} reads, ${bytes.reduce((a, b) => a + b)} bytes`);
} finally {
  await file.close();
}
