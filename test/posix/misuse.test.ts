// Misuse: what C's type system would refuse is a TypeError, the rest an errno, and nothing is left in flight.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { aio, block, patternFile } from '../support/posix.js';
import { Callbacks, settled } from '../support/posix-events.js';
import { fails, LONG, NOW, nameOf } from '../support/status.js';
import { opened, openPipe } from '../support/temp.js';
import { covers } from './table.js';

const NOT_OBJECTS = [null, undefined, 1, 'aiocb', true, Symbol('aiocb'), () => {}];

/** Calls that take a control block, with it in its place. */
const CALLS: Record<string, (cb: never) => unknown> = {
  aio_read: (cb) => aio.aio_read(cb),
  aio_write: (cb) => aio.aio_write(cb),
  aio_fsync: (cb) => aio.aio_fsync(aio.O_SYNC, cb),
  aio_error: (cb) => aio.aio_error(cb),
  aio_return: (cb) => aio.aio_return(cb),
  aio_readv: (cb) => aio.aio_readv(cb),
  aio_writev: (cb) => aio.aio_writev(cb),
};

for (const [name, call] of Object.entries(CALLS)) {
  covers('', `${name} of what is no control block is a TypeError that says so`, () => {
    for (const value of NOT_OBJECTS.filter((each) => typeof each !== 'function'))
      assert.throws(() => call(value as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  });
}

covers(
  '',
  'a list that is none, or has something else in it, is a TypeError, and nothing is started',
  async (t) => {
    const pipe = openPipe(t);
    fs.writeSync(pipe.write, 'untouched');
    const callbacks = new Callbacks();
    const good = block(pipe.read, 4, { aio_lio_opcode: aio.LIO_READ, aio_sigevent: callbacks.sigevent(1) });
    for (const list of [null, undefined, 1, 'list', { length: 1, 0: good }]) {
      assert.throws(() => aio.aio_suspend(list as never, 1, NOW), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => aio.lio_listio(aio.LIO_NOWAIT, list as never, 1, null), {
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
    for (const wrong of [1, 'cb', true]) {
      const list = [wrong, good] as never;
      assert.throws(() => aio.aio_suspend(list, 2, NOW), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => aio.lio_listio(aio.LIO_NOWAIT, list, 2, null), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    fails(aio.aio_error(good), 'EINVAL');
    await settled();
    assert.deepEqual(callbacks.values, []);
    assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 9);
  },
);

covers('', 'members of another type are a TypeError that names them, and nothing is started', (t) => {
  const pipe = openPipe(t);
  fs.writeSync(pipe.write, 'untouched');
  for (const fields of [
    { aio_fildes: '3' },
    { aio_fildes: undefined },
    { aio_fildes: {} },
    { aio_buf: 'text' },
    { aio_buf: {} },
    { aio_buf: new ArrayBuffer(16) },
    { aio_nbytes: '4' },
    { aio_offset: '0' },
    { aio_reqprio: '0' },
    { aio_sigevent: 'none' },
    { aio_sigevent: { sigev_notify: aio.SIGEV_THREAD, sigev_notify_function: 'function' } },
  ]) {
    const cb = Object.assign(block(pipe.read, 4), fields);
    const [member] = Object.keys(fields);
    assert.throws(() => aio.aio_read(cb as aio.aiocb), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: new RegExp(member === 'aio_sigevent' ? 'sig' : member),
    });
    fails(aio.aio_error(cb as aio.aiocb), 'EINVAL');
  }
  assert.equal(fs.readSync(pipe.read, Buffer.alloc(16)), 9);
});

covers('', 'other arguments of another type are TypeErrors', (t) => {
  const cb = block(openPipe(t).read, 4);
  const wrong = { code: 'ERR_INVALID_ARG_TYPE' };
  assert.throws(() => aio.aio_cancel('3' as never, null), wrong);
  assert.throws(() => aio.aio_cancel(3, 'cb' as never), wrong);
  assert.throws(() => aio.aio_fsync('O_SYNC' as never, cb), wrong);
  assert.throws(() => aio.lio_listio('LIO_WAIT' as never, [], 0, null), wrong);
  assert.throws(() => aio.lio_listio(aio.LIO_WAIT, [], '0' as never, null), wrong);
  assert.throws(() => aio.aio_suspend([], '0' as never, null), wrong);
  assert.throws(() => aio.aio_suspend([], 0, 1000 as never), wrong);
  assert.throws(() => aio.aio_suspend([], 0, { tv_sec: '1', tv_nsec: 0 } as never), wrong);
  assert.throws(() => aio.aio_waitcomplete('now' as never), wrong);
  assert.throws(() => aio.sigaction('SIGIO' as never, null), wrong);
  assert.throws(() => aio.sigaction(aio.SIGIO, (() => {}) as never), wrong);
  assert.throws(() => aio.sigaction(aio.SIGIO, { sa_sigaction: 'handler' } as never), wrong);
  assert.throws(() => aio.lio_listio(aio.LIO_NOWAIT, [], 0, 'sig' as never), wrong);
});

covers('', 'a buffer shorter than aio_nbytes is EINVAL from every call that transfers', (t) => {
  const fd = opened(t, patternFile(t, 100), 'r+');
  const short = () => block(fd, 16, { aio_nbytes: 17 });
  fails(aio.aio_read(short()), 'EINVAL');
  fails(aio.aio_write(short()), 'EINVAL');
  for (const opcode of [aio.LIO_READ, aio.LIO_WRITE]) {
    const cb = Object.assign(short(), { aio_lio_opcode: opcode });
    fails(aio.lio_listio(aio.LIO_WAIT, [cb], 1, null), 'EIO');
    assert.equal(nameOf(aio.aio_error(cb)), 'EINVAL');
  }
  assert.equal(aio.aio_cancel(fd, null), aio.AIO_ALLDONE);
  assert.equal(fs.readFileSync(`/proc/self/fd/${fd}`).length, 100);
});

covers('', 'members that throw when they are read do so in the call, and nothing is started', (t) => {
  const pipe = openPipe(t);
  fs.writeSync(pipe.write, 'untouched');
  const cb = block(pipe.read, 4, { aio_lio_opcode: aio.LIO_READ });
  Object.defineProperty(cb, 'aio_nbytes', {
    get() {
      throw new RangeError('from the getter');
    },
  });
  const good = block(pipe.read, 4, { aio_lio_opcode: aio.LIO_READ });
  assert.throws(() => aio.aio_read(cb), /from the getter/);
  assert.throws(() => aio.lio_listio(aio.LIO_NOWAIT, [good, cb], 2, null), /from the getter/);
  fails(aio.aio_error(cb), 'EINVAL');
  // Whatever the list had begun before is over and can be told by its status; the library itself is whole.
  const after = block(opened(t, patternFile(t, 100)), 10);
  assert.equal(aio.aio_read(after), 0);
  assert.equal(aio.aio_suspend([after], 1, LONG), 0);
  assert.equal(aio.aio_return(after), 10);
});

covers('', 'a getter that calls the library again does no harm', (t) => {
  const fd = opened(t, patternFile(t, 100));
  const cb = block(fd, 10);
  let nested = 0;
  Object.defineProperty(cb, 'aio_nbytes', {
    get() {
      if (nested++ === 0) aio.aio_read(cb);
      return 10;
    },
  });
  const result = aio.aio_read(cb);
  if (result === -1) assert.equal(nameOf(aio.errno), 'EBUSY');
  assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
  assert.equal(aio.aio_return(cb), 10);
  fails(aio.aio_return(cb), 'EINVAL');
});

const MEMBERS = ['aio_fildes', 'aio_offset', 'aio_buf', 'aio_nbytes', 'aio_reqprio', 'aio_sigevent'] as const;

for (const [name, call] of Object.entries({
  aio_write: aio.aio_write,
  aio_fsync: (cb: aio.aiocb) => aio.aio_fsync(aio.O_SYNC, cb),
  lio_listio: (cb: aio.aiocb) => aio.lio_listio(aio.LIO_NOWAIT, [cb], 1, null),
})) {
  covers(
    '',
    `a getter that starts a read of its own control block in ${name}: the read is all there is`,
    async (t) => {
      for (const member of MEMBERS) {
        const callbacks = new Callbacks();
        const cb = block(opened(t, patternFile(t, 100), 'r+'), 10, {
          aio_sigevent: callbacks.sigevent(member),
        });
        const value = cb[member];
        let nested = 0;
        Object.defineProperty(cb, member, {
          get() {
            if (nested++ === 0) assert.equal(aio.aio_read(cb), 0);
            return value;
          },
        });
        const result = call(cb);
        assert.equal(result, nested === 0 ? 0 : -1, `${member}: aio_fsync does not read all of them`);
        assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
        assert.equal(nameOf(aio.aio_error(cb)), '0');
        await callbacks.exactly(1);
        assert.equal(aio.aio_cancel(cb.aio_fildes, null), aio.AIO_ALLDONE);
      }
    },
  );
}

covers(
  '',
  'a getter of a later element that uses an earlier one of the list: LIO_WAIT returns all the same',
  (t) => {
    const fd = opened(t, patternFile(t, 100));
    for (const opcode of [aio.LIO_READ, 99]) {
      for (const isAwaited of [false, true]) {
        const first = block(fd, 10, { aio_lio_opcode: opcode });
        const second = block(fd, 10, { aio_lio_opcode: aio.LIO_READ });
        Object.defineProperty(second, 'aio_offset', {
          get() {
            assert.equal(aio.aio_read(first), 0);
            if (isAwaited) assert.equal(aio.aio_suspend([first], 1, LONG), 0);
            return 0;
          },
        });
        fails(aio.lio_listio(aio.LIO_WAIT, [first, second], 2, null), 'EIO');
        for (const cb of [first, second]) {
          assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
          assert.equal(aio.aio_return(cb), 10);
        }
      }
    }
  },
);

covers('', 'a call that throws keeps no buffer', async (t) => {
  const fd = opened(t, patternFile(t, 100));
  const wrong = 'none' as never;
  const cbs = Array.from({ length: 20 }, () => block(fd, 10, { aio_buf: new Uint8Array(10_000) }));
  const buffers = cbs.map((cb) => new WeakRef(cb.aio_buf!.buffer));
  for (const cb of cbs) {
    const bad = block(fd, 10, { aio_sigevent: wrong });
    assert.throws(() => aio.lio_listio(aio.LIO_WAIT, [cb, bad], 2, null), { code: 'ERR_INVALID_ARG_TYPE' });
    cb.aio_sigevent = wrong;
    assert.throws(() => aio.aio_read(cb), { code: 'ERR_INVALID_ARG_TYPE' });
    cb.aio_buf = null;
  }
  for (let i = 0; i < 4; i++) {
    await settled();
    global.gc!();
  }
  const kept = buffers.filter((each) => each.deref() !== undefined).length;
  assert.ok(kept < 3, `${kept} of 20 buffers are still there`);
});

covers('', 'frozen control blocks and blocks without a prototype will do', (t) => {
  const fd = opened(t, patternFile(t, 100));
  const plain = Object.assign(Object.create(null), {
    aio_fildes: fd,
    aio_buf: Buffer.alloc(10),
    aio_nbytes: 10,
  });
  for (const cb of [Object.freeze(block(fd, 10)), plain] as aio.aiocb[]) {
    assert.equal(aio.aio_read(cb), 0);
    assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
    assert.equal(aio.aio_return(cb), 10);
  }
});
