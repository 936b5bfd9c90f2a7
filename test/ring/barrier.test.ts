// fsync waits for the writes called before it on the same descriptor, not for later ones (rule 8; POSIX aio_fsync).
// A full pipe makes a write that takes as long as the test wants. Guards WriteBarriers in src/ring/order.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import type { Ring } from 'linux-aio';
import { errno, openRing, result } from '../support/ring.js';
import { opened, openPipe, type Pipe, temporaryFile } from '../support/temp.js';

const PAGE = 4096;

function fill(pipe: Pipe): void {
  assert.equal(fs.writeSync(pipe.write, Buffer.alloc(16 * PAGE)), 16 * PAGE);
}

/** Makes room for one page: one blocked write of a page can go. */
function drainPage(pipe: Pipe): void {
  assert.equal(fs.readSync(pipe.read, Buffer.alloc(PAGE)), PAGE);
}

/** Requests whose completions are noted by name, in their order. */
function noted(ring: Ring, pipe: Pipe) {
  const order: string[] = [];
  const note = (name: string, start: (done: (value: number) => void) => unknown) =>
    result((done) =>
      start((value) => {
        order.push(name);
        done(value);
      }),
    );
  return {
    order,
    write: (name: string) => note(name, (done) => ring.write(pipe.write, Buffer.alloc(PAGE), -1, done)),
    fsync: (name: string) => note(name, (done) => ring.fsync(pipe.write, false, done)),
  };
}

describe('an fsync', () => {
  test('waits for the writes before it', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fill(pipe);
    const { order, write, fsync } = noted(ring, pipe);
    const writes = [write('write 1'), write('write 2')];
    const synced = fsync('fsync');
    await result((done) => ring.timeout(20, done));
    assert.deepEqual(order, []);
    drainPage(pipe);
    assert.equal(await writes[0], PAGE);
    await result((done) => ring.timeout(20, done));
    assert.deepEqual(order, ['write 1']);
    drainPage(pipe);
    assert.equal(await synced, errno.EINVAL); // a pipe cannot be synced, but it has been asked
    assert.deepEqual(order, ['write 1', 'write 2', 'fsync']);
  });

  test('does not wait for the writes after it', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fill(pipe);
    const { order, write, fsync } = noted(ring, pipe);
    const first = write('before');
    const synced = fsync('fsync');
    const last = write('after');
    drainPage(pipe);
    await synced; // 'after' has no room
    assert.deepEqual(order, ['before', 'fsync']);
    drainPage(pipe);
    assert.deepEqual([await first, await last], [PAGE, PAGE]);
  });

  test('waits for just its own writes when there are several', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fill(pipe);
    const { order, write, fsync } = noted(ring, pipe);
    const requests = [fsync('sync 0')];
    await requests[0]; // there is nothing that it could wait for
    for (let i = 1; i <= 4; i++) requests.push(write(`write ${i}`), fsync(`sync ${i}`), fsync(`sync ${i}'`));
    for (let i = 1; i <= 4; i++) {
      drainPage(pipe);
      await requests[3 * i - 1];
      await requests[3 * i];
    }
    // Two syncs that wait for the same write have no order between them.
    const expected = [1, 2, 3, 4].flatMap((i) => [`write ${i}`, `sync ${i}`, `sync ${i}`]);
    assert.deepEqual(
      order.map((name) => name.replace("'", '')),
      ['sync 0', ...expected],
    );
  });

  test('does not wait for writes on another descriptor', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    fill(pipe);
    const { order, write } = noted(ring, pipe);
    const blocked = write('blocked');
    const fd = opened(t, temporaryFile(t), 'r+');
    assert.equal(await result((done) => ring.write(fd, Buffer.from('text'), 0, done)), 4);
    assert.equal(await result((done) => ring.fsync(fd, true, done)), 0);
    assert.deepEqual(order, []);
    drainPage(pipe);
    assert.equal(await blocked, PAGE);
  });

  test('goes when a write before it fails', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t));
    const results = await Promise.all([
      result((done) => ring.write(fd, Buffer.from('x'), 0, done)),
      result((done) => ring.fsync(fd, false, done)),
    ]);
    assert.deepEqual(results, [errno.EBADF, 0]);
  });

  test('does not keep reads and other writes of a file from running', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, 'x'.repeat(1000)), 'r+');
    const requests: Promise<number>[] = [];
    for (let i = 0; i < 200; i++) {
      requests.push(result((done) => ring.write(fd, Buffer.alloc(5, i), i * 5, done)));
      if (i % 5 === 0) requests.push(result((done) => ring.fsync(fd, true, done)));
      requests.push(result((done) => ring.read(fd, Buffer.alloc(5), 0, done)));
    }
    assert.deepEqual(new Set(await Promise.all(requests)), new Set([5, 0]));
    assert.equal(ring.inFlight, 0);
  });
});
