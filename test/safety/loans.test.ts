// Memory on loan: held for as long as requests use it, and not one moment longer. What is used again and again is pinned.
// Garbage is only collected beforehand, so that no pin of something else ends meanwhile: a loan ends by itself.
// Guards native/pin.c, src/ring/memory.ts, Slots.borrowed and every place that borrows.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { open, type Ring } from 'linux-aio';
import {
  coreOf,
  ioUring,
  memory,
  native,
  servesWholeFiles,
  startTransfer,
  wholeFile,
} from '../support/internals.js';
import { collected } from '../support/lost-buffers.js';
import { openRing, result } from '../support/ring.js';
import { opened, openPipes, temporaryFile } from '../support/temp.js';

const BYTES = 64 * 1024;

const held = () => native().pinCount();

/** The loans that `work` leaves behind, while it is under way (`begun`) and after. */
async function loansOf(begin: () => Promise<unknown>): Promise<[number, number]> {
  await collected();
  const before = held();
  const work = begin();
  const meanwhile = held() - before;
  await work;
  return [meanwhile, held() - before];
}

/** Pins what a kind of request keeps for itself: vectors, structs, paths. */
async function warm(work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 5; i++) await work();
}

function temporary(t: TestContext, bytes = BYTES): { path: string; fd: number } {
  const path = temporaryFile(t, Buffer.alloc(bytes, 1));
  return { path, fd: opened(t, path, 'r+') };
}

describe('a loan ends with its request', () => {
  const each = (name: string, start: (ring: Ring, fd: number, buffer: Uint8Array) => Promise<unknown>) =>
    test(name, async (t) => {
      const ring = openRing(t);
      const { fd } = temporary(t);
      await warm(() => start(ring, fd, new Uint8Array(BYTES)));
      assert.deepEqual(await loansOf(() => start(ring, fd, new Uint8Array(BYTES))), [1, 0]);
    });

  each('to read', (ring, fd, buffer) => result((done) => ring.read(fd, buffer, 0, done)));
  each('to write', (ring, fd, buffer) => result((done) => ring.write(fd, buffer, 0, done)));
  each('to read into several', (ring, fd, buffer) => result((done) => ring.readv(fd, [buffer], 0, done)));
  each('to write from several', (ring, fd, buffer) => result((done) => ring.writev(fd, [buffer], 0, done)));
  each('that fails', (ring, _fd, buffer) => result((done) => ring.read(1_000_000, buffer, 0, done)));

  test('that was cancelled', async (t) => {
    const ring = openRing(t);
    const [pipe] = openPipes(t, 1);
    const begin = () =>
      new Promise((resolve) => {
        const id = ring.read(pipe.read, new Uint8Array(BYTES), -1, resolve);
        ring.cancel(id, () => {});
      });
    assert.deepEqual(await loansOf(begin), [1, 0]);
  });

  test('that cannot be made', async (t) => {
    const ring = openRing(t);
    await collected();
    const before = held();
    await ring.close();
    assert.throws(() => ring.read(0, new Uint8Array(BYTES), 0, () => {}), /ring is closed/);
    assert.throws(() => ring.readv(0, [new Uint8Array(BYTES)], 0, () => {}), /ring is closed/);
    assert.ok(held() <= before);
  });

  test('that asks for more than the memory has', async (t) => {
    const core = coreOf(openRing(t));
    await collected();
    const before = held();
    const view = new Uint8Array(BYTES);
    assert.throws(
      () => startTransfer(core, ioUring.OP.READ, 0, view, 0, BYTES + 1, 0, 0, () => {}),
      RangeError,
    );
    assert.equal(held(), before);
  });

  test('to write a whole file', async (t) => {
    const core = coreOf(openRing(t, { entries: 8 }));
    if (!servesWholeFiles(core)) return t.skip('this ring has no pool');
    const { path } = temporary(t);
    const start = () =>
      new Promise((resolve) => {
        wholeFile.writeWholeFile(core, path, fs.constants.O_WRONLY, 0o600, new Uint8Array(BYTES), resolve);
      });
    await warm(start);
    assert.deepEqual(await loansOf(start), [1, 0]);
  });
});

