// linux-aio/fs: node:fs, with what callback-functions.ts names served by the ring, streams among them. The synchronous
// functions and everything else are Node's own.
import node from 'node:fs';
import { ringCallbacks } from './callback-functions.js';
import promises from './promises.js';
import { createReadStream, createWriteStream, ReadStream, WriteStream } from './streams.js';

export * from 'node:fs';

export const {
  appendFile,
  close,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  link,
  lstat,
  mkdir,
  open,
  read,
  readFile,
  readv,
  rename,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  write,
  writeFile,
  writev,
} = ringCallbacks;
export { createReadStream, createWriteStream, promises, ReadStream, WriteStream };

const streams = { createReadStream, createWriteStream, ReadStream, WriteStream };
const fs: typeof node = Object.create(Object.getPrototypeOf(node), {
  ...Object.getOwnPropertyDescriptors(node),
  ...Object.getOwnPropertyDescriptors({ ...ringCallbacks, ...streams, promises }),
});

/** What `require` gives: an object like Node's, whose properties can be replaced. */
export { fs as default, fs as 'module.exports' };
