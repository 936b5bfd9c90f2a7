// lio_listio.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  aio,
  block,
  blockedRead,
  cancelled,
  limited,
  pattern,
  patternFile,
  writing,
} from '../support/posix.js';
import {
  Callbacks,
  handled,
  settled,
  signal,
  signalledLater,
  until,
  writtenLater,
} from '../support/posix-events.js';
import { collected, failed, fails, LONG, NOW, nameOf, over, queued, succeeded } from '../support/status.js';
import { opened, openPipe, openPipes, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const { LIO_NOWAIT, LIO_WAIT } = aio;
const reading = (fd: number, size: number, init: Partial<aio.aiocb> = {}) =>
  block(fd, size, { aio_lio_opcode: aio.LIO_READ, ...init });
const toWrite = (fd: number, text: string | Uint8Array, init: Partial<aio.aiocb> = {}) =>
  writing(fd, text, { aio_lio_opcode: aio.LIO_WRITE, ...init });
const names = (list: readonly aio.aiocb[]) => list.map((cb) => nameOf(aio.aio_error(cb)));

covers('L1 L12', 'LIO_WAIT returns 0 when all is over and well, and looks at no sigevent', async (t) => {
  const path = temporaryFile(t);
  const fd = opened(t, path, 'r+');
  const callbacks = new Callbacks();
  for (const sig of [callbacks.sigevent('list'), { sigev_notify: 99 }, null]) {
    const list = Array.from({ length: 10 }, (_, i) =>
      toWrite(fd, Buffer.alloc(100_000, 65 + i), { aio_offset: i * 100_000 }),
    );
    assert.equal(aio.lio_listio(LIO_WAIT, list, list.length, sig), 0);
    for (const [i, cb] of list.entries()) {
      assert.equal(aio.aio_error(cb), 0, `element ${i}`);
      assert.equal(aio.aio_return(cb), 100_000);
    }
  }
  assert.equal(fs.statSync(path).size, 1_000_000);
  await settled();
  assert.deepEqual(callbacks.values, []);
});

covers('L2 L10 L24', 'LIO_NOWAIT returns 0 while the elements run', async (t) => {
  const pipes = openPipes(t, 4);
  const callbacks = new Callbacks();
  const list = pipes.map((pipe) => reading(pipe.read, 4));
  assert.equal(aio.lio_listio(LIO_NOWAIT, list, 4, callbacks.sigevent('done')), 0);
  assert.deepEqual(names(list), ['EINPROGRESS', 'EINPROGRESS', 'EINPROGRESS', 'EINPROGRESS']);
  for (const pipe of pipes.slice(0, 3)) fs.writeSync(pipe.write, 'x');
  over(...list.slice(0, 3));
  await new Promise(setImmediate);
  assert.deepEqual(callbacks.values, [], 'one is still running');
  fs.writeSync(pipes[3].write, 'x');
  assert.deepEqual(await callbacks.exactly(1), ['done']);
  for (const cb of list) assert.deepEqual(collected(cb), succeeded(1));
});

covers(
  'L3',
  'LIO_NOWAIT notifies the list once, when every status is final, by callback and by signal',
  async (t) => {
    const [element, whole] = [aio.SIGRTMIN + 1, aio.SIGRTMIN + 2];
    const elements = handled(t, element);
    const fd = opened(t, patternFile(t, 10_000));
    const list = Array.from({ length: 10 }, (_, i) =>
      reading(fd, 1000, { aio_offset: i * 1000, aio_sigevent: signal(element, i) }),
    );
    const lists: unknown[] = [];
    let running = -1;
    aio.sigaction(whole, {
      sa_sigaction: (_, info) => {
        lists.push(info.si_value);
        running = names(list).filter((name) => name === 'EINPROGRESS').length;
      },
    });
    t.after(() => aio.sigaction(whole, null));
    assert.equal(aio.lio_listio(LIO_NOWAIT, list, 10, signal(whole, 'all')), 0);
    await until(() => lists.length > 0 && elements.length === 10);
    await settled();
    assert.deepEqual(lists, ['all']);
    assert.equal(running, 0);
    assert.deepEqual(
      elements.map(({ si_value }) => Number(si_value)).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  },
);

covers(
  'L4',
  'null and undefined elements are ignored: seven notifications for ten places, and the list’s',
  async (t) => {
    const fd = opened(t, patternFile(t, 10_000));
    const [elements, lists] = [new Callbacks(), new Callbacks()];
    const list: (aio.aiocb | null)[] = Array.from({ length: 10 }, (_, i) =>
      reading(fd, 100, { aio_offset: i * 100, aio_sigevent: elements.sigevent(i) }),
    );
    list[1] = list[5] = null;
    list[9] = undefined as never;
    assert.equal(aio.lio_listio(LIO_NOWAIT, list, 10, lists.sigevent('list')), 0);
    await lists.exactly(1);
    await elements.exactly(7);
    assert.equal(aio.lio_listio(LIO_WAIT, [null, reading(fd, 10), null], 3, null), 0);
  },
);

covers(
  'L5 L13 B13',
  'an unknown opcode is EIO from LIO_WAIT and LIO_NOWAIT, EINVAL from its element',
  async (t) => {
    const fd = opened(t, patternFile(t, 1000));
    for (const mode of [LIO_WAIT, LIO_NOWAIT]) {
      for (const opcode of [-1, 3, 99, 0.5, Number.NaN]) {
        const list = Array.from({ length: 10 }, (_, i) => reading(fd, 10, { aio_offset: i * 10 }));
        list[2].aio_lio_opcode = opcode;
        fails(aio.lio_listio(mode, list, 10, null), 'EIO');
        for (const [i, cb] of list.entries()) {
          if (i === 2) {
            assert.equal(nameOf(aio.aio_error(cb)), 'EINVAL');
            assert.equal(aio.aio_return(cb), -1);
          } else assert.deepEqual(collected(cb), succeeded(10), `element ${i}`);
        }
      }
    }
  },
);

covers('L7', 'LIO_NOP skips its element: no notification, no status', async (t) => {
  const fd = opened(t, patternFile(t, 1000));
  const callbacks = new Callbacks();
  const list = Array.from({ length: 10 }, (_, i) => reading(fd, 10, { aio_sigevent: callbacks.sigevent(i) }));
  list[0].aio_lio_opcode = list[7].aio_lio_opcode = aio.LIO_NOP;
  assert.equal(aio.lio_listio(LIO_WAIT, list, 10, null), 0);
  assert.deepEqual([...(await callbacks.exactly(8))].sort(), [1, 2, 3, 4, 5, 6, 8, 9]);
  fails(aio.aio_error(list[0]), 'EINVAL');
  assert.deepEqual(list[7].aio_buf, Buffer.alloc(10));
});

covers('L8 L9 L15 X3', 'LIO_READ and LIO_WRITE are aio_read and aio_write, and move no position', (t) => {
  const path = patternFile(t, 1000);
  const fd = opened(t, path, 'r+');
  const list = [
    reading(fd, 100, { aio_offset: 300 }),
    toWrite(fd, Buffer.alloc(50, 0xee), { aio_offset: 600 }),
    reading(fd, 2000, { aio_offset: 900 }),
    toWrite(fd, 'end', { aio_offset: 1000n }),
  ];
  const fields = list.map((cb) => ({ ...cb }));
  assert.equal(aio.lio_listio(LIO_WAIT, list, 4, null), 0);
  const last = collected(list[2]);
  assert.ok(last.result === 100 || last.result === 103, 'with or without the write after it');
  assert.deepEqual(
    [0, 1, 3].map((i) => collected(list[i]).result),
    [100, 50, 3],
  );
  assert.deepEqual(list[0].aio_buf, pattern(300, 100));
  assert.deepEqual(
    list.map((cb) => ({ ...cb })),
    fields,
    'nothing is written into the control blocks',
  );
  const expected = Buffer.concat([
    pattern(0, 600),
    Buffer.alloc(50, 0xee),
    pattern(650, 350),
    Buffer.from('end'),
  ]);
  const found = Buffer.alloc(1003);
  fs.readSync(fd, found, 0, 1003, null);
  assert.deepEqual(found, expected);
});

covers('L11', 'LIO_NOWAIT is -1 when an element could not be queued', (t) => {
  const fd = opened(t, patternFile(t, 100));
  for (const wrong of [
    { aio_reqprio: -1 },
    { aio_offset: -1 },
    { aio_nbytes: 11 },
    { aio_sigevent: { sigev_notify: 9 } },
  ]) {
    const [good, bad] = [reading(fd, 10), reading(fd, 10, wrong)];
    fails(aio.lio_listio(LIO_NOWAIT, [bad, good], 2, null), 'EIO');
    assert.equal(nameOf(aio.aio_error(bad)), 'EINVAL');
    assert.deepEqual(collected(good), succeeded(10));
  }
});

covers('L13 L14', 'LIO_WAIT is -1 and EIO when an element fails, and the others are done', (t) => {
  const path = temporaryFile(t);
  const fd = opened(t, path, 'r+');
  const full = opened(t, '/dev/full', 'w');
  const list = [toWrite(fd, 'a'), toWrite(full, 'b'), toWrite(-1, 'c'), toWrite(fd, 'd', { aio_offset: 1 })];
  fails(aio.lio_listio(LIO_WAIT, list, 4, null), 'EIO');
  assert.deepEqual(list.map(collected), [succeeded(1), failed('ENOSPC'), failed('EBADF'), succeeded(1)]);
  assert.equal(fs.readFileSync(path, 'latin1'), 'ad');
});

covers(
  'L14',
  'LIO_NOWAIT returns 0 for a closed descriptor: its element fails, all notify, and the list',
  async (t) => {
    const signo = aio.SIGRTMIN + 3;
    const infos = handled(t, signo);
    const lists = new Callbacks();
    const fd = opened(t, patternFile(t, 1000));
    const list = Array.from({ length: 10 }, (_, i) =>
      reading(i === 2 ? -1 : fd, 10, { aio_offset: 10 * i, aio_sigevent: signal(signo, i) }),
    );
    assert.equal(aio.lio_listio(LIO_NOWAIT, list, 10, lists.sigevent('list')), 0);
    await lists.exactly(1);
    await until(() => infos.length >= 10);
    await settled();
    assert.deepEqual(infos.map(({ si_value }) => si_value).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [i, cb] of list.entries())
      assert.deepEqual(collected(cb), i === 2 ? failed('EBADF') : succeeded(10));
  },
);

covers(
  'L16 L17 L21 B10',
  'EAGAIN when AIO_MAX has no room for the list: what there is room for runs',
  async (t) => {
    limited(t, aio._SC_AIO_MAX, 4);
    const pipes = openPipes(t, 8);
    const [elements, lists] = [new Callbacks(), new Callbacks()];
    const full = pipes.slice(0, 3).map((pipe) => reading(pipe.read, 4));
    assert.equal(aio.lio_listio(LIO_NOWAIT, full, 3, null), 0);
    const second = pipes
      .slice(3, 6)
      .map((pipe, i) => reading(pipe.read, 4, { aio_sigevent: elements.sigevent(i) }));
    fails(aio.lio_listio(LIO_NOWAIT, second, 3, lists.sigevent('list')), 'EAGAIN');
    assert.deepEqual(names(second), ['EINPROGRESS', 'EAGAIN', 'EAGAIN']);
    assert.equal(aio.aio_return(second[1]), -1);
    for (const pipe of pipes) fs.writeSync(pipe.write, 'x');
    // The list is what was started of it; what was not started notifies nobody.
    await lists.exactly(1);
    assert.deepEqual(await elements.exactly(1), [0]);
    assert.deepEqual(collected(second[0]), succeeded(1));
  },
);

covers('L16 L17 B10', 'EAGAIN from LIO_WAIT too, after what was started is over', (t) => {
  limited(t, aio._SC_AIO_MAX, 1);
  const pipes = openPipes(t, 3);
  const list = pipes.map((pipe) => reading(pipe.read, 4));
  writtenLater(t, pipes[0].write, 'late');
  fails(aio.lio_listio(LIO_WAIT, list, 3, null), 'EAGAIN');
  assert.deepEqual(names(list), ['0', 'EAGAIN', 'EAGAIN']);
});

covers(
  'L16 L17',
  'EAGAIN when there is no room at all: nothing is started, and nobody is notified',
  async (t) => {
    limited(t, aio._SC_AIO_MAX, 1);
    const [busy, pipe] = openPipes(t, 2);
    const blocked = blockedRead(busy);
    const callbacks = new Callbacks();
    const none = [reading(pipe.read, 10, { aio_sigevent: callbacks.sigevent(1) })];
    fails(aio.lio_listio(LIO_NOWAIT, none, 1, callbacks.sigevent('list')), 'EAGAIN');
    fails(aio.lio_listio(LIO_WAIT, none, 1, null), 'EAGAIN');
    await settled();
    assert.deepEqual(callbacks.values, []);
    cancelled(busy.read);
    over(blocked);
  },
);

covers('L13 L16', 'EIO wins over EAGAIN', (t) => {
  limited(t, aio._SC_AIO_MAX, 1);
  const pipes = openPipes(t, 3);
  const list = pipes.map((pipe) => reading(pipe.read, 4));
  list[0].aio_lio_opcode = 99;
  writtenLater(t, pipes[1].write, 'late');
  fails(aio.lio_listio(LIO_WAIT, list, 3, null), 'EIO');
  assert.deepEqual(names(list), ['EINVAL', '0', 'EAGAIN']);
});

covers('L18 L20', 'EINVAL for a mode, nent or sigevent that is none, and nothing is started', async (t) => {
  const pipe = openPipe(t);
  fs.writeSync(pipe.write, 'untouched');
  const callbacks = new Callbacks();
  const list = [reading(pipe.read, 4, { aio_sigevent: callbacks.sigevent(1) })];
  const most = aio.sysconf(aio._SC_AIO_LISTIO_MAX);
  const long = new Array<aio.aiocb | null>(most + 1).fill(null);
  long[0] = list[0];
  for (const [mode, elements, nent, sig] of [
    [-1, list, 1, null],
    [2, list, 1, null],
    [Number.NaN, list, 1, null],
    [LIO_WAIT, list, -1, null],
    [LIO_WAIT, list, 2, null],
    [LIO_NOWAIT, list, 0.5, null],
    [LIO_WAIT, long, most + 1, null],
    [LIO_NOWAIT, long, most + 1, null],
    [LIO_NOWAIT, list, 1, { sigev_notify: 99 }],
    [LIO_NOWAIT, list, 1, { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: 9999 }],
    [LIO_NOWAIT, list, 1, { sigev_notify: aio.SIGEV_THREAD }],
  ] as const) {
    fails(aio.lio_listio(mode, elements, nent, sig), 'EINVAL');
    fails(aio.aio_error(list[0]), 'EINVAL');
  }
  await settled();
  assert.deepEqual(callbacks.values, []);
  assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 9, 'nothing has read the pipe');
});

covers('L18', 'a list of AIO_LISTIO_MAX elements is taken, and the limit can be set', (t) => {
  const fd = opened(t, patternFile(t, 100));
  const most = aio.sysconf(aio._SC_AIO_LISTIO_MAX);
  const list = Array.from({ length: most }, () => reading(fd, 1));
  assert.equal(aio.lio_listio(LIO_WAIT, list, most, null), 0);
  assert.ok(list.every((cb) => aio.aio_return(cb) === 1));
  limited(t, aio._SC_AIO_LISTIO_MAX, 2);
  assert.equal(aio.lio_listio(LIO_WAIT, list, 2, null), 0);
  fails(aio.lio_listio(LIO_WAIT, list, 3, null), 'EINVAL');
});

covers('L19 G-10', 'LIO_WAIT is -1 and EINTR when a signal comes, and the list goes on', async (t) => {
  const infos = handled(t, aio.SIGUSR1);
  const pipes = openPipes(t, 3);
  const callbacks = new Callbacks();
  const list = pipes.map((pipe, i) => reading(pipe.read, 4, { aio_sigevent: callbacks.sigevent(i) }));
  signalledLater(t, 'USR1');
  fails(aio.lio_listio(LIO_WAIT, list, 3, null), 'EINTR');
  assert.deepEqual(names(list), ['EINPROGRESS', 'EINPROGRESS', 'EINPROGRESS']);
  for (const pipe of pipes) fs.writeSync(pipe.write, 'late');
  for (const cb of list) assert.deepEqual(collected(cb), succeeded(4));
  await callbacks.exactly(3);
  await until(() => infos.length > 0);
});

covers('L22', 'ECANCELED is the status of a cancelled element, and the list ends with it', async (t) => {
  const pipes = openPipes(t, 2);
  const lists = new Callbacks();
  const list = pipes.map((pipe) => reading(pipe.read, 4));
  assert.equal(aio.lio_listio(LIO_NOWAIT, list, 2, lists.sigevent('list')), 0);
  fs.writeSync(pipes[0].write, 'x');
  over(list[0]);
  assert.equal(aio.aio_cancel(pipes[1].read, list[1]), aio.AIO_CANCELED);
  await lists.exactly(1);
  assert.deepEqual(list.map(collected), [succeeded(1), failed('ECANCELED')]);
});

covers('L23', 'EFBIG is the status of a write beyond the highest offset', (t) => {
  const fd = opened(t, temporaryFile(t), 'r+');
  const list = [toWrite(fd, 'far', { aio_offset: 2n ** 62n }), toWrite(fd, 'near')];
  fails(aio.lio_listio(LIO_WAIT, list, 2, null), 'EIO');
  assert.deepEqual(list.map(collected), [failed('EFBIG'), succeeded(4)]);
});

covers('X11', 'list order is kept on pipes and for O_APPEND', (t) => {
  const path = temporaryFile(t);
  const fd = opened(t, path, 'a');
  const letters = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i % 4 === 0 ? 50_000 : 10, 65 + i));
  const list = letters.map((text) => toWrite(fd, text));
  assert.equal(aio.lio_listio(LIO_WAIT, list, list.length, null), 0);
  assert.ok(fs.readFileSync(path).equals(Buffer.concat(letters)));
  const pipe = openPipe(t);
  const writes = ['one ', 'two ', 'three'].map((text) => toWrite(pipe.write, text));
  assert.equal(aio.lio_listio(LIO_WAIT, writes, 3, null), 0);
  const reads = [4, 4, 5].map((size) => reading(pipe.read, size));
  assert.equal(aio.lio_listio(LIO_WAIT, reads, 3, null), 0);
  assert.deepEqual(
    reads.map((cb) => String(cb.aio_buf)),
    ['one ', 'two ', 'three'],
  );
});

