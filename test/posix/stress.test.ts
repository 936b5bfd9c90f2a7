// One notification for each request, whatever happens to it (after FreeBSD's aio_kqueue_test and lio_kqueue_test).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, writing } from '../support/posix.js';
import { Callbacks, handled, settled, signal, until } from '../support/posix-events.js';
import { nameOf, over, queued } from '../support/status.js';
import { opened, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const RUNS = 300;
const WRITES = 128;

/** Marsaglia's xorshift32: the same cancels every time, and different ones in each run. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** The writes of one run, some of them to pipes that fill up, a third of them cancelled, and their statuses checked. */
function makeRun(
  run: number,
  file: number,
  pipes: number[],
  notify: (n: number) => aio.sigevent | undefined,
) {
  const next = random(run + 1);
  const text = Buffer.alloc(1024, 65 + (run % 26));
  const cbs: aio.aiocb[] = [];
  for (let i = 0; i < WRITES; i++) {
    const fd = i % 4 === 3 ? pipes[next() % pipes.length] : file;
    const cb = writing(fd, text, { aio_offset: 1024 * i, aio_sigevent: notify(i) });
    queued(aio.aio_write(cb));
    cbs.push(cb);
    if (next() % 3 === 0) {
      const victim = cbs[next() % cbs.length];
      const answer = aio.aio_cancel(victim.aio_fildes, victim);
      assert.notEqual(answer, -1);
      const error = nameOf(aio.aio_error(victim));
      if (answer === aio.AIO_CANCELED) assert.equal(error, 'ECANCELED');
      if (answer === aio.AIO_ALLDONE) assert.ok(error === '0' || error === 'ECANCELED', error);
    }
  }
  return cbs;
}

/** Takes what blocks the writers out of the pipes, until all is over. */
function finish(cbs: aio.aiocb[], readers: number[]): void {
  const into = Buffer.alloc(65_536);
  for (const cb of cbs) {
    while (aio.aio_error(cb) === aio.EINPROGRESS) {
      for (const fd of readers) drain(fd, into);
      aio.aio_suspend([cb], 1, { tv_sec: 0, tv_nsec: 1e6 });
    }
    const error = nameOf(aio.aio_error(cb));
    const result = aio.aio_return(cb);
    if (error === '0') assert.equal(result, 1024);
    else assert.deepEqual([error, result], ['ECANCELED', -1]);
  }
}

function drain(fd: number, into: Buffer): void {
  try {
    while (fs.readSync(fd, into) > 0);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
}

function fixture(t: Parameters<typeof opened>[0]) {
  const pipes = openPipes(t, 4, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  return {
    file: opened(t, temporaryFile(t), 'r+'),
    writers: pipes.map((pipe) => pipe.write),
    readers: pipes.map((pipe) => pipe.read),
  };
}

covers(
  'B14 C3',
  '300 runs of 128 writes with random cancels: each calls back once, with its value',
  async (t) => {
    const { file, writers, readers } = fixture(t);
    for (let run = 0; run < RUNS; run++) {
      const callbacks = new Callbacks();
      const cbs = makeRun(run, file, writers, (i) => callbacks.sigevent(run * WRITES + i));
      finish(cbs, readers);
      await callbacks.exactly(WRITES);
      assert.deepEqual(
        callbacks.values.map(Number).sort((a, b) => a - b),
        cbs.map((_, i) => run * WRITES + i),
      );
    }
  },
);

covers(
  'B14 C3 X7',
  '300 runs of 128 writes with random cancels: each sends its signal once, with its value',
  async (t) => {
    const signo = aio.SIGRTMIN + 2;
    const infos = handled(t, signo);
    const { file, writers, readers } = fixture(t);
    for (let run = 0; run < RUNS; run++) {
      infos.length = 0;
      const cbs = makeRun(run, file, writers, (i) => signal(signo, { run, i }));
      finish(cbs, readers);
      await until(() => infos.length >= WRITES, `${WRITES} signals`);
      if (run % 50 === 0) await settled();
      const values = infos.map(({ si_value }) => si_value as { run: number; i: number });
      assert.ok(values.every((value) => value.run === run));
      assert.deepEqual(
        values.map((value) => value.i).sort((a, b) => a - b),
        cbs.map((_, i) => i),
      );
    }
  },
);

covers('B14 C3', '300 runs of 128 writes with random cancels: aio_waitcomplete gives each once', (t) => {
  while (aio.aio_waitcomplete({ tv_sec: 0, tv_nsec: 0 }) !== -1);
  const { file, writers, readers } = fixture(t);
  const into = Buffer.alloc(65_536);
  for (let run = 0; run < RUNS; run++) {
    const cbs = new Set(makeRun(run, file, writers, () => undefined));
    while (cbs.size > 0) {
      const completion = aio.aio_waitcomplete({ tv_sec: 0, tv_nsec: 1e6 });
      if (completion === -1) {
        assert.equal(nameOf(aio.errno), 'EAGAIN');
        for (const fd of readers) drain(fd, into);
        continue;
      }
      assert.ok(cbs.delete(completion.cb), 'given twice');
      if (completion.result !== 1024)
        assert.deepEqual([completion.result, nameOf(aio.errno)], [-1, 'ECANCELED']);
    }
    assert.equal(aio.aio_waitcomplete({ tv_sec: 0, tv_nsec: 0 }), -1);
  }
});

covers(
  'B15 L3',
  'five lists of 16 writes, 300 times: one notification for each list, after its last write',
  async (t) => {
    const fd = opened(t, temporaryFile(t), 'r+');
    for (let run = 0; run < RUNS; run++) {
      const notified: number[] = [];
      const lists = Array.from({ length: 5 }, (_, n) =>
        Array.from({ length: 16 }, (__, i) =>
          writing(fd, Buffer.alloc(512, n), {
            aio_offset: (n * 16 + i) * 512,
            aio_lio_opcode: aio.LIO_WRITE,
          }),
        ),
      );
      for (const [n, list] of lists.entries()) {
        const sig: aio.sigevent = {
          sigev_notify: aio.SIGEV_THREAD,
          sigev_value: n,
          sigev_notify_function: (value: number) => {
            notified.push(value);
            for (const cb of lists[value]) assert.equal(aio.aio_return(cb), 512);
          },
        };
        queued(aio.lio_listio(aio.LIO_NOWAIT, list, 16, sig));
      }
      await until(() => notified.length >= 5, 'five notifications');
      if (run % 50 === 0) await settled();
      assert.deepEqual([...notified].sort(), [0, 1, 2, 3, 4]);
    }
  },
);

covers('', '20,000 requests at once all end', (t) => {
  const fd = opened(t, temporaryFile(t, Buffer.alloc(65_536, 'x')));
  const cbs = Array.from({ length: 20_000 }, (_, i) =>
    writing(fd, Buffer.alloc(8), { aio_offset: i % 65_000 }),
  );
  for (const cb of cbs) queued(aio.aio_read(cb));
  over(...cbs);
  for (const cb of cbs) assert.equal(aio.aio_return(cb), 8);
});
