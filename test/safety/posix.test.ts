// <aio.h> and memory: control blocks and buffers that the program forgets or gives away while the kernel has them,
// threads that end in the middle of it, and signals that arrive while their handlers come and go.
//
// Guards `inFlight` and `finished` of src/posix/request.ts and native/signals.c.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as aio from 'linux-aio/posix';
import { packageUrl, runProgram } from '../support/program.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';

/** Collects garbage; a WeakRef that was looked at in this turn keeps its target until the next. */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await nextTurn();
    global.gc!();
  }
}

/** A thread that runs `source` with `aio`, `fs`, `data` and `post` defined. */
function startThread(source: string, data: unknown): Worker {
  return new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const fs = require('node:fs');
     const { data } = workerData;
     const post = (value) => parentPort.postMessage(value);
     import(workerData.url).then(async (aio) => { ${source} });`,
    { eval: true, workerData: { url: new URL('posix/index.js', packageUrl).href, data } },
  );
}

/** The signals that this process catches, one bit each. */
function caughtSignals(): bigint {
  return BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]}`);
}

describe('a control block', () => {
  test('in flight is kept, with its buffer, though the program has forgotten both', async (t) => {
    const pipe = openPipe(t);
    const collected = new Promise<string>((resolve) => {
      const buffer = Buffer.from(new ArrayBuffer(16));
      aio.aio_read({
        aio_fildes: pipe.read,
        aio_buf: buffer.subarray(0, 5),
        aio_sigevent: {
          sigev_notify: aio.SIGEV_THREAD,
          sigev_notify_function: () => resolve('notified'),
        },
      });
    });
    const written = (() => {
      const cb = { aio_fildes: pipe.read, aio_buf: new Uint8Array(new ArrayBuffer(5)) };
      aio.aio_read(cb);
      return new WeakRef(cb);
    })();
    await collectGarbage();
    assert.ok(written.deref(), 'collected while in flight');
    fs.writeSync(pipe.write, 'first');
    assert.equal(await collected, 'notified');
    fs.writeSync(pipe.write, 'later');
    await aio.drain();
    const cb = written.deref()!;
    assert.equal(Buffer.from(cb.aio_buf).toString(), 'later');
    assert.equal(aio.aio_return(cb), 5);
  });

  test('that is collected is garbage when the program forgets it', async (t) => {
    const fd = opened(t, temporaryFile(t, 'content'));
    const forgotten = await (async () => {
      const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: new Uint8Array(7) });
      aio.aio_read(cb);
      assert.equal(await aio.completion(cb), 7);
      return new WeakRef(cb);
    })();
    await collectGarbage();
    assert.equal(forgotten.deref(), undefined);
  });

  test('that nobody collects does not stay for ever', async () => {
    // In a program of its own: aio_waitcomplete, once called, remembers all of them.
    const { stdout, stderr } = await runProgram(`
      import * as aio from 'linux-aio/posix';
      const fd = fs.openSync('/dev/zero');
      const first = [];
      for (let i = 0; i < 3000; i++) {
        const cb = { aio_fildes: fd, aio_buf: new Uint8Array(8) };
        aio.aio_read(cb);
        if (i < 100) first.push(new WeakRef(cb));
      }
      await aio.drain();
      for (let i = 0; i < 4; i++) { await new Promise(setImmediate); global.gc(); }
      console.log(first.filter((each) => each.deref()).length);`);
    assert.equal(stdout, '0\n', stderr);
  });

  test('can be used again at once, thousands of times, without a turn of the event loop', (t) => {
    const fd = opened(t, temporaryFile(t, 'x'.repeat(64)));
    const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(64) });
    for (let i = 0; i < 5000; i++) {
      assert.equal(aio.aio_read(cb), 0);
      assert.equal(aio.aio_suspend([cb], 1, null), 0);
      assert.equal(aio.aio_return(cb), 64);
    }
  });
});

