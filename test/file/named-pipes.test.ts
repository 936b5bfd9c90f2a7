// open() of a named pipe: it waits for the other end as in Node, and no thread waits with it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
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

/** Whether this process has it open. */
function isOpenHere(path: string): boolean {
  return fs.readdirSync('/proc/self/fd').some((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the one that reads the directory
    }
  });
}

test('open() of what answers ENXIO, and is no pipe, does not wait', async (t) => {
  const path = join(temporaryDirectory(t), 'socket');
  const server = net.createServer().listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  for (const flags of ['r', 'w']) await assert.rejects(open(path, flags), { code: 'ENXIO' });
});

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

  test('to be read is over when a writer has come and gone', async (t) => {
    const ring = openRing(t);
    for (const [i, path] of namedPipes(t, 20).entries()) {
      const reading = open(path, 'r', null, { ring });
      while (!isOpenHere(path)) await sleep(1);
      fs.closeSync(fs.openSync(path, O_WRONLY | O_NONBLOCK)); // before anybody can look
      const reader = await reading;
      assert.equal((await reader.read(Buffer.alloc(4))).bytesRead, 0, `pipe ${i}`);
      await reader.close();
    }
  });

  test('leaves nothing in flight behind it', async (t) => {
    const ring = openRing(t);
    const [path] = namedPipes(t, 1);
    const reading = open(path, 'r', null, { ring });
    while (ring.stats.submitted < 1) await sleep(1); // it is open, and waited for
    const writer = fs.openSync(path, O_WRONLY | O_NONBLOCK);
    t.after(() => fs.closeSync(writer));
    const reader = await reading;
    assert.equal(ring.inFlight, 0);
    await reader.close();
  });

  test('with O_NONBLOCK does not wait', async (t) => {
    const [path] = namedPipes(t, 1);
    await assert.rejects(open(path, O_WRONLY | O_NONBLOCK), { code: 'ENXIO' });
    await (await open(path, O_RDONLY | O_NONBLOCK)).close();
  });

  // As soon as the pipe is open, and while a writer is waited for.
  for (const pause of [0, 20]) {
    test(`is rejected when its ring is closed ${pause} ms later`, async (t) => {
      const [path, other] = namedPipes(t, 2);
      const ring = Ring.open();
      const openings = [open(path, 'r', null, { ring }), open(other, 'w', null, { ring })];
      const outcomes = Promise.allSettled(openings);
      while (!isOpenHere(path)) await sleep(1);
      if (pause > 0) await sleep(pause);
      await ring.close();
      for (const outcome of await outcomes) {
        assert.equal(outcome.status, 'rejected');
        assert.equal(outcome.reason.code, 'ECANCELED');
      }
      assert.ok(!isOpenHere(path), 'what it had opened is closed');
    });
  }

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
