// Requests whose descriptor, buffer, thread or process goes away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { addressOf, native } from '../support/internals.js';
import { collected as swept } from '../support/lost-buffers.js';
import { aio, block, blockedRead, cancelled, startedReads, writing } from '../support/posix.js';
import { Callbacks, settled, until } from '../support/posix-events.js';
import { runProgram } from '../support/program.js';
import { openAs, twoFiles } from '../support/reuse.js';
import { collected, failed, nameOf, over, queued, succeeded } from '../support/status.js';
import { openDescriptors, opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const posixUrl = new URL('../../../dist/posix/index.js', import.meta.url).href;

/** Runs in a worker thread with `aio`, `fs`, `data` and `post` defined. */
function startThread(source: string, data: unknown): Worker {
  return new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const fs = require('node:fs');
     const { data } = workerData;
     const post = (value) => parentPort.postMessage(value);
     import(workerData.url).then(async (aio) => { ${source} });`,
    { eval: true, workerData: { url: posixUrl, data } },
  );
}

const IMPORTS = `
  import * as aio from 'linux-aio/posix';
  import { execFileSync } from 'node:child_process';
  import { tmpdir } from 'node:os';`;

/** A read, called `blocked`, of a pipe into which nobody writes yet. */
const BLOCKED = `
  const fifo = tmpdir() + '/linux-aio-fifo-' + process.pid;
  execFileSync('mkfifo', [fifo]);
  const pipe = fs.openSync(fifo, 'r+');
  fs.unlinkSync(fifo);
  const sigev_notify_function = (value) => console.log('notified', value);
  const aio_sigevent = { sigev_notify: aio.SIGEV_THREAD, sigev_value: 1, sigev_notify_function };
  const blocked = new aio.aiocb({ aio_fildes: pipe, aio_buf: Buffer.alloc(16), aio_nbytes: 16, aio_sigevent });
  if (aio.aio_read(blocked) !== 0) throw new Error('aio_read');
`;

covers('X13', 'after close and reuse of the number, requests end on the file they were made for', (t) => {
  const [mine, other] = twoFiles(t);
  for (let round = 0; round < 20; round++) {
    const fd = fs.openSync(mine, 'r');
    const reads = startedReads(fd, 32, 65_536);
    fs.closeSync(fd);
    openAs(fd, other);
    for (const cb of reads) {
      assert.deepEqual(collected(cb), succeeded(65_536));
      assert.ok(
        (cb.aio_buf as Buffer).every((byte) => byte === 77),
        'the wrong file was read',
      );
    }
    fs.closeSync(fd);
  }
});

covers('X13 W2', 'writes that wait for their turn end on the file they were made for', (t) => {
  const [mine, other] = [temporaryFile(t), temporaryFile(t)];
  const fd = fs.openSync(mine, 'a');
  const writes = Array.from({ length: 40 }, (_, i) => {
    const cb = writing(fd, Buffer.alloc(50_000, 65 + (i % 26)));
    queued(aio.aio_write(cb));
    return cb;
  });
  const fsync = block(fd, 0);
  queued(aio.aio_fsync(aio.O_SYNC, fsync));
  fs.closeSync(fd);
  openAs(fd, other, 'a');
  for (const cb of writes) assert.deepEqual(collected(cb), succeeded(50_000));
  assert.deepEqual(collected(fsync), succeeded(0));
  assert.deepEqual([fs.statSync(mine).size, fs.statSync(other).size], [40 * 50_000, 0]);
  fs.closeSync(fd);
});

covers(
  'X13',
  'reads that wait behind another of a pipe go on after close, and take nothing from the next file',
  (t) => {
    const pipe = openPipe(t);
    const reads = [blockedRead(pipe, 1), blockedRead(pipe, 1), blockedRead(pipe, 1)];
    const fd = pipe.read;
    fs.closeSync(fd);
    openAs(fd, temporaryFile(t, 'other'));
    fs.writeSync(pipe.write, 'abc');
    assert.deepEqual(
      reads.map((cb) => [collected(cb), String(cb.aio_buf)]),
      ['a', 'b', 'c'].map((letter) => [succeeded(1), letter]),
    );
  },
);

covers('X13', 'the descriptors that requests hold are given back', async (t) => {
  const path = temporaryFile(t, Buffer.alloc(1 << 16));
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      const fd = fs.openSync(path, 'a+');
      const cbs = Array.from({ length: 20 }, () => writing(fd, 'x'));
      for (const cb of cbs) queued(aio.aio_write(cb));
      const fsync = block(fd, 0);
      queued(aio.aio_fsync(aio.O_DSYNC, fsync));
      fs.closeSync(fd);
      over(...cbs, fsync);
      for (const cb of [...cbs, fsync]) aio.aio_return(cb);
    }
  };
  rounds(1);
  await settled();
  const before = openDescriptors();
  rounds(30);
  await settled();
  assert.equal(openDescriptors(), before);
});

covers('X14', 'requests keep the process alive until they are over, and then it ends by itself', async () => {
  const { stdout, stderr, code } = await runProgram(`${IMPORTS}${BLOCKED}
    setTimeout(() => fs.writeSync(pipe, 'data'), 50).unref();
    process.on('exit', () => console.log('exit', aio.aio_error(blocked), aio.aio_return(blocked)));`);
  assert.deepEqual([stdout, stderr, code], ['notified 1\nexit 0 4\n', '', 0]);
});

covers('X14 G-7', 'process.exit with a blocked read ends at once, and notifies nobody', async () => {
  const { stdout, stderr, code } = await runProgram(`${IMPORTS}${BLOCKED} process.exit(7);`);
  assert.deepEqual([stdout, stderr, code], ['', '', 7]);
});

covers('X14', 'drain resolves when all is over, at once when nothing runs', async (t) => {
  await aio.drain();
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const cb = blockedRead(pipe, 16, { aio_sigevent: callbacks.sigevent('over') });
  let drained = false;
  const promise = aio.drain().then(() => {
    drained = true;
  });
  await new Promise(setImmediate);
  assert.equal(drained, false);
  fs.writeSync(pipe.write, 'data');
  await promise;
  assert.equal(nameOf(aio.aio_error(cb)), '0');
  await callbacks.exactly(1);
});

covers(
  'X15 X16',
  'a child process has none of the parent’s requests and none of its descriptors',
  async () => {
    const { stdout, stderr, code } = await runProgram(`
    ${IMPORTS}
    const list = () => execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    const before = list();
    ${BLOCKED}
    console.log(list() === before, aio.aio_error(blocked) === aio.EINPROGRESS);
    process.exit(0);`);
    assert.deepEqual([stdout, stderr, code], ['true true\n', '', 0]);
  },
);

covers('X15', 'a thread and its parent have requests of their own', async (t) => {
  const pipe = openPipe(t);
  const mine = blockedRead(pipe);
  const file = temporaryFile(t, 'thread data');
  const worker = startThread(
    `const fd = fs.openSync(data.file, 'r');
     const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(16), aio_nbytes: 16 });
     aio.aio_read(cb);
     aio.aio_suspend([cb], 1, null);
     post([aio.aio_error(cb), aio.aio_return(cb), aio.aio_cancel(data.pipe, null)]);`,
    { file, pipe: pipe.read },
  );
  const exit = once(worker, 'exit');
  const [answer] = await once(worker, 'message');
  assert.deepEqual(
    answer,
    [0, 11, aio.AIO_ALLDONE],
    'the other thread’s request is not the thread’s to cancel',
  );
  await exit;
  assert.equal(nameOf(aio.aio_error(mine)), 'EINPROGRESS');
  cancelled(pipe.read);
});

covers('X1', 'a buffer is held until its request is over, whoever drops it, and no longer', async (t) => {
  const pipes = openPipes(t, 20);
  await swept();
  const before = native().pinCount();
  const cbs = pipes.map((pipe) => lost(pipe.read));
  await swept();
  const canaries = Array.from({ length: 60 }, () => new Uint8Array(300_000).fill(0xc5));
  for (const pipe of pipes) fs.writeSync(pipe.write, Buffer.alloc(512, 0x77));
  for (const cb of cbs) {
    over(cb);
    assert.equal(aio.aio_return(cb), 512);
  }
  for (const canary of canaries)
    assert.ok(
      canary.every((byte) => byte === 0xc5),
      'written into freed memory',
    );
  cbs.length = 0;
  await swept();
  await swept();
  assert.ok(native().pinCount() <= before, 'buffers of finished requests are still held');
});

/** A request whose buffer nobody but the library refers to. */
function lost(fd: number): aio.aiocb {
  const cb = block(fd, 512, { aio_buf: new Uint8Array(new ArrayBuffer(300_000), 0, 512) });
  queued(aio.aio_read(cb));
  cb.aio_buf = null;
  return cb;
}

covers(
  'X1',
  'a buffer that is transferred in flight is not written into by somebody else’s read',
  async (t) => {
    const pipe = openPipe(t);
    const buffer = new ArrayBuffer(65_536);
    const cb = blockedRead(pipe, 512, { aio_buf: new Uint8Array(buffer, 0, 512) });
    structuredClone(buffer, { transfer: [buffer] });
    await swept();
    const canaries = Array.from({ length: 40 }, () => new Uint8Array(65_536).fill(0xc5));
    fs.writeSync(pipe.write, Buffer.alloc(512, 0x77));
    assert.deepEqual(collected(cb), succeeded(512));
    for (const canary of canaries) assert.ok(canary.every((byte) => byte === 0xc5));
  },
);

covers(
  'X1',
  'a control block and its callback are held while the request runs, though nobody refers to them',
  async (t) => {
    const pipe = openPipe(t);
    const values: unknown[] = [];
    (() => {
      const aio_sigevent: aio.sigevent = {
        sigev_notify: aio.SIGEV_THREAD,
        sigev_value: 'still here',
        sigev_notify_function: (value: unknown) => values.push(value),
      };
      blockedRead(pipe, 4, { aio_sigevent });
    })();
    await swept();
    fs.writeSync(pipe.write, 'data');
    await until(() => values.length > 0);
    assert.deepEqual(values, ['still here']);
  },
);

/** Where the bytes are gone, a typed array has none, and a DataView throws. */
const VIEWS: (new (buffer: ArrayBuffer, ...place: number[]) => ArrayBufferView)[] = [Uint8Array, DataView];

covers('X1', 'a detached buffer is refused', (t) => {
  const fd = opened(t, temporaryFile(t, 'data'));
  for (const View of VIEWS) {
    const buffer = new ArrayBuffer(16);
    const cb = block(fd, 16, { aio_buf: new View(buffer) });
    structuredClone(buffer, { transfer: [buffer] });
    assert.equal(aio.aio_read(cb), -1);
    assert.equal(nameOf(aio.errno), 'EINVAL');
  }
});

covers('X1', 'a view that its buffer has become too small for is refused', (t) => {
  const fd = opened(t, temporaryFile(t, 'data'));
  for (const View of VIEWS) {
    // biome-ignore lint/suspicious/noExplicitAny: the library of this TypeScript target has no resizable buffers
    const buffer: any = new (ArrayBuffer as any)(16, { maxByteLength: 32 });
    const cb = block(fd, 8, { aio_buf: new View(buffer, 8, 8), aio_nbytes: 8 });
    buffer.resize(4);
    assert.equal(aio.aio_read(cb), -1);
    assert.equal(nameOf(aio.errno), 'EINVAL');
    buffer.resize(16);
    assert.equal(aio.aio_read(cb), 0);
    over(cb);
  }
});

covers(
  'X1 X14',
  'a thread that is terminated with requests in flight leaves no write behind, and no data is lost',
  async (t) => {
    const pipes = openPipes(t, 10);
    const shared = new SharedArrayBuffer(10 * 4096 + 4096);
    const memory = new Uint8Array(shared);
    for (const how of ['for (;;) {}', '', 'aio.aio_suspend([cbs[0]], 1, null);', 'process.exit(0);']) {
      memory.fill(0xc5);
      const worker = startThread(
        `const cbs = data.pipes.map((fd, i) => new aio.aiocb({
         aio_fildes: fd, aio_buf: new Uint8Array(data.shared, i * 4096, 4096), aio_nbytes: 4096,
         aio_sigevent: { sigev_notify: aio.SIGEV_THREAD, sigev_notify_function: () => {} },
       }));
       for (const cb of cbs) aio.aio_read(cb);
       post('in flight');
       ${how}`,
        { pipes: pipes.map((pipe) => pipe.read), shared },
      );
      worker.on('error', () => {});
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      await once(worker, 'message');
      await sleep(10);
      void worker.terminate();
      await exit;
      for (const pipe of pipes) fs.writeSync(pipe.write, 'data');
      await sleep(5);
      assert.ok(
        memory.every((byte) => byte === 0xc5),
        `written after the end (${how})`,
      );
      for (const pipe of pipes)
        assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 4, 'a dead request took the data');
    }
  },
);

covers('X8', 'a notification to a thread that has ended changes nothing', async (t) => {
  const worker = new Worker('', { eval: true });
  await once(worker, 'exit');
  const cb = block(opened(t, temporaryFile(t, 'data')), 4, {
    aio_sigevent: { sigev_notify: aio.SIGEV_THREAD, sigev_value: 1, sigev_notify_attributes: worker },
  });
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(4));
  await settled();
});

covers('', 'an address in a buffer that may grow or shrink is safe', { skip: noResizable() }, (t) => {
  const pipe = openPipe(t);
  const resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(length: number): void };
  const buffer = new resizable(4096, { maxByteLength: 8192 });
  const cb = block(pipe.read, 4096, { aio_buf: new Uint8Array(buffer) });
  const result = aio.aio_read(cb);
  if (result === -1) {
    // Refusing it is the other safe answer.
    assert.equal(nameOf(aio.errno), 'EINVAL');
    return;
  }
  buffer.resize(0);
  fs.writeSync(pipe.write, 'data');
  const status = collected(cb);
  assert.ok(status.result === 4 || status.error !== '0');
});

covers('X1', 'a view of memory of 2 GiB is read into at its far end', (t) => {
  let memory: ArrayBuffer;
  try {
    memory = new ArrayBuffer(2 ** 31 + 4096);
  } catch {
    return; // too little memory here: nothing to say
  }
  const fd = opened(t, temporaryFile(t, 'far end'));
  const cb = block(fd, 7, { aio_buf: new Uint8Array(memory, 2 ** 31, 7) });
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(7));
  assert.equal(Buffer.from(cb.aio_buf!.buffer, 2 ** 31, 7).toString(), 'far end');
  assert.ok(addressOf(new Uint8Array(memory)) > 0);
});

covers(
  'W2 X13',
  'a file descriptor closed and a request cancelled in every order leave nothing behind',
  async (t) => {
    const before = openDescriptors();
    for (let round = 0; round < 50; round++) {
      const [pipe] = openPipes(t, 1);
      const cbs = Array.from({ length: 4 }, () => blockedRead(pipe));
      if (round % 2) assert.equal(aio.aio_cancel(pipe.read, cbs[round % 4]), aio.AIO_CANCELED);
      fs.closeSync(pipe.read);
      pipe.read = -1;
      fs.closeSync(pipe.write);
      pipe.write = -1;
      for (const [i, cb] of cbs.entries()) {
        const expected = round % 2 && i === round % 4 ? failed('ECANCELED') : succeeded(0);
        assert.deepEqual(collected(cb), expected);
      }
    }
    await settled();
    assert.equal(openDescriptors(), before);
  },
);

function noResizable(): string | false {
  return 'resize' in ArrayBuffer.prototype ? false : `no resizable ArrayBuffer in ${process.version}`;
}
