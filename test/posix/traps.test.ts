// Where glibc's <aio.h> crashes, hangs or tells something that is not so (measured on 2.36, its code unchanged in 2026).
// Each title says what glibc does; the test shows what happens here.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { aio, block, blockedRead, cancelled, patternFile, startedReads, writing } from '../support/posix.js';
import { Callbacks, handled, settled, signal, signalledLater, until } from '../support/posix-events.js';
import { runProgram } from '../support/program.js';
import { openAs, twoFiles } from '../support/reuse.js';
import { setBlocking, socketPair } from '../support/sockets.js';
import { collected, failed, fails, LONG, NOW, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

covers('X5', 'deadlock: a write behind a pending read of the same socket never starts', async (t) => {
  const [a, b] = await socketPair(t);
  setBlocking(a);
  const reading = block(a, 4);
  queued(aio.aio_read(reading));
  const write = writing(a, 'ping');
  queued(aio.aio_write(write));
  assert.deepEqual(collected(write), succeeded(4));
  fs.writeSync(b, 'pong');
  assert.deepEqual(collected(reading), succeeded(4));
});

covers('X4', 'starvation: twenty blocked reads, and no request of the process progresses', (t) => {
  const pipes = openPipes(t, 40);
  const reads = pipes.map((pipe) => blockedRead(pipe));
  const file = block(opened(t, patternFile(t, 64)), 64);
  queued(aio.aio_read(file));
  assert.deepEqual(collected(file), succeeded(64));
  for (const pipe of pipes) cancelled(pipe.read);
  over(...reads);
});

covers('C6', 'a running request is never cancelled', (t) => {
  const pipe = openPipe(t);
  const cb = blockedRead(pipe);
  assert.equal(aio.aio_cancel(pipe.read, cb), aio.AIO_CANCELED);
  assert.deepEqual(collected(cb), failed('ECANCELED'));
});

covers(
  'X13',
  'the wrong file is read: a queued request acts on whatever has the number when it starts',
  (t) => {
    const [mine, other] = twoFiles(t);
    const fd = fs.openSync(mine, 'r');
    const reads = startedReads(fd, 64, 16_384);
    fs.closeSync(fd);
    openAs(fd, other);
    for (const cb of reads) {
      assert.deepEqual(collected(cb), succeeded(16_384));
      assert.equal((cb.aio_buf as Buffer).indexOf('O'), -1);
    }
    fs.closeSync(fd);
  },
);

covers(
  'L19',
  'SIGSEGV: completions after an interrupted LIO_WAIT write to its dead stack frame',
  async (t) => {
    handled(t, aio.SIGUSR1);
    const pipes = openPipes(t, 8);
    const list = pipes.map((pipe) => block(pipe.read, 4, { aio_lio_opcode: aio.LIO_READ }));
    signalledLater(t, 'USR1');
    fails(aio.lio_listio(aio.LIO_WAIT, list, 8, null), 'EINTR');
    // Other frames take the place of the one that is gone.
    const deep = (n: number): number => (n === 0 ? 0 : 1 + deep(n - 1));
    assert.equal(deep(2000), 2000);
    for (const pipe of pipes) fs.writeSync(pipe.write, 'late');
    for (const cb of list) assert.deepEqual(collected(cb), succeeded(4));
  },
);

covers('', 'abort(): aio_suspend with a tv_nsec of 10⁹', (t) => {
  const cb = blockedRead(openPipe(t));
  fails(aio.aio_suspend([cb], 1, { tv_sec: 0, tv_nsec: 1e9 }), 'EINVAL');
  cancelled(cb.aio_fildes);
});

covers('L18', 'SIGSEGV: lists of two million elements on the stack, and a nent of -1 that is taken', (t) => {
  const list = new Array<aio.aiocb | null>(2_000_000).fill(null);
  list[1_999_999] = block(opened(t, patternFile(t, 4)), 4);
  queued(aio.aio_read(list[1_999_999]));
  assert.equal(aio.aio_suspend(list, list.length, LONG), 0);
  fails(aio.lio_listio(aio.LIO_WAIT, list, list.length, null), 'EINVAL');
  fails(aio.lio_listio(aio.LIO_WAIT, list, -1, null), 'EINVAL');
});

covers('F1 R2', 'an fsync overtakes earlier writes of a lower priority', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  for (let round = 0; round < 10; round++) {
    const writes = [20, 10, 5].map((aio_reqprio, i) =>
      writing(fd, Buffer.alloc(500_000), { aio_reqprio, aio_offset: i * 500_000 }),
    );
    for (const cb of writes) queued(aio.aio_write(cb));
    const fsync = block(fd, 0);
    queued(aio.aio_fsync(aio.O_SYNC, fsync));
    while (aio.aio_error(fsync) === aio.EINPROGRESS);
    for (const cb of writes) assert.equal(nameOf(aio.aio_error(cb)), '0');
  }
});

