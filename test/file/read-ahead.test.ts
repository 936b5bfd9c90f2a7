// What is read ahead of a stream: whole chunks inside the file, given out in order or not at all, and nothing that would
// still be written to when the file is closed. Guards src/file/read-ahead.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import type { Ring } from 'linux-aio';
import { coreOf, ReadAhead } from '../support/internals.js';
import { nextTurn, openRing } from '../support/ring.js';
import { opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';

const CHUNK = 64 * 1024;

/** A file of chunks that are filled with their numbers, and 10 bytes more. */
function chunkFile(t: TestContext, chunks: number): number {
  const content = Buffer.alloc(chunks * CHUNK + 10, 0xff);
  for (let i = 0; i < chunks; i++) content.fill(i, i * CHUNK, (i + 1) * CHUNK);
  return opened(t, temporaryFile(t, content));
}

async function aheadOf(ring: Ring, fd: number, end = Number.POSITIVE_INFINITY) {
  await nextTurn(); // its status is asked for inside the call, as long as the turn has time left
  const ahead = ReadAhead.of(coreOf(ring), fd, fs.constants.O_RDONLY, end);
  assert.ok(ahead !== null);
  return ahead;
}

type Ahead = Awaited<ReturnType<typeof aheadOf>>;
type Chunk = NonNullable<ReturnType<Ahead['take']>>;

function over(chunk: Chunk): Promise<number> {
  if (chunk.result !== undefined) return Promise.resolve(chunk.result);
  return new Promise((resolve) => {
    chunk.done = resolve;
  });
}

function ended(ahead: Ahead): Promise<void> {
  return new Promise((resolve) => ahead.end(resolve));
}

describe('reading ahead', () => {
  test('has the chunks that follow, each with its bytes', async (t) => {
    const ring = openRing(t);
    const ahead = await aheadOf(ring, chunkFile(t, 6));
    ahead.readOn(CHUNK, CHUNK);
    for (const i of [1, 2, 3]) {
      const chunk = ahead.take(i * CHUNK, CHUNK);
      assert.ok(chunk !== undefined, `chunk ${i}`);
      assert.equal(await over(chunk), CHUNK);
      assert.ok(chunk.buffer.every((byte) => byte === i));
    }
    await ended(ahead);
  });

  test('ends with the last whole chunk of the file, and of what is wanted', async (t) => {
    const ring = openRing(t);
    const fd = chunkFile(t, 2);
    for (const [end, wanted] of [
      [Number.POSITIVE_INFINITY, 2],
      [2 * CHUNK, 2],
      [2 * CHUNK - 1, 1],
    ]) {
      const ahead = await aheadOf(ring, fd, end);
      ahead.readOn(0, CHUNK);
      for (let i = 0; i < 3; i++) {
        assert.equal(ahead.take(i * CHUNK, CHUNK) !== undefined, i < wanted, `chunk ${i} of ${wanted}`);
      }
      await ended(ahead);
    }
  });

  test('is given up by a read of anything else', async (t) => {
    const ring = openRing(t);
    const fd = chunkFile(t, 4);
    for (const [position, length] of [
      [1, CHUNK],
      [CHUNK, CHUNK],
      [0, CHUNK - 1],
    ]) {
      const ahead = await aheadOf(ring, fd);
      ahead.readOn(0, CHUNK);
      assert.ok(ahead.take(position, length) === undefined);
      assert.ok(ahead.take(0, CHUNK) === undefined, 'nor is what was there given out later');
      // It begins again from where the reader is.
      ahead.readOn(2 * CHUNK, CHUNK);
      const chunk = ahead.take(2 * CHUNK, CHUNK);
      assert.ok(chunk !== undefined);
      assert.equal(await over(chunk), CHUNK);
      assert.ok(chunk.buffer.every((byte) => byte === 2));
      await ended(ahead);
    }
  });

  test('tells how much there was where the file has become shorter', async (t) => {
    const ring = openRing(t);
    const path = temporaryFile(t, Buffer.alloc(2 * CHUNK));
    const ahead = await aheadOf(ring, opened(t, path));
    fs.truncateSync(path, CHUNK + 10);
    ahead.readOn(CHUNK, CHUNK);
    assert.equal(await over(ahead.take(CHUNK, CHUNK)!), 10);
  });

  test('is over when nothing is read into its memory any more, whoever waits for it', async (t) => {
    const ring = openRing(t);
    const ahead = await aheadOf(ring, chunkFile(t, 4));
    ahead.readOn(0, CHUNK);
    const taken = ahead.take(0, CHUNK)!;
    assert.equal(taken.result, undefined, 'under way');
    let isOver = false;
    const end = new Promise<void>((resolve) => {
      ahead.end(() => {
        isOver = true;
        resolve();
      });
    });
    assert.ok(!isOver, 'the descriptor would be closed under it');
    await end;
    assert.ok(taken.result !== undefined);
    assert.equal(ring.inFlight, 0);
  });

  test('is over at once when nothing is under way', async (t) => {
    let isOver = false;
    (await aheadOf(openRing(t), chunkFile(t, 1))).end(() => {
      isOver = true;
    });
    assert.ok(isOver);
  });

  test('stops where the ring takes no more: the read that asks will be told why', async (t) => {
    const ring = openRing(t);
    const ahead = await aheadOf(ring, chunkFile(t, 4));
    await ring.close();
    ahead.readOn(0, CHUNK);
    assert.ok(ahead.take(0, CHUNK) === undefined);
    await ended(ahead);
  });

  test('is not for what has no bytes at a position, nor for what goes past the page cache', (t) => {
    const core = coreOf(openRing(t));
    const { O_DIRECT, O_RDONLY } = fs.constants;
    const pipe = openPipe(t);
    for (const fd of [pipe.read, opened(t, temporaryDirectory(t)), opened(t, '/dev/zero')]) {
      assert.equal(ReadAhead.of(core, fd, O_RDONLY, 1e9), null);
    }
    assert.equal(ReadAhead.of(core, chunkFile(t, 1), O_RDONLY | O_DIRECT, 1e9), null);
  });
});
