// AbortSignal on transfers: a request is really taken back, and what was transferred is never lost.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultRing, type File, open } from 'linux-aio';
import { cancelOnAbort } from '../../src/file/abort.js';
import { errno } from '../support/ring.js';
import { openPipe, temporaryFile } from '../support/temp.js';
import { owned } from './compare.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
const reason = new Error('enough');
const isAbort = {
  name: 'AbortError',
  code: 'ABORT_ERR',
  message: 'The operation was aborted',
  cause: reason,
};

function pipeFile(t: TestContext): { file: File; write: number } {
  const pipe = openPipe(t);
  return { file: owned(t, pipe, 'read'), write: pipe.write };
}

type Transfer = (file: File, signal: AbortSignal) => Promise<unknown>;

const reads: Record<string, Transfer> = {
  'read(buffer, options)': (file, signal) => file.read(Buffer.alloc(8), { signal }),
  'read(options)': (file, signal) => file.read({ signal }),
  readv: (file, signal) => file.readv([Buffer.alloc(8)], { signal }),
  readFile: (file, signal) => file.readFile({ signal }),
  readMany: (file, signal) => file.readMany([{ buffer: Buffer.alloc(8), position: -1 }], { signal }),
};

const writes: Record<string, Transfer> = {
  'write(buffer, options)': (file, signal) => file.write(Buffer.alloc(8), { signal }),
  writev: (file, signal) => file.writev([Buffer.alloc(8)], { signal }),
  writeFile: (file, signal) => file.writeFile('12345678', { signal }),
  writeMany: (file, signal) => file.writeMany([{ buffer: Buffer.alloc(8), position: 0 }], { signal }),
};

describe('a signal that is no signal', () => {
  for (const [name, transfer] of Object.entries({ ...reads, ...writes })) {
    it(`is refused by ${name}`, async (t) => {
      const file = await open(temporaryFile(t, 'content'), 'r+');
      for (const wrong of [null, 5, 'x', {}]) {
        await assert.rejects(transfer(file, wrong as never), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        });
      }
      await file.close();
    });
  }
});

describe('a signal aborted before the call', () => {
  for (const [name, transfer] of Object.entries({ ...reads, ...writes })) {
    it(`ends ${name} before anything is submitted`, async (t) => {
      const path = temporaryFile(t, 'content');
      const file = await open(path, 'r+');
      const before = defaultRing().stats.submitted;
      await assert.rejects(transfer(file, AbortSignal.abort(reason)), isAbort);
      assert.equal(defaultRing().stats.submitted, before);
      assert.equal(fs.readFileSync(path, 'latin1'), 'content');
      await file.close();
    });
  }
});

describe('a signal aborted while the request waits', () => {
  for (const [name, transfer] of Object.entries(reads)) {
    it(`ends ${name} of an empty pipe`, { timeout: 5000 }, async (t) => {
      const { file } = pipeFile(t);
      const controller = new AbortController();
      const transferred = transfer(file, controller.signal);
      await sleep(10);
      const start = performance.now();
      controller.abort(reason);
      await assert.rejects(transferred, isAbort);
      assert.ok(performance.now() - start < 500);
      assert.equal(listeners(controller.signal), 0);
    });
  }

  it('ends a read that waits behind another one', { timeout: 5000 }, async (t) => {
    const { file, write } = pipeFile(t);
    const controller = new AbortController();
    const first = file.read(Buffer.alloc(8));
    const second = file.read(Buffer.alloc(8), { signal: controller.signal });
    const third = file.read(Buffer.alloc(8));
    controller.abort(reason);
    await assert.rejects(second, isAbort);
    fs.writeSync(write, 'one');
    assert.equal((await first).bytesRead, 3);
    fs.writeSync(write, 'three');
    assert.equal((await third).bytesRead, 5);
  });

  it('ends a write to a full pipe, which says how much it wrote', { timeout: 5000 }, async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'write');
    const controller = new AbortController();
    const written = file.write(Buffer.alloc(1_000_000), { signal: controller.signal });
    await sleep(20);
    controller.abort(reason);
    const { bytesWritten } = await written;
    assert.ok(bytesWritten > 0 && bytesWritten < 1_000_000);
    assert.equal(fs.readSync(pipe.read, Buffer.alloc(1_000_000)), bytesWritten);
    assert.equal(listeners(controller.signal), 0);
    const blocked = file.write(Buffer.alloc(1_000_000), { signal: AbortSignal.timeout(20) });
    assert.ok((await blocked).bytesWritten > 0);
  });

  it('ends a write that could not begin', { timeout: 5000 }, async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'write');
    await file.write(Buffer.alloc(65_536));
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 10);
    await assert.rejects(file.write(Buffer.alloc(10_000), { signal: controller.signal }), isAbort);
    assert.equal(fs.readSync(pipe.read, Buffer.alloc(100_000)), 65_536);
  });
});