describe('several requests with one buffer share its loan', () => {
  test('and the last ends it', async (t) => {
    const ring = openRing(t);
    const [one, other] = openPipes(t, 2);
    const buffer = new ArrayBuffer(BYTES);
    await collected();
    const before = held();
    const first = result((done) => ring.read(one.read, new Uint8Array(buffer, 0, 100), -1, done));
    const second = result((done) => ring.read(other.read, new Uint8Array(buffer, 100, 100), -1, done));
    ring.flush();
    assert.equal(held() - before, 1);
    fs.writeSync(one.write, 'one');
    assert.equal(await first, 3);
    assert.equal(held() - before, 1);
    fs.writeSync(other.write, 'other');
    assert.equal(await second, 5);
    assert.equal(held() - before, 0);
    assert.equal(Buffer.from(buffer, 100).toString('latin1', 0, 5), 'other');
  });

  test('of two rings, one of which is closed', async (t) => {
    const [ring, closing] = [openRing(t), openRing(t)];
    const [one, other] = openPipes(t, 2);
    const buffer = new ArrayBuffer(BYTES);
    await collected();
    const before = held();
    const cancelled = result((done) => closing.read(one.read, new Uint8Array(buffer, 0, 100), -1, done));
    const read = result((done) => ring.read(other.read, new Uint8Array(buffer, 100, 100), -1, done));
    closing.flush();
    ring.flush();
    await closing.close();
    assert.ok((await cancelled) < 0);
    assert.equal(held() - before, 1);
    fs.writeSync(other.write, 'other');
    assert.equal(await read, 5);
    assert.equal(held() - before, 0);
  });

  test('in a large file that is read, or written', async (t) => {
    const { path } = temporary(t, 3 * 1024 * 1024);
    const file = await open(path, 'r+');
    t.after(() => file.close());
    await warm(() => file.readFile());
    assert.equal((await loansOf(() => file.readFile()))[1], 0);
    assert.equal((await loansOf(() => file.writeFile(Buffer.alloc(3 * 1024 * 1024))))[1], 0);
  });
});

test('a buffer that is used again and again is pinned', async (t) => {
  const ring = openRing(t);
  const buffer = new Uint8Array(BYTES);
  await collected();
  const before = held();
  const read = () => result((done) => ring.read(1_000_000, buffer, 0, done));
  for (let i = 0; i < 3; i++) {
    await read();
    assert.equal(held(), before);
  }
  for (let i = 0; i < 3; i++) {
    await read();
    assert.equal(held(), before + 1);
  }
});

test('a buffer that is moved while it is on loan, and used again, is an empty one', async (t) => {
  const ring = openRing(t);
  const [pipe] = openPipes(t, 1);
  const { fd } = temporary(t);
  const view = new Uint8Array(BYTES);
  const { buffer } = view;
  await collected();
  const before = held();
  const read = result((done) => ring.read(pipe.read, view, -1, done));
  ring.flush();
  const moved = structuredClone(buffer, { transfer: [buffer] });
  memory.memoryOf(buffer); // pinned while it is on loan: two holds, of different memory
  assert.equal(await result((done) => ring.read(fd, view, 0, done)), 0);
  fs.writeSync(pipe.write, 'hello');
  assert.equal(await read, 5);
  assert.equal(Buffer.from(moved).toString('latin1', 0, 5), 'hello');
  assert.equal(held() - before, 1);
});

test('a loan that has ended is not ended twice', async () => {
  await collected();
  const before = held();
  const loan = native().lend(new ArrayBuffer(BYTES));
  assert.equal(held(), before + 1);
  native().giveBack(loan);
  native().giveBack(loan);
  native().giveBack(-1);
  native().giveBack(1 << 30);
  assert.equal(held(), before);
});
