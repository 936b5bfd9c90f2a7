// sigevent: nothing, a signal, a callback, another thread. One for each request, after its status is final.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { aio, block, blockedRead, cancelled, patternFile, writing } from '../support/posix.js';
import { Callbacks, handled, settled, signal, until } from '../support/posix-events.js';
import { runProgram } from '../support/program.js';
import { collected, failed, fails, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers(
  'X6',
  'SIGEV_NONE, no sigevent, and SIGEV_SIGNAL with signal 0 notify nobody, and the status is set',
  async (t) => {
    const fd = opened(t, patternFile(t, 16));
    for (const aio_sigevent of [
      { sigev_notify: aio.SIGEV_NONE, sigev_notify_function: () => assert.fail('called') },
      undefined,
      { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: 0 }, // what bzero leaves in C
      { sigev_notify: aio.SIGEV_SIGNAL },
    ]) {
      const cb = block(fd, 16, { aio_sigevent });
      queued(aio.aio_read(cb));
      assert.deepEqual(collected(cb), succeeded(16));
    }
    await settled();
  },
);

covers('X7', 'SIGEV_SIGNAL: the handler gets the number, SI_ASYNCIO and the value itself', async (t) => {
  const fd = opened(t, patternFile(t, 16));
  for (const signo of [aio.SIGIO, aio.SIGUSR1, aio.SIGRTMIN, aio.SIGRTMIN + 2, aio.SIGRTMAX]) {
    const infos = handled(t, signo);
    const value = { the: 'very object' };
    const cb = block(fd, 16, { aio_sigevent: signal(signo, value) });
    queued(aio.aio_read(cb));
    await until(() => infos.length > 0, `signal ${signo}`);
    assert.deepEqual([infos[0].si_signo, infos[0].si_code], [signo, -4]);
    assert.equal(infos[0].si_value, value);
    assert.deepEqual(collected(cb), succeeded(16));
  }
});

covers(
  'X7',
  'SIGEV_SIGNAL: fifty completions call the handler fifty times, each with its own value',
  async (t) => {
    const signo = aio.SIGRTMIN + 2;
    const infos = handled(t, signo);
    const pipe = openPipe(t);
    const reads = Array.from({ length: 50 }, (_, i) =>
      blockedRead(pipe, 1, { aio_sigevent: signal(signo, `value ${i}`) }),
    );
    fs.writeSync(pipe.write, Buffer.alloc(50));
    over(...reads); // all have completed before the event loop could take one of the signals
    await until(() => infos.length >= 50);
    await settled();
    assert.deepEqual(
      infos.map(({ si_value }) => si_value),
      reads.map((_, i) => `value ${i}`),
    );
  },
);

covers('X7', 'SIGEV_SIGNAL: process.on gets SIGIO', async (t) => {
  let calls = 0;
  const handler = () => calls++;
  process.on('SIGIO', handler);
  t.after(() => process.off('SIGIO', handler));
  const cb = block(opened(t, patternFile(t, 16)), 16, { aio_sigevent: signal(aio.SIGIO, 'unseen') });
  queued(aio.aio_read(cb));
  await until(() => calls > 0, 'SIGIO');
  assert.equal(calls, 1);
});

covers(
  'X7',
  'SIGEV_SIGNAL: a standard signal that is pending merges as the kernel has it, and no status is lost',
  async (t) => {
    const infos = handled(t, aio.SIGIO);
    const pipe = openPipe(t);
    const reads = Array.from({ length: 20 }, (_, i) =>
      blockedRead(pipe, 1, { aio_sigevent: signal(aio.SIGIO, i) }),
    );
    fs.writeSync(pipe.write, Buffer.alloc(20));
    over(...reads);
    await until(() => infos.length > 0);
    await settled();
    assert.ok(infos.length >= 1 && infos.length <= 20);
    assert.equal(new Set(infos.map(({ si_value }) => si_value)).size, infos.length, 'no value twice');
    for (const cb of reads) assert.deepEqual(collected(cb), succeeded(1));
  },
);

covers(
  'X7',
  'SIGEV_SIGNAL: it is a real signal, which another process could see',
  { skip: noProc() },
  async (t) => {
    // With the signal blocked nowhere and its handler installed, the kernel shows it as caught.
    const signo = aio.SIGRTMIN + 9;
    handled(t, signo);
    const mask = BigInt(
      `0x${/SigCgt:\s*([0-9a-f]+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))![1]}`,
    );
    assert.equal((mask >> BigInt(signo - 1)) & 1n, 1n);
  },
);

covers(
  'X7',
  'sigaction: null restores the default, a bad number is EINVAL, SIGKILL cannot be handled',
  (t) => {
    const signo = aio.SIGRTMIN + 10;
    handled(t, signo);
    assert.equal(aio.sigaction(signo, null), 0);
    const mask = BigInt(
      `0x${/SigCgt:\s*([0-9a-f]+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))![1]}`,
    );
    assert.equal((mask >> BigInt(signo - 1)) & 1n, 0n);
    for (const bad of [0, -1, 65, 9, 19, 1.5, Number.NaN])
      fails(aio.sigaction(bad, { sa_sigaction: () => {} }), 'EINVAL');
  },
);

covers('X7', 'sigaction: a second handler takes the place of the first', async (t) => {
  const signo = aio.SIGRTMIN + 11;
  const first = handled(t, signo);
  const second = handled(t, signo);
  const cb = block(opened(t, patternFile(t, 16)), 16, { aio_sigevent: signal(signo, 1) });
  queued(aio.aio_read(cb));
  await until(() => second.length > 0);
  assert.deepEqual([first.length, second.length], [0, 1]);
});

covers('X7', 'sigaction: a signal from elsewhere has its own si_code and no value of ours', async (t) => {
  const infos = handled(t, aio.SIGUSR2);
  process.kill(process.pid, 'SIGUSR2');
  await until(() => infos.length > 0);
  assert.equal(infos[0].si_signo, aio.SIGUSR2);
  assert.notEqual(infos[0].si_code, aio.SI_ASYNCIO);
});

covers(
  'X8',
  'SIGEV_THREAD: the function gets the value, after the call has returned, and the status is final',
  async (t) => {
    const fd = opened(t, patternFile(t, 16));
    const value = { any: 'object' };
    const calls: unknown[][] = [];
    const cb: aio.aiocb = block(fd, 16, {
      aio_sigevent: {
        sigev_notify: aio.SIGEV_THREAD,
        sigev_value: value,
        sigev_notify_function: (...args: unknown[]) => calls.push([...args, nameOf(aio.aio_error(cb))]),
      },
    });
    queued(aio.aio_read(cb));
    over(cb);
    assert.deepEqual(calls, []);
    await until(() => calls.length > 0);
    assert.equal(calls[0][0], value);
    assert.deepEqual(calls, [[value, '0']]);
  },
);

covers('X8', 'SIGEV_THREAD: each callback runs in a task of its own', async (t) => {
  const fd = opened(t, patternFile(t, 16));
  const order: string[] = [];
  const sigevent = (name: string): aio.sigevent => ({
    sigev_notify: aio.SIGEV_THREAD,
    sigev_notify_function: () => {
      order.push(name);
      process.nextTick(() => order.push(`tick after ${name}`));
      queueMicrotask(() => order.push(`microtask after ${name}`));
    },
  });
  const cbs = ['one', 'two'].map((name) => block(fd, 16, { aio_sigevent: sigevent(name) }));
  for (const cb of cbs) queued(aio.aio_read(cb));
  over(...cbs);
  await until(() => order.length === 6);
  assert.deepEqual(
    order,
    ['one', 'two'].flatMap((name) => [name, `tick after ${name}`, `microtask after ${name}`]),
  );
});

covers('X8', 'SIGEV_THREAD: the callback may use the control block again', async (t) => {
  const fd = opened(t, patternFile(t, 100));
  let reads = 0;
  const cb: aio.aiocb = block(fd, 10, {
    aio_sigevent: {
      sigev_notify: aio.SIGEV_THREAD,
      sigev_notify_function: () => {
        assert.equal(aio.aio_return(cb), 10);
        if (++reads === 10) return;
        cb.aio_offset = reads * 10;
        queued(aio.aio_read(cb));
      },
    },
  });
  queued(aio.aio_read(cb));
  await until(() => reads === 10);
});

covers(
  'X8',
  'SIGEV_THREAD: a callback that throws is an uncaught exception, and the others run',
  async () => {
    const program = `
    import * as aio from 'linux-aio/posix';
    const fd = fs.openSync(process.execPath);
    const said = [];
    process.on('uncaughtException', (error) => said.push(error.message));
    for (const n of [1, 2, 3]) {
      const sigev_notify_function = (value) => { said.push(value); if (value === 2) throw new Error('from the callback'); };
      const aio_sigevent = { sigev_notify: aio.SIGEV_THREAD, sigev_value: n, sigev_notify_function };
      const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(8), aio_nbytes: 8, aio_sigevent });
      if (aio.aio_read(cb) !== 0) throw new Error('aio_read');
    }
    process.on('exit', () => console.log(JSON.stringify(said)));`;
    const { stdout, stderr } = await runProgram(program);
    const said = JSON.parse(stdout) as unknown[];
    assert.equal(stderr, '');
    assert.deepEqual([...said].sort(), [1, 2, 3, 'from the callback']);
    assert.equal(said.indexOf('from the callback'), said.indexOf(2) + 1);
  },
);

covers('X8', 'SIGEV_THREAD with a MessagePort: the value is posted there', async (t) => {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const got: unknown[] = [];
  port2.on('message', (value) => got.push(value));
  const fd = opened(t, patternFile(t, 16));
  const cbs = [1, 2, 3].map((n) =>
    block(fd, 16, {
      aio_sigevent: {
        sigev_notify: aio.SIGEV_THREAD,
        sigev_value: { request: n },
        sigev_notify_attributes: port1,
      },
    }),
  );
  for (const cb of cbs) queued(aio.aio_read(cb));
  await until(() => got.length >= 3, 'three messages');
  await settled();
  assert.deepEqual(got.map((value) => (value as { request: number }).request).sort(), [1, 2, 3]);
  for (const cb of cbs) assert.deepEqual(collected(cb), succeeded(16));
});

covers(
  'X8',
  'SIGEV_THREAD with a Worker: the value is posted to it while this thread is blocked',
  async (t) => {
    const answers = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
     parentPort.on('message', (value) => {
       Atomics.add(workerData, 0, value);
       Atomics.add(workerData, 1, 1);
       Atomics.notify(workerData, 1);
     });
     parentPort.postMessage('ready');`,
      { eval: true, workerData: answers },
    );
    t.after(() => worker.terminate());
    await new Promise((resolve) => worker.once('message', resolve));
    const pipe = openPipe(t);
    const cbs = [5, 7].map((sigev_value) =>
      blockedRead(pipe, 1, {
        aio_sigevent: { sigev_notify: aio.SIGEV_THREAD, sigev_value, sigev_notify_attributes: worker },
      }),
    );
    fs.writeSync(pipe.write, 'xy');
    over(...cbs);
    // This thread does not turn: the other one is told all the same.
    for (let seen = 0; seen < 2; seen = Atomics.load(answers, 1))
      assert.notEqual(Atomics.wait(answers, 1, seen, 20_000), 'timed-out');
    assert.deepEqual([...answers], [12, 2]);
  },
);

covers(
  'X9',
  'an unknown sigev_notify, a signal number that is none, SIGEV_THREAD without a function: EINVAL at once',
  (t) => {
    const pipe = openPipe(t);
    fs.writeSync(pipe.write, 'untouched');
    for (const aio_sigevent of [
      { sigev_notify: 99 },
      { sigev_notify: 666 },
      { sigev_notify: -1 },
      { sigev_notify: Number.NaN },
      { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: 65 },
      { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: -1 },
      { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: 1.5 },
      { sigev_notify: aio.SIGEV_THREAD },
    ]) {
      const cb = block(pipe.read, 16, { aio_sigevent });
      fails(aio.aio_read(cb), 'EINVAL');
      assert.equal(nameOf(aio.aio_error(cb)), 'EINVAL');
    }
    assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 9);
  },
);

covers('X10', 'a value that cannot be posted is an uncaught exception, and changes no result', async () => {
  const { stdout, stderr } = await runProgram(`
    import * as aio from 'linux-aio/posix';
    process.on('uncaughtException', (error) => console.log(error.name));
    const { port1, port2 } = new MessageChannel();
    const aio_sigevent = { sigev_notify: aio.SIGEV_THREAD, sigev_value: () => {}, sigev_notify_attributes: port1 };
    const fd = fs.openSync(process.execPath);
    const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(16), aio_nbytes: 16, aio_sigevent });
    aio.aio_read(cb);
    aio.aio_suspend([cb], 1, null);
    console.log(aio.aio_error(cb), aio.aio_return(cb));
    port1.close();`);
  assert.deepEqual([stdout, stderr], ['0 16\nDataCloneError\n', '']);
});

covers('X10', 'a port that is closed changes no result', async (t) => {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  await new Promise(setImmediate);
  const cb = block(opened(t, patternFile(t, 16)), 16, {
    aio_sigevent: { sigev_notify: aio.SIGEV_THREAD, sigev_value: 1, sigev_notify_attributes: port1 },
  });
  queued(aio.aio_read(cb));
  assert.deepEqual(collected(cb), succeeded(16));
  await settled();
});

covers('X10', 'a full signal queue changes no result', { skip: noPrlimit() }, async () => {
  // glibc turns a good write into EAGAIN here.
  const program = `
    import * as aio from 'linux-aio/posix';
    const signo = aio.SIGRTMIN + 2;
    let signals = 0;
    aio.sigaction(signo, { sa_sigaction: () => { signals++; } });
    const fd = fs.openSync(process.argv[1], 'r+');
    const cbs = Array.from({ length: 20 }, (_, i) => {
      const aio_sigevent = { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: signo, sigev_value: i };
      return new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.from('data'), aio_nbytes: 4, aio_sigevent });
    });
    for (const cb of cbs) if (aio.aio_write(cb) !== 0) throw new Error('aio_write ' + aio.errno);
    for (const cb of cbs) while (aio.aio_suspend([cb], 1, null) !== 0);
    const results = cbs.map((cb) => [aio.aio_error(cb), aio.aio_return(cb)].join());
    console.log(new Set(results).size, results[0]);
    await aio.drain();`;
  for (const pending of [0, 4]) {
    const path = `/tmp/linux-aio-${process.pid}-${pending}`;
    fs.writeFileSync(path, '');
    try {
      const { stdout, code } = await runProgram(program, {
        limits: `prlimit --pid $$ --sigpending=${pending}`,
        args: [path],
      });
      assert.deepEqual([stdout, code], ['1 0,4\n', 0], `with ${pending} signals to be pending`);
    } finally {
      fs.rmSync(path);
    }
  }
});

covers('C3 X10', 'failed and cancelled requests notify like any other', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const gone = blockedRead(pipe, 4, { aio_sigevent: callbacks.sigevent('cancelled') });
  cancelled(pipe.read);
  const bad = block(-1, 4, { aio_sigevent: callbacks.sigevent('EBADF') });
  queued(aio.aio_read(bad));
  const full = writing(opened(t, '/dev/full', 'w'), 'x', { aio_sigevent: callbacks.sigevent('ENOSPC') });
  queued(aio.aio_write(full));
  assert.deepEqual([...(await callbacks.exactly(3))].sort(), ['EBADF', 'ENOSPC', 'cancelled']);
  assert.deepEqual(
    [collected(gone), collected(bad), collected(full)],
    [failed('ECANCELED'), failed('EBADF'), failed('ENOSPC')],
  );
});

covers('', 'a request that was refused at once notifies nobody', async (t) => {
  const callbacks = new Callbacks();
  const fd = opened(t, temporaryFile(t), 'r+');
  fails(aio.aio_write(writing(fd, 'x', { aio_reqprio: -1, aio_sigevent: callbacks.sigevent(1) })), 'EINVAL');
  await settled();
  assert.deepEqual(callbacks.values, []);
});

covers('', 'a sigevent changed after the call has no effect', async (t) => {
  const pipe = openPipe(t);
  const callbacks = new Callbacks();
  const aio_sigevent = callbacks.sigevent('first');
  blockedRead(pipe, 4, { aio_sigevent });
  aio_sigevent.sigev_value = 'changed';
  aio_sigevent.sigev_notify = aio.SIGEV_NONE;
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(await callbacks.exactly(1), ['first']);
});

function noPrlimit(): string | false {
  return spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'no prlimit';
}

function noProc(): string | false {
  return fs.existsSync('/proc/self/status') ? false : 'no /proc';
}
