// Wrong arguments throw at the call, with Node's own codes; nothing is submitted and no slot is lost.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Ring } from 'linux-aio';
import { engineUnderTest } from '../support/engines.js';
import { openRing, result } from '../support/ring.js';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const RANGE = 'ERR_OUT_OF_RANGE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const done = () => assert.fail('a request that was refused has been delivered');
const buffer = new Uint8Array(16);

/** Method name, arguments (typed loosely on purpose), the code expected. */
const WRONG: readonly (readonly [keyof Ring, readonly unknown[], string])[] = [
  ['nop', [], TYPE],
  ['nop', [1], TYPE],
  ['read', ['3', buffer, 0, done], TYPE],
  ['read', [undefined, buffer, 0, done], TYPE],
  ['read', [-1, buffer, 0, done], RANGE],
  ['read', [1.5, buffer, 0, done], RANGE],
  ['read', [NaN, buffer, 0, done], RANGE],
  ['read', [2 ** 31, buffer, 0, done], RANGE],
  ['read', [3, null, 0, done], TYPE],
  ['read', [3, 'text', 0, done], TYPE],
  ['read', [3, new ArrayBuffer(4), 0, done], TYPE],
  ['read', [3, [1, 2], 0, done], TYPE],
  ['read', [3, buffer, -2, done], RANGE],
  ['read', [3, buffer, -2n, done], RANGE],
  ['read', [3, buffer, 0.5, done], RANGE],
  ['read', [3, buffer, NaN, done], RANGE],
  ['read', [3, buffer, 2 ** 53, done], RANGE],
  ['read', [3, buffer, 2n ** 63n, done], RANGE],
  ['read', [3, buffer, '0', done], TYPE],
  ['read', [3, buffer, null, done], TYPE],
  ['read', [3, buffer, 0], TYPE],
  ['read', [3, buffer, 0, {}], TYPE],
  ['write', [-1, buffer, 0, done], RANGE],
  ['write', [3, 'text', 0, done], TYPE],
  ['write', [3, buffer, 2n ** 63n, done], RANGE],
  ['write', [3, buffer, 0, null], TYPE],
  ['readv', [3, buffer, 0, done], TYPE],
  ['readv', [3, [buffer, 'x'], 0, done], TYPE],
  ['readv', [3, [buffer], -2, done], RANGE],
  ['writev', [3, { length: 0 }, 0, done], TYPE],
  ['writev', [3, [buffer], 0, 'done'], TYPE],
  ['fsync', [3, 1, done], TYPE],
  ['fsync', [3, true], TYPE],
  ['splice', [3, -2, 4, 0, 1, 0, done], RANGE],
  ['splice', [3, 0, -1, 0, 1, 0, done], RANGE],
  ['splice', [3, 0, 4, 0, -1, 0, done], RANGE],
  ['fallocate', [3, -1, 0, 1, done], RANGE],
  ['fallocate', [3, 0, -1, 1, done], RANGE],
  ['fallocate', [3, 0, 0, 2n ** 63n, done], RANGE],
  ['fadvise', [3, 0, 0, 'random', done], TYPE],
  ['ftruncate', [3, -1, done], RANGE],
  ['openat', [-101, 'x', 0, 0, done], RANGE],
  ['openat', [-100, 5, 0, 0, done], TYPE],
  ['openat', [-100, 'a\0b', 0, 0, done], VALUE],
  ['openat', [-100, Buffer.from('a\0b'), 0, 0, done], VALUE],
  ['openat', [-100, 'x', -1, 0, done], RANGE],
  ['openat', [-100, 'x', 0, '0666', done], TYPE],
  ['openat', [-100, 'x', 0, 0], TYPE],
  ['statx', [-100, 'x', 0, 0, new Uint8Array(255), done], RANGE],
  ['statx', [-100, 'x', 0, 0, {}, done], TYPE],
  ['unlinkat', [-100, null, 0, done], TYPE],
  ['mkdirat', [-100, 'x', -1, done], RANGE],
  ['renameat', [-100, 'x', -100, null, 0, done], TYPE],
  ['renameat', [-100, 'x', -101, 'y', 0, done], RANGE],
  ['linkat', [-100, 'x', -100, 'y\0', 0, done], VALUE],
  ['symlinkat', ['x', -100, 7, done], TYPE],
  ['close', [-1, done], RANGE],
  ['close', [3], TYPE],
  ['close', [undefined, done], TYPE],
  ['pollAdd', [3, -1, done], RANGE],
  ['timeout', [-1, done], RANGE],
  ['timeout', [NaN, done], RANGE],
  ['timeout', [Number.POSITIVE_INFINITY, done], RANGE],
  ['timeout', ['5', done], TYPE],
  ['accept', [3, -1, done], RANGE],
  ['connect', [3, 'localhost', done], TYPE],
  ['send', [3, 'text', 0, done], TYPE],
  ['recv', [3, buffer, -1, done], RANGE],
  ['shutdown', [3, -1, done], RANGE],
  ['cancel', ['1', done], TYPE],
  ['cancel', [1n, done], TYPE],
  ['cancel', [1], TYPE],
  ['wait', ['1'], TYPE],
  ['wait', [-1], RANGE],
  ['wait', [1, '5'], TYPE],
  ['wait', [1, NaN], TYPE],
];

