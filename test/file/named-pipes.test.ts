// open() of a named pipe: it waits for the other end as in Node, and no thread waits with it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type File, open, Ring } from 'linux-aio';
import { openRing } from '../support/ring.js';
import { temporaryDirectory, temporaryFile } from '../support/temp.js';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

function namedPipes(t: TestContext, count: number): string[] {
  const directory = temporaryDirectory(t);
  const paths = Array.from({ length: count }, (_, i) => join(directory, `pipe${i}`));
  execFileSync('mkfifo', paths);
  return paths;
}

/** Whether it settles while nothing is done for it. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, sleep(60, pending)])) === pending;
}

describe('open() of a named pipe', () => {
  for (const flags of ['w', 'a', O_WRONLY]) {
    test(`to be read waits for a writer, and with flags ${flags} for a reader`, async (t) => {
      const [path] = namedPipes(t, 1);
      const reading = open(path, 'r');
      assert.ok(await isPending(reading));
      const [reader, writer] = await Promise.all([reading, open(path, flags)]);
      // What was opened waits: a read of an empty pipe is not an error, nor the end.
      const read = reader.read(Buffer.alloc(4));
      assert.ok(await isPending(read));
      await writer.write('data');
      assert.equal((await read).bytesRead, 4);
      await writer.close();
      assert.equal((await reader.read(Buffer.alloc(4))).bytesRead, 0);
      await reader.close();
    });
  }

  test('to be written waits for a reader', async (t) => {
    const [path] = namedPipes(t, 1);
    const writing = open(path, 'w');
    assert.ok(await isPending(writing));
    const reader = fs.openSync(path, O_RDONLY | O_NONBLOCK);
    t.after(() => fs.closeSync(reader));
    const writer = await writing;
    assert.equal((await writer.write('data')).bytesWritten, 4);
    await writer.close();
  });

  test('with O_NONBLOCK does not wait', async (t) => {
    const [path] = namedPipes(t, 1);
    await assert.rejects(open(path, O_WRONLY | O_NONBLOCK), { code: 'ENXIO' });
    await (await open(path, O_RDONLY | O_NONBLOCK)).close();
  });

  test('is rejected when its ring is closed meanwhile', async (t) => {
    const [path, other] = namedPipes(t, 2);
    const ring = Ring.open();
    const openings = [open(path, 'r', null, { ring }), open(other, 'w', null, { ring })];
    const outcomes = Promise.allSettled(openings);
    await sleep(20);
    await ring.close();
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.equal(outcome.reason.code, 'ECANCELED');
    }
  });

  test('forty times without a peer leaves all other work its threads', async (t) => {
    // Two workers of the pool, two of the kernel: forty opens that held one each would be too many.
    const ring = openRing(t, { workers: [2, 2] });
    const pipes = namedPipes(t, 40);
    const opening = pipes.map((path, i) => open(path, i % 2 ? 'r' : 'w', null, { ring }));
    const files = Promise.all(opening);
    const file = await open(temporaryFile(t, 'text'), 'r+', null, { ring });
    assert.equal((await file.write('more', 4)).bytesWritten, 4);
    await file.sync();
    assert.equal(String(await file.readFile()), 'textmore');
    await file.close();
    const peers = pipes.map((path) => fs.openSync(path, 'r+'));
    for (const opened of (await files) as File[]) await opened.close();
    for (const peer of peers) fs.closeSync(peer);
  });
});
