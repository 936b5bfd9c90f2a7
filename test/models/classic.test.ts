// The system calls that `aio models` compares with, one by one.
import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { ERRNO } from '#dist/abi/errno.js';
import { native } from '#dist/abi/native.js';
import { closeQuietly } from '../support/temp.js';

function pair(t: TestContext, make: 'pipe' | 'socketPair'): [number, number] {
  const fds = native()[make]();
  assert.ok(typeof fds !== 'number', `errno ${fds}`);
  t.after(() => fds.forEach(closeQuietly));
  return fds;
}

describe('read, select and poll of the addon', () => {
  for (const make of ['pipe', 'socketPair'] as const) {
    test(`${make}: what is written at one end is read at the other`, (t) => {
      const [from, to] = pair(t, make);
      writeSync(to, 'hello');
      const buffer = Buffer.alloc(8);
      assert.equal(native().read(from, buffer), 5);
      assert.equal(buffer.toString('latin1', 0, 5), 'hello');
    });

    test(`${make}: read is EAGAIN with O_NONBLOCK and nothing there, and 0 at the end`, (t) => {
      const [from, to] = pair(t, make);
      assert.equal(native().setNonBlocking(from), 0);
      assert.equal(native().read(from, Buffer.alloc(8)), -ERRNO.EAGAIN);
      closeSync(to);
      assert.equal(native().read(from, Buffer.alloc(8)), 0);
    });

    for (const call of ['select', 'poll'] as const) {
      test(`${make}: ${call} returns 1 when there is something to read`, (t) => {
        const [from, to] = pair(t, make);
        writeSync(to, 'x');
        assert.equal(native()[call](from), 1);
      });
    }
  }

  test('a closed descriptor is EBADF', (t) => {
    const [from, to] = pair(t, 'pipe');
    closeSync(from);
    closeSync(to);
    assert.equal(native().read(from, Buffer.alloc(8)), -ERRNO.EBADF);
    assert.equal(native().select(from), -ERRNO.EBADF);
    assert.equal(native().poll(from), -ERRNO.EBADF);
    assert.equal(native().poll(-1), -ERRNO.EBADF);
    assert.equal(native().setNonBlocking(from), -ERRNO.EBADF);
  });

  test('what is no descriptor, or no buffer, is EINVAL', () => {
    const { read, select, poll, setNonBlocking } = native() as unknown as Record<
      string,
      (...args: unknown[]) => number
    >;
    for (const call of [read, select, poll, setNonBlocking]) {
      assert.equal(call('0', Buffer.alloc(1)), -ERRNO.EINVAL);
      assert.equal(call(), -ERRNO.EINVAL);
    }
    assert.equal(read(0, 'text'), -ERRNO.EINVAL);
    // Writing beyond the fd_set would be writing over the stack.
    assert.equal(select(1024), -ERRNO.EINVAL);
    assert.equal(select(-1), -ERRNO.EINVAL);
  });

  test('cpuTime counts what the thread has worked, not what it has slept', () => {
    const before = native().cpuTime(true);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    const slept = native().cpuTime(true) - before;
    const begin = native().cpuTime(true);
    while (native().cpuTime(true) - begin < 20e6);
    const worked = native().cpuTime(true) - begin;
    assert.ok(slept < worked, `${slept} ns while asleep`);
    assert.ok(native().cpuTime(false) >= native().cpuTime(true));
  });
});
