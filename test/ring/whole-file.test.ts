// A whole file in one hop: what is moved, what is left open for the ring to go on with, and which step has failed.
// Guards src/ring/whole-file.ts and native/pool-whole-file.c. (Errors of close(2):
// test/fs/whole-file-faults.test.ts.)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { Ring } from 'linux-aio';
import { coreOf, native, wholeFile } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { errno, openRing } from '../support/ring.js';
import { openDescriptors, temporaryDirectory, temporaryFile } from '../support/temp.js';

const { readWholeFile, writeWholeFile, servesWholeFiles, STEP } = wholeFile;
const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } =
  fs.constants;
const O_CLOEXEC = 0o2000000;

type Outcome = Parameters<Parameters<typeof readWholeFile>[4]>[0];

/** A ring whose pool is there, so that its descriptors are not counted; skips the test where there is none. */
function ringWithPool(t: TestContext): Ring | null {
  const ring = openRing(t);
  if (servesWholeFiles(coreOf(ring))) return ring;
  t.skip('no pool here');
  return null;
}

function read(ring: Ring, path: string, view: ArrayBufferView): Promise<Outcome> {
  return new Promise((resolve) => readWholeFile(coreOf(ring), path, O_RDONLY, view, resolve));
}

function write(ring: Ring, path: string, view: ArrayBufferView, flags = O_CREAT | O_TRUNC): Promise<Outcome> {
  return new Promise((resolve) => {
    writeWholeFile(coreOf(ring), path, O_WRONLY | flags, 0o644, view, resolve);
  });
}

/** Says more than it is. */
class Boastful extends Uint8Array {
  override get byteLength(): number {
    return 1 << 20;
  }
}

/** What is left open, and closed again: its type, its size, its flags of open(2), and where it stands. */
function leftOpen(outcome: Outcome) {
  assert.ok('fd' in outcome, JSON.stringify(outcome));
  const { fd, mode, size } = outcome;
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(info)![1], 8);
  const position = Number(/^pos:\s+(\d+)$/m.exec(info)![1]);
  fs.closeSync(fd);
  return { type: mode & S_IFMT, size, position, nonblocking: (flags & O_NONBLOCK) !== 0, flags };
}

describe('reading a whole file', () => {
  test('fills what it needs of the view, and closes the file', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const path = temporaryFile(t, Buffer.alloc(1000, 'f'));
    await read(ring, path, Buffer.alloc(1000));
    const before = openDescriptors();
    for (const room of [1000, 1001, 70_000]) {
      const memory = Buffer.alloc(room + 20, '-');
      assert.deepEqual(await read(ring, path, memory.subarray(10, 10 + room)), { bytes: 1000 });
      assert.equal(memory.toString(), `${'-'.repeat(10)}${'f'.repeat(1000)}${'-'.repeat(room - 990)}`);
    }
    assert.equal(openDescriptors(), before);
  });

  test('leaves a larger one open at its beginning, and the view as it was', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const path = temporaryFile(t, Buffer.alloc(1000, 'f'));
    const memory = Buffer.alloc(1020, '-');
    const { flags, ...rest } = leftOpen(await read(ring, path, memory.subarray(10, 1009)));
    assert.deepEqual(rest, { type: S_IFREG, size: 1000, position: 0, nonblocking: false });
    assert.ok((flags & O_CLOEXEC) !== 0, 'a child does not inherit it');
    assert.equal(memory.toString(), '-'.repeat(1020));
    fs.truncateSync(path, 2 ** 32 + 5);
    assert.equal(leftOpen(await read(ring, path, memory)).size, 2 ** 32 + 5);
  });

  test('goes by what a view is, not by what it says', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const path = temporaryFile(t, Buffer.alloc(100, 'f'));
    const memory = new ArrayBuffer(4096);
    assert.equal(leftOpen(await read(ring, path, new Boastful(memory, 0, 50))).size, 100);
    assert.ok(new Uint8Array(memory).every((byte) => byte === 0));
  });

  test('leaves open what is no file, or says that it has no bytes', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const directory = temporaryDirectory(t);
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const [path, type] of [
      [fifo, S_IFIFO], // without a writer: open at once all the same
      [directory, S_IFDIR],
      ['/proc/self/comm', S_IFREG],
    ] as const) {
      const found = leftOpen(await read(ring, path, Buffer.alloc(1 << 20)));
      assert.deepEqual([found.type, found.nonblocking], [type, false], path);
    }
  });

  test('says that it could not be opened', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const path = join(temporaryDirectory(t), 'none');
    assert.deepEqual(await read(ring, path, Buffer.alloc(10)), { error: errno.ENOENT, step: STEP.OPEN });
  });

  test('a hundred at once gives each its own', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 100 }, (_, i) => join(directory, String(i)));
    for (const [i, path] of paths.entries()) fs.writeFileSync(path, Buffer.alloc(500 + i, i));
    const views = paths.map(() => Buffer.alloc(700, 0xff));
    const outcomes = await Promise.all(paths.map((path, i) => read(ring, path, views[i])));
    for (const [i, outcome] of outcomes.entries()) {
      assert.deepEqual(outcome, { bytes: 500 + i });
      const expected = Buffer.concat([Buffer.alloc(500 + i, i), Buffer.alloc(200 - i, 0xff)]);
      assert.ok(views[i].equals(expected), `file ${i}`);
    }
  });
});

