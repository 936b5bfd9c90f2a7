// Node's own asynchronous file system functions, as they are when this module is loaded. What the package itself
// needs of them it takes from here: bindings imported from node:fs change when `linux-aio/register` replaces the
// functions, and would lead back into the package.
import fs from 'node:fs';

/** node:fs/promises, a copy. */
export const nodePromises: typeof fs.promises = { ...fs.promises };

export const {
  close,
  createReadStream,
  createWriteStream,
  fchmod,
  fchown,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  futimes,
  open,
  write,
} = fs;