describe('a method of Ring throws when', () => {
  test('an argument has the wrong type or is out of range', (t) => {
    const ring = openRing(t);
    for (const [method, args, code] of WRONG) {
      const call = () => (ring[method] as (...args: unknown[]) => unknown)(...args);
      const what = `${String(method)}(${args.map((arg) => typeof arg).join(', ')}), ${String(args[args.length - 2])}`;
      assert.throws(call, { code }, what);
    }
    assert.equal(ring.inFlight, 0, 'a refused request took a slot');
    assert.equal(ring.stats.submitted, 0);
  });

  test('an argument is wrong, with a message that names it and what was given', (t) => {
    const ring = openRing(t);
    assert.throws(() => ring.read(3, 'text' as never, 0, done), {
      name: 'TypeError',
      message:
        'The "buffer" argument must be an instance of Buffer, TypedArray, or DataView. Received type string (\'text\')',
    });
    assert.throws(() => ring.read(3, buffer, 2n ** 63n, done), {
      name: 'RangeError',
      message: /"position" is out of range.*9223372036854775807.*9223372036854775808n/,
    });
    assert.throws(() => ring.readv(3, [buffer, null as never], 0, done), { message: /"buffers\[1\]"/ });
  });

  test('a buffer that was checked once is not trusted the second time', (t) => {
    // An array whose elements change between the reads of it must not pair one buffer's address with another's size.
    const ring = openRing(t);
    const memory = new Uint8Array(64);
    const small = memory.subarray(0, 8);
    let reads = 0;
    const buffers = [small];
    Object.defineProperty(buffers, 0, { get: () => (++reads % 3 === 0 ? memory : small) });
    ring.readv(0, buffers, 0, () => {});
    assert.ok(reads <= 1, `the element was read ${reads} times`);
  });
});

describe('a ring', () => {
  test('returns a positive safe integer for each request, no two the same', async (t) => {
    const ring = openRing(t);
    const ids = new Set<number>();
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 100 }, () =>
          result((delivered) => {
            const id = ring.nop(delivered);
            assert.ok(Number.isSafeInteger(id) && id > 0);
            ids.add(id);
          }),
        ),
      );
    }
    assert.equal(ids.size, 1000);
  });

  test('names the operations that the kernel has', (t) => {
    const ring = openRing(t);
    assert.equal(ring.engine, engineUnderTest());
    for (const name of ['nop', 'read', 'write', 'fsync', 'openat', 'cancel', 'splice', 'timeout']) {
      assert.ok(ring.supports(name), name);
      assert.ok(ring.operations.includes(name), name);
    }
    assert.equal(ring.supports('frobnicate'), false);
    for (const name of ring.operations) assert.equal(typeof ring[name as keyof Ring], 'function', name);
  });
});
