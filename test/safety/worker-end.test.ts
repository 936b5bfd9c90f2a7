// The end of a thread with requests in flight: they are cancelled and awaited before its memory goes.
//
// The kernel does not wait: of 255 O_DIRECT buffers some 170 were written after the thread had been joined (Linux
// 6.18). Guards on_environment_end() and drain() in native/queues.c.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, native } from '../support/internals.js';
import {
  directFile,
  NO_DIRECT,
  openDescriptors,
  opened,
  openPipe,
  openPipes,
  temporaryFile,
} from '../support/temp.js';
import { startWorker } from '../support/worker.js';

const ROUNDS = 3;
const READS = 400;
const BYTES = 64 * 1024;

/** Reads into shared memory, which this thread watches after the other one is gone. */
const READ_DIRECT = `
  const ring = Ring.open({ entries: 128 });
  for (let i = 0; i < ${READS}; i++) {
    ring.read(data.fd, new Uint8Array(data.shared, data.offset + i * ${BYTES}, ${BYTES}), (i % 64) * ${BYTES}, () => {});
  }
  ring.flush();
  post('in flight');`;

const ENDS = {
  'is terminated while it computes': 'for (;;) {}',
  'is terminated while it waits': '',
  'calls process.exit': 'process.exit(0);',
  throws: `setImmediate(() => { throw new Error('the end'); });`,
};

describe('no memory is written to after the thread that gave it to the kernel', () => {
  for (const [how, after] of Object.entries(ENDS)) {
    test(how, async (t) => {
      const fd = directFile(t, (64 * BYTES) / 4096);
      if (fd === null) return t.skip(NO_DIRECT);
      const shared = new SharedArrayBuffer(READS * BYTES + 4096);
      const offset = (4096 - (addressOf(new Uint8Array(shared)) % 4096)) % 4096;
      const memory = new Uint8Array(shared, offset, READS * BYTES);
      const untouched = Buffer.alloc(READS * BYTES, 0xc5);
      let unfinished = 0;
      for (let round = 0; round < ROUNDS; round++) {
        memory.fill(0);
        const worker = startWorker(READ_DIRECT + after, { fd, shared, offset });
        worker.on('error', () => {}); // one of the ends is an exception
        const exit = new Promise((resolve) => worker.once('exit', resolve));
        await new Promise((resolve) => worker.once('message', resolve));
        if (how.includes('terminated')) void worker.terminate();
        await exit;
        for (let i = 0; i < READS; i++) if (memory[(i + 1) * BYTES - 1] === 0) unfinished++;
        memory.fill(0xc5);
        await sleep(20);
        assert.ok(untouched.equals(memory), 'the kernel wrote after the thread had ended');
      }
      t.diagnostic(`${unfinished} of ${ROUNDS * READS} reads had been cancelled`);
      assert.ok(unfinished < ROUNDS * READS, 'no read ever reached the memory');
    });
  }
});

describe('a thread that ends with requests in flight', () => {
  test('takes nothing out of the pipes it was reading', async (t) => {
    const pipes = openPipes(t, 30);
    const worker = startWorker(
      `const ring = Ring.open();
       for (const fd of data) { ring.read(fd, Buffer.alloc(8), -1, () => {}); ring.pollAdd(fd, 1, () => {}); }
       ring.flush();
       ring.timeout(60_000, () => {});
       post('in flight');`,
      pipes.map((pipe) => pipe.read),
    );
    await once(worker, 'message');
    await worker.terminate();
    for (const pipe of pipes) {
      fs.writeSync(pipe.write, 'data');
      assert.equal(fs.readSync(pipe.read, Buffer.alloc(8)), 4);
    }
  });

  test('gives its descriptors back', async (t) => {
    // Those of its rings, and the duplicates that its requests held.
    const run = busyThreads(t);
    await run(1);
    const before = openDescriptors();
    await run(6);
    assert.equal(openDescriptors(), before);
  });

  test('in the middle of a turn gives back what it was about to hand over', async (t) => {
    const run = async () => {
      const worker = startWorker(
        `const ring = Ring.open();
         const fds = Array.from({ length: 20 }, () => fs.openSync(data, 'r+'));
         ring.nop(() => {});
         for (const fd of fds) ring.ftruncate(fd, 0, () => {});
         post('prepared');
         for (;;) {}`,
        path,
      );
      await once(worker, 'message');
      await worker.terminate();
    };
    const path = temporaryFile(t);
    await run();
    const before = openDescriptors();
    await run();
    assert.equal(openDescriptors(), before);
  });

  test('closes no number that has become somebody else’s', async (t) => {
    const path = temporaryFile(t);
    const worker = startWorker(
      `const ring = Ring.open();
       const fds = Array.from({ length: 20 }, () => fs.openSync(data, 'r+'));
       await Promise.all(fds.map((fd) => result((done) => ring.ftruncate(fd, 0, done))));
       for (const fd of fds) fs.closeSync(fd);
       post('over');
       ring.timeout(60_000, () => {});`,
      path,
    );
    await once(worker, 'message');
    const mine = Array.from({ length: 60 }, () => opened(t, path));
    await worker.terminate();
    for (const fd of mine) fs.fstatSync(fd);
  });

  test('gives its memory back, thirty times', async (t) => {
    const run = busyThreads(t);
    await run(1);
    const before = native().pinCount();
    for (let round = 0; round < 15; round++) await run(2);
    assert.ok(native().pinCount() <= before, 'buffers of dead threads are still pinned');
  });

  test('in the middle of starting requests ends as well', async (t) => {
    const pipe = openPipe(t);
    for (let round = 0; round < 20; round++) {
      const worker = startWorker(
        `const ring = Ring.open({ entries: 8 });
         post('begin');
         for (;;) {
           const id = ring.read(data, Buffer.alloc(10), -1, () => {});
           ring.nop(() => ring.nop(() => {}));
           ring.wait(1, 0);
           ring.cancel(id, () => {});
         }`,
        pipe.read,
      );
      await once(worker, 'message');
      await sleep(round % 5);
      assert.equal(await worker.terminate(), 1);
    }
  });
});

/** Starts threads with two busy rings each, and terminates them; every other one is computing then. */
function busyThreads(t: TestContext): (count: number) => Promise<void> {
  const fd = directFile(t, 64);
  const pipe = openPipe(t);
  const source = `
    const rings = [Ring.open(), Ring.open({ entries: 16 })];
    for (const ring of rings) {
      for (let i = 0; i < 100; i++) {
        const buffer = new ArrayBuffer(8192);
        if (data.fd !== null) ring.read(data.fd, new Uint8Array(buffer, 0, 4096), i % 64 * 4096, () => {});
        ring.read(data.pipe, Buffer.alloc(100), -1, () => {});
        ring.write(data.pipe, new Uint8Array(16), 0, () => {});
        ring.timeout(i, () => {});
      }
    }
    post('in flight');
    if (data.computing) setImmediate(function again() { rings[0].nop(() => {}); setImmediate(again); });`;
  const run = async (computing: boolean) => {
    const worker = startWorker(source, { fd, pipe: pipe.read, computing });
    const exit = once(worker, 'exit');
    await once(worker, 'message');
    await worker.terminate();
    assert.equal((await exit)[0], 1);
  };
  return async (count) => {
    await Promise.all(Array.from({ length: count }, (_, i) => run(i % 2 === 0)));
  };
}
