// A program that takes the addon through everything it has: rings opened, refused, closed, disposed of, ended with
// their thread; buffers pinned and collected; descriptors held. Run under AddressSanitizer by sanitizer.test.ts, and
// by hand under valgrind:
//
//   valgrind --smc-check=all-non-file --undef-value-errors=no --error-exitcode=9 \
//     node --expose-gc build/test/safety/exercise.js
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Done, Ring } from 'linux-aio';
import * as aio from 'linux-aio/posix';
import { native } from '../support/internals.js';
import { packageUrl } from '../support/program.js';

/** It ends with requests in flight; then what is before the end is only to have been there. */
const endsBusy = process.argv[2] === 'busy';
const rounds = (count: number) => (endsBusy ? 1 : count);

const result = (start: (done: Done) => unknown) => new Promise<number>((resolve) => start(resolve));
const dir = fs.mkdtempSync(join(tmpdir(), 'linux-aio-'));
const path = join(dir, 'file');
const pipePath = join(dir, 'pipe');
fs.writeFileSync(path, Buffer.alloc(1 << 20, 'x'));
execFileSync('mkfifo', [pipePath]);
const pipe = fs.openSync(pipePath, 'r+');
const fd = fs.openSync(path, 'r+');

/** Requests of every kind of buffer, in the kernel, in lanes, behind barriers, cancelled, failed. */
function load(ring: Ring): void {
  const done = () => {};
  for (let i = 0; i < 50; i++) {
    ring.read(fd, new Uint8Array(8), i, done);
    ring.read(fd, Buffer.alloc(200_000), i, done);
    ring.readv(fd, [new Uint8Array(10), new Uint8Array(new SharedArrayBuffer(10))], i, done);
    ring.writev(fd, [Buffer.from('a'), Buffer.from('b')], i, done);
    ring.fsync(fd, true, done);
    ring.statx(-100, path, 0, 0x7ff, Buffer.alloc(256), done);
    ring.read(0x7fffffff, new Uint8Array(10), 0, done);
    ring.timeout(i, done);
    ring.cancel(ring.read(pipe, new Uint8Array(100), -1, done), done);
    ring.read(pipe, new Uint8Array(100), -1, done);
  }
}

async function rings(): Promise<void> {
  for (let round = 0; round < rounds(5); round++) {
    const all = Array.from({ length: 18 }, () => Ring.open({ entries: 16 }));
    for (const ring of all) load(ring);
    await nextTurn();
    for (const [i, ring] of all.entries()) {
      if (i % 3 === 0) ring[Symbol.dispose]();
      else await ring.close();
    }
    all.length = 0;
    global.gc?.();
    await nextTurn();
  }
}

async function buffers(): Promise<void> {
  const ring = Ring.open();
  for (let round = 0; round < rounds(20); round++) {
    const reads = Array.from({ length: 20 }, (_, i) => {
      const view = new Uint8Array(2 ** i % 100_000);
      const read = result((done) => ring.read(pipe, view, -1, done));
      if (i % 2) structuredClone(view.buffer, { transfer: [view.buffer] });
      return read;
    });
    global.gc?.();
    for (let i = 0; i < 20; i++) {
      await nextTurn();
      fs.writeSync(pipe, Buffer.alloc(2 ** i % 100_000 || 1).subarray(0, 1));
      await reads[i]; // the next byte is for the next one, also where results take a while
    }
  }
  await ring.close();
}

async function threads(): Promise<void> {
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.url).then(({ Ring }) => {
      const rings = [Ring.open(), Ring.open()];
      for (let i = 0; i < 100; i++) {
        rings[i % 2].read(workerData.pipe, new Uint8Array(100), -1, () => {});
        rings[i % 2].timeout(60_000 + i, () => {});
        rings[i % 2].read(workerData.fd, new Uint8Array(200_000), 0, () => {});
      }
      if (workerData.round % 3 === 0) rings[1].close();
      if (workerData.round % 3 === 1) rings[1].unref();
      parentPort.postMessage('busy');
    });`;
  for (let round = 0; round < rounds(12); round++) {
    const worker = new Worker(source, { eval: true, workerData: { url: packageUrl, pipe, fd, round } });
    await once(worker, 'message');
    await worker.terminate();
  }
}

/** Signals to this thread and from outside, whose handlers come and go with threads. */
async function signals(): Promise<void> {
  const signo = aio.SIGRTMIN + 1;
  let handled = 0;
  const cb = new aio.aiocb({
    aio_fildes: fd,
    aio_buf: Buffer.alloc(10),
    aio_sigevent: { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: signo, sigev_value: {} },
  });
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.url).then((aio) => {
      aio.sigaction(workerData.signo, { sa_sigaction() {} });
      aio.aio_read({ aio_fildes: workerData.pipe, aio_buf: Buffer.alloc(10) });
      parentPort.postMessage('caught');
    });`;
  const url = new URL('posix/index.js', packageUrl).href;
  for (let round = 0; round < rounds(6); round++) {
    aio.sigaction(signo, { sa_sigaction: () => handled++ });
    const worker = new Worker(source, { eval: true, workerData: { url, pipe, signo } });
    await once(worker, 'message');
    for (let i = 0; i < 100; i++) {
      aio.aio_read(cb);
      await aio.completion(cb);
      process.kill(process.pid, signo);
    }
    await worker.terminate();
    await nextTurn();
    aio.sigaction(signo, null);
  }
  assert.ok(handled >= 100 * rounds(6));
}

/** What the addon is never asked by src/: wrong arguments, handles that are closed. */
function nonsense(): void {
  const addon = native() as unknown as Record<string, (...args: unknown[]) => unknown>;
  assert.equal(
    addon['uringOpen'](new ArrayBuffer(7), () => {}),
    -22,
  );
  assert.equal(
    addon['uringOpen'](new ArrayBuffer(120), () => {}),
    -22,
  ); // no entries
  assert.equal(addon['duplicate']('x'), -22);
  assert.equal(addon['duplicate'](1_000_000), -9);
  assert.equal(addon['sameFile'](0, 1_000_000), -9);
  assert.equal(addon['sameFile'](fd, fd), 1);
  assert.equal(addon['sameFile'](fd, pipe), 0);
  assert.equal(addon['closeDescriptor'](1_000_000), -9);
  assert.equal(addon['uringRegister']({}, 8, null, 0), -9);
  assert.equal(addon['describe']('x', new ArrayBuffer(100)), -22);
  assert.equal(addon['describe'](fd, new ArrayBuffer(4)), -22);
  assert.equal(addon['describe'](1_000_000, new ArrayBuffer(100)), -9);
  assert.equal(addon['signalsCatch'](10, true), -22); // before signalsOpen
  assert.equal(addon['signalsTake'](new ArrayBuffer(100)), 0);
  assert.equal(addon['signalsLost'](), 0);
  assert.equal(addon['signalQueue']('x', 0, 0), -22);
  assert.equal(addon['signalQueue'](1000, 0, 0), -22);
  addon['ringClose']({});
  addon['ringSyncReference']({});
  for (let i = 0; i < 1000; i++) assert.ok((addon['pin'](new ArrayBuffer(i)) as number) >= 0);
}

nonsense();
await rings();
await buffers();
await threads();
await signals();
fs.rmSync(dir, { recursive: true });
if (!endsBusy) {
  fs.closeSync(fd);
  fs.closeSync(pipe);
}
for (let i = 0; i < 3; i++) {
  global.gc?.();
  await nextTurn();
}
console.log('exercised');
if (endsBusy) load(Ring.open());
if (endsBusy) setTimeout(() => process.exit(0), 5);
