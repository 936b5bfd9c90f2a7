// A pool without a free worker.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Ring } from 'linux-aio';
import { result } from './ring.js';
import { temporaryDirectory } from './temp.js';

/** Occupies the one worker of a ring's pool: opening a named pipe waits for its other end. Returns what ends it. */
export function occupyPool(t: TestContext, ring: Ring): () => Promise<number> {
  const path = join(temporaryDirectory(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const opening = result((done) =>
    ring.openat(-100, path, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600, done),
  );
  ring.flush();
  return async () => {
    const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const fd = await opening;
    fs.closeSync(reader);
    if (fd >= 0) fs.closeSync(fd);
    return fd;
  };
}
