// Files of tmpfs are nothing but memory: a pool transfers and syncs them inside the call, without a thread of its own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { open, type Ring, type RingOptions } from 'linux-aio';
import { coreOf, routing } from '../support/internals.js';
import { occupyPool } from '../support/occupied-pool.js';
import { nextTurn, openRing, result, started } from '../support/ring.js';
import { opened } from '../support/temp.js';

const CONTENT = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 11) % 253));
/** What is copied inside one call at most. */
const CALL_BYTES_MAX = 1 << 20;

/** A directory in memory, removed after the test; null, and the test is skipped, where there is none. */
function memoryDirectory(t: TestContext): string | null {
  if (!fs.existsSync('/dev/shm')) {
    t.skip('no /dev/shm');
    return null;
  }
  const directory = fs.mkdtempSync('/dev/shm/linux-aio-');
  t.after(() => fs.rmSync(directory, { recursive: true }));
  return directory;
}

/** A ring that is served by a pool, alone or beside io_uring; one file in memory, open. */
function memoryFile(
  t: TestContext,
  flags: string | number,
  options: RingOptions = {},
): { ring: Ring; fd: number } | null {
  const directory = memoryDirectory(t);
  if (directory === null) return null;
  const path = join(directory, 'file');
  fs.writeFileSync(path, CONTENT);
  const fd = opened(t, path, flags);
  if ((new routing.FileKinds().of(fd) & routing.KIND.MEMORY) === 0) {
    t.skip('/dev/shm is no tmpfs');
    return null;
  }
  return { ring: openRing(t, options), fd };
}

/**
 * The result of a request that is made alone in its turn, and whether it was there before the call returned. It is made
 * once more where it was not: a thread that others keep waiting has used up its turn (src/ring/fairness.ts).
 */
async function madeAlone(
  ring: Ring,
  start: (done: (result: number) => void) => number,
): Promise<[result: number, isAtOnce: boolean]> {
  for (let tries = 0; ; tries++) {
    await nextTurn();
    let isAtOnce = false;
    const answer = await result((done) => {
      isAtOnce = coreOf(ring).isComplete(start(done));
    });
    if (isAtOnce || tries === 20) return [answer, isAtOnce];
  }
}

const threadsOfPools = () =>
  fs.readdirSync('/proc/self/task').filter((task) => {
    return fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1').startsWith('aio');
  }).length;

test('transfers and syncs are done inside the call, without a thread', async (t) => {
  const file = memoryFile(t, 'r+');
  if (file === null) return;
  const { ring, fd } = file;
  const [view, more] = [Buffer.alloc(64), Buffer.alloc(36)];
  const before = threadsOfPools();
  assert.deepEqual(await madeAlone(ring, (done) => ring.read(fd, view, 100, done)), [64, true]);
  assert.deepEqual(view, CONTENT.subarray(100, 164));
  assert.deepEqual(await madeAlone(ring, (done) => ring.readv(fd, [more, view], 9, done)), [100, true]);
  assert.deepEqual(Buffer.concat([more, view]), CONTENT.subarray(9, 109));
  assert.deepEqual(await madeAlone(ring, (done) => ring.write(fd, view, 0, done)), [64, true]);
  assert.deepEqual(await madeAlone(ring, (done) => ring.writev(fd, [more, view], 64, done)), [100, true]);
  assert.deepEqual(await madeAlone(ring, (done) => ring.fsync(fd, false, done)), [0, true]);
  assert.deepEqual(await madeAlone(ring, (done) => ring.fsync(fd, true, done)), [0, true]);
  assert.equal(threadsOfPools(), before);
  const expected = Buffer.concat([view, more, view, CONTENT.subarray(164)]);
  assert.deepEqual(fs.readFileSync(fd), expected);
});

test('their errors and ends are those of the system calls', async (t) => {
  const file = memoryFile(t, 'r');
  if (file === null) return;
  const { ring, fd } = file;
  const view = Buffer.alloc(64);
  const end = CONTENT.length;
  assert.deepEqual(await madeAlone(ring, (done) => ring.read(fd, view, end - 4, done)), [4, true]);
  assert.deepEqual(await madeAlone(ring, (done) => ring.read(fd, view, end, done)), [0, true]);
  const EBADF = -9;
  assert.deepEqual(await madeAlone(ring, (done) => ring.write(fd, view, 0, done)), [EBADF, true]);
});

