// node:fs by another name: the import is all that changes.
import { mkdtemp, open, readFile, rm, writeFile } from 'linux-aio/fs/promises';

const directory = await mkdtemp('/tmp/linux-aio-');
const names = Array.from({ length: 100 }, (_, i) => `${directory}/${i}`);
await Promise.all(names.map((name) => writeFile(name, `this is ${name}\n`)));
const texts = await Promise.all(names.map((name) => readFile(name, 'utf8')));
console.log(`${texts.length} files read`);

const handle = await open(names[0]);
for await (const line of handle.readLines()) console.log(line.endsWith('/0'));
await rm(directory, { recursive: true });