describe('writing a whole file', () => {
  test('writes the bytes that a view has, and closes the file', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const path = join(temporaryDirectory(t), 'file');
    await write(ring, path, Buffer.alloc(0));
    const before = openDescriptors();
    assert.deepEqual(await write(ring, path, Buffer.from('-text-').subarray(1, 5)), { bytes: 4 });
    assert.deepEqual(await write(ring, path, Boastful.of(33, 34), O_APPEND), { bytes: 2 });
    assert.equal(fs.readFileSync(path, 'utf8'), 'text!"');
    assert.deepEqual(await write(ring, path, Buffer.alloc(0)), { bytes: 0 });
    assert.equal(fs.statSync(path).size, 0);
    assert.equal(openDescriptors(), before);
  });

  test('says at which step it failed, and leaves nothing open', async (t) => {
    const ring = ringWithPool(t);
    if (ring === null) return;
    const directory = temporaryDirectory(t);
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await write(ring, join(directory, 'file'), Buffer.alloc(0));
    const before = openDescriptors();
    const [EISDIR, ENXIO] = [-21, -6];
    for (const [path, error, step] of [
      [directory, EISDIR, STEP.OPEN],
      [fifo, ENXIO, STEP.OPEN], // no reader: an answer, where open(2) would wait
      ['/proc/self/oom_score_adj', errno.EINVAL, STEP.TRANSFER], // a file that takes numbers
    ] as const) {
      assert.deepEqual(await write(ring, path, Buffer.from('text'), 0), { error, step }, path);
    }
    assert.equal(openDescriptors(), before);
  });

  test('goes on after a short write, and tells the error that ends it', async (t) => {
    // A file may have 8 blocks of 512 bytes: the first write(2) is short, the second is EFBIG.
    const path = join(temporaryDirectory(t), 'file');
    const { stdout, stderr } = await runProgram(
      `const { promises } = await import('linux-aio/fs');
       await promises.writeFile(process.argv[1], Buffer.alloc(4096)).then(() => console.log('fits'));
       await promises.writeFile(process.argv[1], Buffer.alloc(10_000)).catch((e) => console.log(e.code, e.syscall));`,
      { limits: 'ulimit -f 8', args: [path] },
    );
    assert.deepEqual([stdout, stderr], ['fits\nEFBIG write\n', '']);
    assert.equal(fs.statSync(path).size, 4096);
  });
});

test('what is left open can be used as if it had been opened to wait', async (t) => {
  const ring = ringWithPool(t);
  if (ring === null) return;
  const fifo = join(temporaryDirectory(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const writer = fs.openSync(fifo, 'r+');
  t.after(() => fs.closeSync(writer));
  const outcome = await read(ring, fifo, Buffer.alloc(10));
  assert.ok('fd' in outcome);
  t.after(() => fs.closeSync(outcome.fd));
  assert.equal(native().statusFlags(outcome.fd) & O_NONBLOCK, 0);
  const bytes = new Promise<number>((resolve) => ring.read(outcome.fd, Buffer.alloc(10), -1, resolve));
  fs.writeSync(writer, 'text');
  assert.equal(await bytes, 4);
});
