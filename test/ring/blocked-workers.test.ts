// Workers, of the pool or the kernel, that never come back, or not soon, and quick requests beside them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ring } from 'linux-aio';
import { engineUnderTest } from '../support/engines.js';
import { openRing, result } from '../support/ring.js';
import { closeQuietly, opened, temporaryDirectory } from '../support/temp.js';
import { FaultFs, noFaultfs } from '../torture/faultfs.js';

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

test('a result is told of though the worker that has it goes on into a device that never answers', {
  skip: skip || noFaultfs(),
}, async (t) => {
  const directory = temporaryDirectory(t);
  const faultfs = await FaultFs.mount(directory);
  const ring = Ring.open();
  try {
    fs.writeFileSync(join(faultfs.backing, 'read-hang'), Buffer.alloc(4096));
    const hanging = opened(t, join(faultfs.path, 'read-hang'));
    const fd = opened(t, join(directory, 'file'), 'w+');
    const write = () => result((done) => ring.write(fd, Buffer.alloc(64), 0, done));
    for (let round = 0; round < 10; round++) {
      assert.equal(await write(), 64); // a worker is awake, and quick
      ring.nop(() => {}); // what follows is handed over together
      const late = sleep(5000, 'it waits for the read', { ref: false });
      const quick = Promise.all([write(), write(), write()]);
      ring.read(hanging, Buffer.alloc(64), 0, () => {});
      assert.deepEqual(await Promise.race([quick, late]), [64, 64, 64]);
    }
  } finally {
    faultfs.release();
    // Where it fails nobody is told of anything any more, so look.
    for (; ring.inFlight > 0; await sleep(5)) ring.flush();
    await ring.close();
    await faultfs.unmount();
  }
});

test('files are written and synced though a dozen syncs of a device are never answered', {
  skip: noFaultfs(),
}, async (t) => {
  const directory = temporaryDirectory(t);
  const faultfs = await FaultFs.mount(directory);
  const ring = Ring.open();
  try {
    fs.writeFileSync(join(faultfs.backing, 'fsync-hang'), '');
    const hanging = opened(t, join(faultfs.path, 'fsync-hang'));
    const fd = opened(t, join(directory, 'file'), 'w+');
    for (let i = 0; i < 12; i++) ring.fsync(hanging, false, () => {});
    const late = sleep(5000, ['it waits for the syncs'], { ref: false });
    const writes = Array.from({ length: 8 }, (_, i) =>
      result((done) => ring.write(fd, Buffer.alloc(64), 64 * i, done)),
    );
    assert.deepEqual(await Promise.race([Promise.all(writes), late]), Array(8).fill(64));
    const sync = result((done) => ring.fsync(fd, false, done));
    assert.deepEqual(await Promise.race([Promise.all([sync]), late]), [0]);
  } finally {
    faultfs.release();
    await ring.close();
    await faultfs.unmount();
  }
});