covers('X15', 'hang: requests in a child process of one whose helpers were idle', async () => {
  const program = `
    import * as aio from 'linux-aio/posix';
    import { spawnSync } from 'node:child_process';
    const fd = fs.openSync(process.execPath);
    const once = () => {
      const cb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(8), aio_nbytes: 8 });
      aio.aio_read(cb);
      aio.aio_suspend([cb], 1, null);
      return aio.aio_return(cb);
    };
    console.log(once());
    if (process.argv[1] === 'parent') {
      const child = spawnSync(process.execPath, [...process.execArgv, '-e', process.argv[2], 'child'], { encoding: 'utf8' });
      console.log(child.stdout.trim(), once());
    }`;
  const text = `import fs from 'node:fs';${program}`;
  const { stdout, stderr } = await runProgram(program, { args: ['parent', text] });
  assert.deepEqual([stdout, stderr], ['8\n8 8\n', '']);
});

covers(
  'X10',
  'a good write becomes EAGAIN when its signal cannot be queued, EINVAL when its signal is none',
  async (t) => {
    const fd = opened(t, temporaryFile(t), 'r+');
    const cb = writing(fd, 'x', { aio_sigevent: signal(9999, 1) });
    fails(aio.aio_write(cb), 'EINVAL');
    assert.equal(fs.fstatSync(fd).size, 0, 'refused before anything is done');
  },
);

covers('X8', 'a thread for every callback: a thousand of them here start none', async (t) => {
  const fd = opened(t, patternFile(t, 64));
  const callbacks = new Callbacks();
  const first = block(fd, 8, { aio_sigevent: callbacks.sigevent(-1) });
  queued(aio.aio_read(first));
  await callbacks.exactly(1);
  const threads = fs.readdirSync('/proc/self/task').length;
  let most = 0;
  const cbs = Array.from({ length: 1000 }, (_, i) => block(fd, 8, { aio_sigevent: callbacks.sigevent(i) }));
  for (const cb of cbs) queued(aio.aio_read(cb));
  over(...cbs);
  await until(() => {
    most = Math.max(most, fs.readdirSync('/proc/self/task').length);
    return callbacks.values.length > 1000;
  });
  // The engine may keep some workers of its own: as many as it has, not one for each.
  assert.ok(most - threads < 20, `${threads} threads before, ${most} at the most`);
});

covers(
  'L20 L11',
  'LIO_NOWAIT with a bad aio_reqprio returns EINVAL, which means that nothing runs, and the rest runs',
  (t) => {
    const fd = opened(t, patternFile(t, 64));
    const good = block(fd, 8, { aio_lio_opcode: aio.LIO_READ });
    const bad = block(fd, 8, { aio_lio_opcode: aio.LIO_READ, aio_reqprio: -1 });
    fails(aio.lio_listio(aio.LIO_NOWAIT, [good, bad], 2, null), 'EIO');
    assert.deepEqual(collected(good), succeeded(8));
    assert.equal(nameOf(aio.aio_error(bad)), 'EINVAL');
  },
);

