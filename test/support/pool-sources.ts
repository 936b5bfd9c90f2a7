// The C files that the pool is made of (native/pool.h knows nothing of Node), for programs that drive it without Node.
import { join } from 'node:path';
import { packageRoot } from './program.js';

export const POOL_SOURCES: readonly string[] = [
  'pool.c',
  'memory-files.c',
  'pool-operations.c',
  'pool-poller.c',
  'pool-transfer.c',
  'pool-whole-file.c',
  'pool-workers.c',
].map((file) => join(packageRoot, 'native', file));