describe('what was transferred', () => {
  it('is delivered, though the signal came at the same time', { timeout: 20_000 }, async (t) => {
    const { file, write } = pipeFile(t);
    let delivered = 0;
    let aborted = 0;
    for (let i = 0; i < 300; i++) {
      const controller = new AbortController();
      const reading = file.read(Buffer.alloc(1), { signal: controller.signal });
      // Sometimes the data wins, sometimes the signal.
      if (i % 3 === 0) fs.writeSync(write, 'x');
      if (i % 3 !== 1) await new Promise(setImmediate);
      controller.abort(reason);
      if (i % 3 !== 0) fs.writeSync(write, 'x');
      try {
        delivered += (await reading).bytesRead;
      } catch (error) {
        assert.equal((error as Error).name, 'AbortError');
        aborted++;
      }
      assert.equal(listeners(controller.signal), 0);
    }
    const rest = (await file.read(Buffer.alloc(1000), { signal: AbortSignal.timeout(1000) })).bytesRead;
    assert.equal(delivered + rest, 300, 'no byte may be lost');
    assert.equal(delivered + aborted, 300);
  });

  it('is delivered by a read of a regular file, aborted at once', async (t) => {
    const file = await open(temporaryFile(t, 'content'));
    for (let i = 0; i < 50; i++) {
      const controller = new AbortController();
      const reading = file.read(Buffer.alloc(7), { position: 0, signal: controller.signal });
      controller.abort(reason);
      const outcome = await reading.then(
        ({ bytesRead }) => bytesRead,
        (error) => error.name,
      );
      assert.ok(outcome === 7 || outcome === 'AbortError');
    }
    await file.close();
  });
});

describe('a signal used many times', () => {
  it('keeps no listener of requests that are over, and warns of no leak', async (t) => {
    const file = await open(temporaryFile(t, 'x'.repeat(4096)), 'r+');
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const options = { position: 0, signal };
    await Promise.all(Array.from({ length: 200 }, () => file.read(Buffer.alloc(64), options)));
    await Promise.all(Array.from({ length: 200 }, () => file.write(Buffer.alloc(64), options)));
    const list = Array.from({ length: 200 }, (_, i) => ({ buffer: Buffer.alloc(1), position: i }));
    await file.readMany(list, { signal });
    await new Promise(setImmediate);
    assert.equal(listeners(signal), 0);
    assert.deepEqual(warnings, []);
    process.off('warning', onWarning);
    await file.close();
  });
});

describe('a cancellation that misses its request', () => {
  // A stand-in: a kernel that misses a cancellation when it is told to is not to be had.
  const ring = (answers: number[], asked: number[]) => ({
    cancel(id: number, done: (result: number) => void) {
      asked.push(id);
      setImmediate(done, answers.shift() ?? 0);
    },
  });

  it('is repeated until it has found it', async () => {
    const asked: number[] = [];
    const controller = new AbortController();
    const settled = cancelOnAbort(
      ring([errno.ENOENT, errno.EALREADY, 0], asked) as never,
      () => [7],
      controller.signal,
    );
    controller.abort();
    await sleep(60);
    assert.deepEqual(asked, [7, 7, 7]);
    settled();
  });

  it('is not repeated when the request is over', async () => {
    const asked: number[] = [];
    const controller = new AbortController();
    const settled = cancelOnAbort(
      ring([errno.ENOENT, errno.ENOENT], asked) as never,
      () => [7],
      controller.signal,
    );
    controller.abort();
    settled();
    await sleep(60);
    assert.deepEqual(asked, [7]);
  });
});
