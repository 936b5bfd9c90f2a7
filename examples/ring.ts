// The ring itself: liburing, for TypeScript. Callbacks, no allocation per request, results as the system call's.
import { closeSync, openSync } from 'node:fs';
import { Ring } from 'linux-aio';

const ring = Ring.open({ entries: 64 });
const fd = openSync(process.argv[2] ?? process.execPath, 'r');
const buffer = Buffer.alloc(4096);
let bytes = 0;
for (let i = 0; i < 100; i++) {
  ring.read(fd, buffer, i * 4096, (result) => {
    if (result < 0) throw new Error(`errno ${-result}`);
    bytes += result;
  });
}
ring.wait(100); // blocks; without it the callbacks run from the event loop
console.log(`${bytes} bytes in ${ring.stats.systemCalls} system calls`);
closeSync(fd);
await ring.close();
