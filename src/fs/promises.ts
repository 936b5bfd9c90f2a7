// linux-aio/fs/promises: node:fs/promises, with what promise-functions.ts names served by the ring. Everything else
// is Node's own, whatever the running version has: names exported here take precedence over those of `export *`.
import { nodePromises } from '../abi/node-fs.js';
import { ringPromises } from './promise-functions.js';

export * from 'node:fs/promises';

export const {
  appendFile,
  link,
  lstat,
  mkdir,
  open,
  readFile,
  rename,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} = ringPromises;

const promises: typeof nodePromises = { ...nodePromises, ...ringPromises };

/** What `require` gives: an object like Node's, whose properties can be replaced. */
export { promises as default, promises as 'module.exports' };
