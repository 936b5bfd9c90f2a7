// Start reads, compute while the kernel works, collect the results.
import { open } from 'linux-aio';

const file = await open(process.argv[2] ?? process.execPath);
try {
  // The first read is in the kernel when this line is done; the others follow together at the end of the turn.
  const reads = Array.from({ length: 8 }, (_, i) => file.read(Buffer.alloc(4096), { position: i * 4096 }));

  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i; // the overlap

  const results = await Promise.all(reads);
  const bytes = results.reduce((total, { bytesRead }) => total + bytesRead, 0);
  console.log(`read ${bytes} bytes while computing ${sum}`);
} finally {
  await file.close();
}