describe('a buffer under the kernel', () => {
  test('keeps its memory when it is transferred and its new owner dies', async (t) => {
    const pipe = openPipe(t);
    const blocks = Array.from({ length: 50 }, () => {
      const buffer = new Uint8Array(new ArrayBuffer(100_000));
      const cb = { aio_fildes: pipe.read, aio_buf: buffer };
      assert.equal(aio.aio_read(cb), 0);
      structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
      assert.equal(buffer.byteLength, 0);
      return cb;
    });
    await collectGarbage();
    const elsewhere = Array.from({ length: 50 }, () => new Uint8Array(100_000).fill(0x5a));
    for (const cb of blocks) {
      fs.writeSync(pipe.write, 'overwritten?');
      assert.equal(await aio.completion(cb), 12);
    }
    for (const memory of elsewhere) assert.ok(memory.every((byte) => byte === 0x5a));
  });

  test('that has been transferred before is refused', () => {
    const buffer = new Uint8Array(10);
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    for (const aio_nbytes of [10, undefined, 0]) {
      const cb = { aio_fildes: 0, aio_buf: buffer, aio_nbytes };
      assert.equal(aio.aio_read(cb), -1);
      assert.equal(aio.errno, aio.EINVAL);
      assert.equal(aio.aio_error(cb), aio.EINVAL);
    }
  });
});

describe('a thread that ends', () => {
  for (const [how, source] of Object.entries({
    'with requests in flight': '',
    'while it blocks in aio_suspend': 'aio.aio_suspend([reads[0]], 1, null);',
    'while it blocks in lio_listio': 'aio.lio_listio(aio.LIO_WAIT, [new aio.aiocb(reads[0])], 1, null);',
    'while it blocks in aio_waitcomplete': 'for (;;) aio.aio_waitcomplete(null);',
    'while it looks all the time': 'while (aio.aio_error(reads[0]) === aio.EINPROGRESS);',
  })) {
    test(`${how} ends, and takes nothing out of the pipe`, async (t) => {
      const pipe = openPipe(t);
      const worker = startThread(
        `const reads = Array.from({ length: 20 }, () =>
           new aio.aiocb({ aio_fildes: data, aio_buf: Buffer.alloc(8) }));
         for (const cb of reads) aio.aio_read(cb);
         post('in flight');
         setImmediate(() => { ${source} });`,
        pipe.read,
      );
      await once(worker, 'message');
      await worker.terminate();
      fs.writeSync(pipe.write, 'data');
      assert.equal(fs.readSync(pipe.read, Buffer.alloc(8)), 4);
    });
  }

  test('gives the handlers of its signals back', async () => {
    const before = caughtSignals();
    const bit = 1n << BigInt(aio.SIGRTMIN + 9 - 1);
    assert.equal(before & bit, 0n);
    const worker = startThread(
      `for (let i = 0; i < 3; i++) aio.sigaction(aio.SIGRTMIN + 9, { sa_sigaction() {} });
       post('caught');
       setInterval(() => {}, 1000);`,
      null,
    );
    await once(worker, 'message');
    assert.equal(caughtSignals(), before | bit);
    await worker.terminate();
    assert.equal(caughtSignals(), before);
  });
});

describe('signals', () => {
  test('that rain on threads which begin and end are each handled by one that is there', async (t) => {
    const signo = aio.SIGRTMIN + 10;
    let handled = 0;
    assert.equal(aio.sigaction(signo, { sa_sigaction: () => handled++ }), 0);
    t.after(() => aio.sigaction(signo, null));
    // In showers: without a pause a free core sends signals faster than any event loop turns, and nothing else happens.
    const shower = `for i in 1 2 3 4 5 6 7 8 9 10; do kill -${signo} ${process.pid}; done`;
    const rain = spawn('sh', [
      '-c',
      `n=0; while [ $n -lt 5000 ] && ${shower}; do sleep 0.002; n=$((n+1)); done`,
    ]);
    for (let round = 0; round < 8; round++) {
      const workers = [1, 2].map(() =>
        startThread(
          `aio.sigaction(${signo}, { sa_sigaction() {} });
           post('caught');
           const cb = new aio.aiocb({ aio_fildes: data, aio_buf: Buffer.alloc(1), aio_sigevent:
             { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: ${signo}, sigev_value: {} } });
           setImmediate(function again() { aio.aio_read(cb); aio.aio_suspend([cb], 1, null); setImmediate(again); });`,
          opened(t, '/dev/zero'),
        ),
      );
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    rain.kill('SIGKILL');
    await once(rain, 'exit');
    await nextTurn();
    assert.ok(handled > 0);
  });

  test('that wait for a handler are discarded when it goes', async () => {
    const signo = aio.SIGRTMIN + 11;
    assert.equal(aio.sigaction(signo, { sa_sigaction: () => assert.fail() }), 0);
    process.kill(process.pid, signo as unknown as NodeJS.Signals);
    assert.equal(aio.sigaction(signo, null), 0);
    await nextTurn();
    await nextTurn();
    assert.equal(caughtSignals() & (1n << BigInt(signo - 1)), 0n);
  });
});