covers(
  'E3 T2 T4',
  'what was never submitted has succeeded, and aio_return gives the result as often as one likes',
  (t) => {
    fails(aio.aio_error(new aio.aiocb()), 'EINVAL');
    fails(aio.aio_return(new aio.aiocb()), 'EINVAL');
    const cb = block(opened(t, patternFile(t, 8)), 8);
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), succeeded(8));
    fails(aio.aio_return(cb), 'EINVAL');
  },
);

covers('T1', 'aio_return of a failed request leaves errno as it was', () => {
  const cb = block(-1, 8);
  queued(aio.aio_read(cb));
  over(cb);
  fails(aio.aio_return(cb), 'EBADF');
});

covers('R5 W3 F8', 'the caller’s fields are overwritten', (t) => {
  const fd = opened(t, temporaryFile(t, 'x'), 'r+');
  const calls: ((cb: aio.aiocb) => number)[] = [
    aio.aio_read,
    aio.aio_write,
    (cb) => aio.aio_fsync(aio.O_SYNC, cb),
  ];
  for (const call of calls) {
    const cb = block(fd, 1, { aio_lio_opcode: 7, aio_reqprio: 3, aio_offset: 0n });
    const before = { ...cb };
    queued(call(cb));
    over(cb);
    assert.deepEqual({ ...cb }, before);
  }
});

covers('X9', 'a sigev_notify of 99 is taken', (t) => {
  fails(
    aio.aio_read(block(opened(t, temporaryFile(t)), 1, { aio_sigevent: { sigev_notify: 99 } })),
    'EINVAL',
  );
});

covers('F13', 'an fsync of a pipe is queued', (t) => {
  fails(aio.aio_fsync(aio.O_SYNC, block(openPipe(t).read, 0)), 'EINVAL');
});

covers('S9', 'aio_suspend of a list of nothing returns 0 at once', () => {
  fails(aio.aio_suspend([], 0, NOW), 'EAGAIN');
  fails(aio.aio_suspend([null], 1, null), 'EINVAL');
});

covers('X7', 'fifty standard signals run one handler; fifty real-time signals run fifty', async (t) => {
  const infos = handled(t, aio.SIGRTMIN + 2);
  const fd = opened(t, patternFile(t, 64));
  const cbs = Array.from({ length: 50 }, (_, i) =>
    block(fd, 1, { aio_sigevent: signal(aio.SIGRTMIN + 2, i) }),
  );
  for (const cb of cbs) queued(aio.aio_read(cb));
  over(...cbs);
  await until(() => infos.length >= 50);
  await settled();
  assert.deepEqual(
    infos.map(({ si_value }) => Number(si_value)).sort((a, b) => a - b),
    cbs.map((_, i) => i),
  );
});

covers('X7', 'the signals of a thread’s requests go to its own handlers', async () => {
  const url = new URL('../../../dist/posix/index.js', import.meta.url).href;
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const fs = require('node:fs');
     import(${JSON.stringify(url)}).then((aio) => {
       const got = [];
       aio.sigaction(aio.SIGRTMIN + 13, { sa_sigaction: (signo, { si_code, si_value }) => {
         got.push([si_code, si_value]);
         if (got.length === 3) { parentPort.postMessage(got); aio.sigaction(aio.SIGRTMIN + 13, null); }
       } });
       const fd = fs.openSync(process.execPath);
       for (const n of [1, 2, 3]) {
         const aio_sigevent = { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: aio.SIGRTMIN + 13, sigev_value: n };
         aio.aio_read(new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(8), aio_nbytes: 8, aio_sigevent }));
       }
     });`,
    { eval: true },
  );
  const got = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.deepEqual(got, [
    [-4, 1],
    [-4, 2],
    [-4, 3],
  ]);
  await worker.terminate();
});
