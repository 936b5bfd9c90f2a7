// Workers of the pool that never come back (here: opens of pipes that nobody writes to) and quick requests beside them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { engineUnderTest } from '../support/engines.js';
import { openRing, result } from '../support/ring.js';
import { closeQuietly, opened, temporaryDirectory } from '../support/temp.js';

const skip = engineUnderTest() === 'io_uring' ? 'about the pool; the kernel has workers of its own' : false;
const BLOCKED = 8;

test('a request is not left in the queue when every worker that looked quick is blocked', {
  skip,
}, async (t) => {
  const directory = temporaryDirectory(t);
  const pipes = Array.from({ length: BLOCKED }, (_, i) => join(directory, `pipe-${i}`));
  execFileSync('mkfifo', pipes);
  const ring = openRing(t);
  const fd = opened(t, join(directory, 'file'), 'w+');
  const write = (i: number) => result((done) => ring.write(fd, Buffer.alloc(64), i * 64, done));
  try {
    for (let round = 0; round < BLOCKED; round++) {
      // One more is blocked each time, while the others look as if they would be back at once.
      const opening = result((done) => ring.openat(-100, pipes[round], fs.constants.O_RDONLY, 0, done));
      opening.then(closeQuietly, () => {});
      for (let i = 0; i < 300; i++) assert.equal(await write(i), 64);
    }
  } finally {
    for (const pipe of pipes) closeQuietly(fs.openSync(pipe, 'r+')); // they go on
  }
});
