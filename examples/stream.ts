// Streams and lines over the ring, as node's FileHandle has them.
import { open } from 'linux-aio';

const file = await open(process.argv[2] ?? '/etc/passwd');
let lines = 0;
for await (const _line of file.readLines()) lines++;
console.log(`${lines} lines`);
