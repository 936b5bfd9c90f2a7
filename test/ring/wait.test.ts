// wait() blocks the thread for results and runs their callbacks inside; flush() only hands over.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { errno, openRing } from '../support/ring.js';
import { openPipe } from '../support/temp.js';

describe('wait', () => {
  test('returns 0 at once when there is nothing to wait for', (t) => {
    const ring = openRing(t);
    assert.equal(ring.wait(), 0);
    assert.equal(ring.wait(5), 0);
    assert.equal(ring.wait(1, 60_000), 0);
  });

  test('for none delivers what is there and does not block', (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    ring.read(pipe.read, Buffer.alloc(1), -1, () => {});
    let delivered = 0;
    ring.nop(() => delivered++);
    assert.equal(ring.wait(0), 1);
    assert.equal(delivered, 1);
  });

  test('returns after the timeout with fewer results than asked for', (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    ring.read(pipe.read, Buffer.alloc(1), -1, () => {});
    const begin = performance.now();
    assert.equal(ring.wait(1, 60), 0);
    const ms = performance.now() - begin;
    assert.ok(ms >= 60 && ms < 5000, `${ms} ms`);
    assert.equal(ring.wait(1, 0), 0);
    ring.nop(() => {});
    assert.equal(ring.wait(2, 20), 1);
  });

  test('runs the callbacks inside, all that are due', (t) => {
    const ring = openRing(t);
    const delivered: number[] = [];
    for (let i = 0; i < 1000; i++) ring.nop(() => delivered.push(i));
    assert.equal(delivered.length, 0);
    assert.equal(ring.wait(1000), 1000);
    assert.deepEqual(
      delivered,
      Array.from({ length: 1000 }, (_, i) => i),
    );
  });

  test('waits for data that comes later', (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const buffer = Buffer.alloc(4);
    let bytes = 0;
    ring.read(pipe.read, buffer, -1, (value) => {
      bytes = value;
    });
    ring.timeout(30, () => fs.writeSync(pipe.write, 'late'));
    assert.equal(ring.wait(2), 2);
    assert.equal(bytes, 4);
    assert.equal(buffer.toString(), 'late');
  });

  test('counts the requests that callbacks make', (t) => {
    const ring = openRing(t);
    let left = 500;
    const next = () => {
      if (--left > 0) ring.nop(next);
    };
    ring.nop(next);
    assert.equal(ring.wait(500), 500);
    assert.equal(left, 0);
  });

  test('returns when no more are outstanding, however many were asked for', (t) => {
    const ring = openRing(t);
    for (let i = 0; i < 10; i++) ring.nop(() => {});
    assert.equal(ring.wait(1_000_000), 10);
  });

  test('may be called in a callback', (t) => {
    const ring = openRing(t);
    const order: string[] = [];
    ring.nop(() => {
      ring.timeout(5, () => order.push('inner'));
      // The outer one's other callbacks may run inside too.
      assert.ok(ring.wait(2) >= 1);
      order.push('after the wait');
    });
    ring.nop(() => order.push('other'));
    ring.wait(3);
    assert.deepEqual(order.slice().sort(), ['after the wait', 'inner', 'other']);
    assert.ok(order.indexOf('inner') < order.indexOf('after the wait'));
  });

  test('waits for a queue of more than the completion queue holds', (t) => {
    const ring = openRing(t, { entries: 8 });
    let delivered = 0;
    for (let i = 0; i < 5000; i++) ring.timeout(1, () => delivered++);
    assert.equal(ring.wait(5000), 5000);
    assert.equal(delivered, 5000);
  });

  test('sleeps, however long the timeout', (t) => {
    // More seconds than 32 bits hold must not make it poll.
    const ring = openRing(t);
    for (const timeout of [2 ** 31 * 1000, 1e15, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      let value = 0;
      ring.timeout(150, (result) => {
        value = result;
      });
      const begin = process.cpuUsage();
      assert.equal(ring.wait(1, timeout), 1);
      const { user, system } = process.cpuUsage(begin);
      assert.equal(value, errno.ETIME);
      assert.ok(user + system < 75_000, `${user + system} µs of CPU in 150 ms with timeout ${timeout}`);
    }
  });
});

describe('flush', () => {
  test('runs no callbacks', async (t) => {
    const ring = openRing(t);
    let delivered = 0;
    for (let i = 0; i < 1000; i++) ring.nop(() => delivered++);
    ring.flush();
    assert.equal(ring.stats.submitted, 1000);
    assert.equal(delivered, 0);
    assert.equal(ring.wait(1000), 1000);
  });

  test('in a callback hands over what the callback made', (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    let handedOver = 0;
    ring.nop(() => {
      ring.write(pipe.write, Buffer.from('abc'), -1, () => {});
      handedOver = ring.flush();
      assert.equal(fs.readSync(pipe.read, Buffer.alloc(3)), 3);
    });
    ring.wait(2);
    assert.equal(handedOver, 1);
  });
});