covers(
  'X12 B11',
  'a list of nothing: LIO_WAIT returns 0, LIO_NOWAIT notifies, by callback and by signal',
  async (t) => {
    const signo = aio.SIGRTMIN + 4;
    const infos = handled(t, signo);
    const callbacks = new Callbacks();
    const nop = new aio.aiocb({ aio_lio_opcode: aio.LIO_NOP });
    const empty = [[], [null], [null, nop, null]];
    for (const list of empty) {
      assert.equal(aio.lio_listio(LIO_WAIT, list, list.length, null), 0);
      assert.equal(aio.lio_listio(LIO_NOWAIT, list, list.length, null), 0);
      assert.equal(aio.lio_listio(LIO_NOWAIT, list, list.length, { sigev_notify: aio.SIGEV_NONE }), 0);
      assert.equal(aio.lio_listio(LIO_NOWAIT, list, list.length, callbacks.sigevent('empty')), 0);
      assert.equal(aio.lio_listio(LIO_NOWAIT, list, list.length, signal(signo, 'empty')), 0);
    }
    assert.deepEqual(callbacks.values, [], 'not inside the call');
    await callbacks.exactly(empty.length);
    await until(() => infos.length >= empty.length);
    assert.equal(infos.length, empty.length);
  },
);

covers('X2', 'an element in flight, or twice in the list, is EIO and keeps its running status', (t) => {
  const pipe = openPipe(t);
  const running = blockedRead(pipe);
  const fd = opened(t, patternFile(t, 100));
  const good = reading(fd, 10);
  fails(aio.lio_listio(LIO_NOWAIT, [running, good], 2, null), 'EIO');
  assert.equal(nameOf(aio.aio_error(running)), 'EINPROGRESS');
  assert.deepEqual(collected(good), succeeded(10));
  const twice = reading(fd, 10);
  fails(aio.lio_listio(LIO_WAIT, [twice, twice], 2, null), 'EIO');
  assert.deepEqual(collected(twice), succeeded(10));
  fs.writeSync(pipe.write, 'data');
  assert.deepEqual(collected(running), succeeded(4));
});