test('the own position moves, request by request', async (t) => {
  const file = memoryFile(t, 'r');
  if (file === null) return;
  const { ring, fd } = file;
  const views = Array.from({ length: 10 }, () => Buffer.alloc(100));
  const read = await Promise.all(views.map((view) => result((done) => ring.read(fd, view, -1, done))));
  assert.deepEqual(read, Array(10).fill(100));
  assert.deepEqual(Buffer.concat(views), CONTENT.subarray(0, 1000));
});

test('more than a call may copy is left to workers, and is all there', async (t) => {
  const file = memoryFile(t, 'r+', { engine: 'threads', workers: [1, 1] });
  if (file === null) return;
  const { ring, fd } = file;
  const [block, count] = [65_536, 40];
  for (const way of ['write', 'read'] as const) {
    const release = occupyPool(t, ring);
    const views = Array.from({ length: count }, (_, i) => Buffer.alloc(block, way === 'write' ? i + 1 : 0));
    await nextTurn();
    const requests = views.map((view, i) => started((done) => ring[way](fd, view, i * block, done)));
    ring.flush();
    const inside = requests.filter(({ id }) => coreOf(ring).isComplete(id)).length;
    // The first goes by itself, the others together.
    assert.equal(inside, 1 + CALL_BYTES_MAX / block, way);
    await release();
    assert.deepEqual(await Promise.all(requests.map((request) => request.result)), Array(count).fill(block));
    for (const [i, view] of views.entries())
      assert.ok(view.equals(Buffer.alloc(block, i + 1)), `${way} ${i}`);
  }
  const large = Buffer.alloc(CALL_BYTES_MAX + 1, CONTENT);
  assert.equal(await result((done) => ring.write(fd, large, 0, done)), large.length);
  assert.ok(fs.readFileSync(fd).subarray(0, large.length).equals(large));
});

test('a long vector is left to a worker, whatever was copied in the same call before it', async (t) => {
  const file = memoryFile(t, 'r+', { engine: 'threads', workers: [1, 1] });
  if (file === null) return;
  const { ring, fd } = file;
  for (const parts of [2, 40]) {
    const release = occupyPool(t, ring);
    await nextTurn();
    const vector = Array.from({ length: parts }, (_, i) => Buffer.alloc(CALL_BYTES_MAX, i + 1));
    const small = Buffer.alloc(64);
    const first = started((done) => ring.read(fd, small, 0, done)); // by itself; the others go together
    const second = started((done) => ring.read(fd, small, 64, done));
    const long = started((done) => ring.writev(fd, vector, 0, done));
    ring.flush();
    const areInside = [second, long].map(({ id }) => coreOf(ring).isComplete(id));
    await release();
    assert.deepEqual(areInside, [true, false], `${parts} MiB`);
    assert.deepEqual(await Promise.all([first.result, second.result]), [64, 64]);
    assert.equal(await long.result, parts * CALL_BYTES_MAX);
  }
});

test('a write beside a long change of a file does not wait for it on the event loop', async (t) => {
  const file = memoryFile(t, 'r+', { engine: 'threads', workers: [1, 1] });
  if (file === null) return;
  const { ring, fd } = file;
  const release = occupyPool(t, ring);
  await nextTurn();
  const long = started((done) => ring.fallocate(fd, 0, 0, 8 * CALL_BYTES_MAX, done));
  ring.flush();
  const small = started((done) => ring.write(fd, Buffer.alloc(64), 0, done));
  ring.flush();
  const isInside = coreOf(ring).isComplete(small.id);
  await release();
  assert.equal(isInside, false);
  assert.deepEqual([await long.result, await small.result], [0, 64]);
  // And is inside the call again when that is over.
  assert.deepEqual(await madeAlone(ring, (done) => ring.write(fd, Buffer.alloc(64), 0, done)), [64, true]);
});

test('a named pipe there is no such file: it is waited for', async (t) => {
  const directory = memoryDirectory(t);
  if (directory === null) return;
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const both = await open(path, 'r+');
  t.after(() => both.close());
  const ring = openRing(t, { engine: 'threads' }); // beside io_uring a pool is not asked for pipes
  for (const position of [-1, 0]) {
    let isOver = false;
    const reading = result((done) => ring.read(both.fd, Buffer.alloc(8), position, done)).finally(() => {
      isOver = true;
    });
    for (let i = 0; i < 20; i++) await nextTurn();
    assert.equal(isOver, false);
    // A position on a pipe is ignored, as by io_uring.
    assert.equal(await result((done) => ring.write(both.fd, Buffer.from('here'), position, done)), 4);
    assert.equal(await reading, 4);
  }
});
