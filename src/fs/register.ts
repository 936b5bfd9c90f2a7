// linux-aio/register: `node --import linux-aio/register app.js`. Puts the ring under node:fs and node:fs/promises,
// for every module of the program, however it has got hold of them.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process, { env } from 'node:process';
import { ringCallbacks } from './callback-functions.js';
import { serveAllHandles } from './handle.js';
import { ringPromises } from './promise-functions.js';
import { registeredCreateReadStream } from './streams.js';

/** Whoever comes first does it: this module may be loaded twice, from two copies of the package. */
const REGISTERED = Symbol.for('linux-aio.registered');

if (env['LINUX_AIO'] !== '0' && !(REGISTERED in fs)) {
  Object.defineProperty(fs, REGISTERED, { value: true });
  Object.assign(fs, ringCallbacks, { createReadStream: registeredCreateReadStream });
  Object.assign(fs.promises, ringPromises);
  // Under the permission model everything stays Node's.
  if ((process as { permission?: unknown }).permission === undefined) serveAllHandles();
  syncBuiltinESMExports();
}