covers('', 'the list and its sigevent may be changed as soon as the call has returned', async (t) => {
  const pipes = openPipes(t, 2);
  const callbacks = new Callbacks();
  const sig = callbacks.sigevent('first');
  const list: (aio.aiocb | null)[] = pipes.map((pipe) => reading(pipe.read, 4));
  const [first, second] = list as aio.aiocb[];
  assert.equal(aio.lio_listio(LIO_NOWAIT, list, 2, sig), 0);
  list.fill(null);
  sig.sigev_value = 'changed';
  sig.sigev_notify_function = () => assert.fail('the function that was given is called');
  for (const pipe of pipes) fs.writeSync(pipe.write, 'x');
  assert.deepEqual(await callbacks.exactly(1), ['first']);
  assert.deepEqual([collected(first), collected(second)], [succeeded(1), succeeded(1)]);
});

covers('', 'aio_suspend waits for an element of a list like for any other', (t) => {
  const pipes = openPipes(t, 2);
  const list = pipes.map((pipe) => reading(pipe.read, 4));
  assert.equal(aio.lio_listio(LIO_NOWAIT, list, 2, null), 0);
  fails(aio.aio_suspend(list, 2, NOW), 'EAGAIN');
  fs.writeSync(pipes[1].write, 'x');
  assert.equal(aio.aio_suspend(list, 2, LONG), 0);
  assert.deepEqual(collected(list[1]), succeeded(1));
  queued(aio.lio_listio(LIO_NOWAIT, [list[1]], 1, null));
  for (const pipe of pipes) cancelled(pipe.read);
});
