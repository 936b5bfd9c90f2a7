// readMany and writeMany: order, completeness, durability, and what a failure says.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultRing, open } from 'linux-aio';
import { openPipe, temporaryFile } from '../support/temp.js';
import { drained, owned } from './compare.js';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
type Any = any;

const blocks = (count: number, size = 512): Buffer => {
  const content = Buffer.alloc(count * size);
  for (let i = 0; i < count; i++) content.writeUInt32LE(i, i * size);
  return content;
};

describe('readMany and writeMany, wrong', () => {
  const buffer = Buffer.alloc(4);
  const wrong: [string, Any, string][] = [
    ['no list', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['an object', {}, 'ERR_INVALID_ARG_TYPE'],
    ['an element that is none', [null], 'ERR_INVALID_ARG_TYPE'],
    ['a buffer that is none', [{ buffer: 'x', position: 0 }], 'ERR_INVALID_ARG_TYPE'],
    ['an ArrayBuffer', [{ buffer: new ArrayBuffer(4), position: 0 }], 'ERR_INVALID_ARG_TYPE'],
    ['no position', [{ buffer }], 'ERR_INVALID_ARG_TYPE'],
    ['a position that is none', [{ buffer, position: '0' }], 'ERR_INVALID_ARG_TYPE'],
    ['a negative position', [{ buffer, position: -2 }], 'ERR_OUT_OF_RANGE'],
    ['a fraction', [{ buffer, position: 0.5 }], 'ERR_OUT_OF_RANGE'],
    ['a position of 2 ** 53', [{ buffer, position: 2 ** 53 }], 'ERR_OUT_OF_RANGE'],
    ['a position of 2n ** 63n', [{ buffer, position: 2n ** 63n }], 'ERR_OUT_OF_RANGE'],
  ];
  for (const [name, list, code] of wrong) {
    it(`${name}: ${code}, and nothing of the list is submitted`, async (t) => {
      const path = temporaryFile(t, 'content');
      const file = await open(path, 'r+');
      const whole = Array.isArray(list) ? [{ buffer: Buffer.from('XXXX'), position: 0 }, ...list] : list;
      const before = defaultRing().stats.submitted;
      await assert.rejects(file.readMany(whole), { code });
      await assert.rejects(file.writeMany(whole), { code });
      assert.equal(defaultRing().stats.submitted, before);
      assert.equal(fs.readFileSync(path, 'latin1'), 'content');
      await file.close();
    });
  }

  it('a misspelt option is refused: the write would not be durable', async (t) => {
    const file = await open(temporaryFile(t), 'r+');
    const list = [{ buffer, position: 0 }];
    const error = { code: 'ERR_INVALID_ARG_VALUE', message: /options\.snyc.*signal, sync/ };
    await assert.rejects(file.writeMany(list, { snyc: true } as Any), error);
    await file.close();
  });

  it('an error names the element', async (t) => {
    const file = await open(temporaryFile(t));
    await assert.rejects(
      file.readMany([
        { buffer, position: 0 },
        { buffer, position: -5 },
      ]),
      /"list\[1\]\.position"/,
    );
    await file.close();
  });

  it('options that are none', async (t) => {
    const file = await open(temporaryFile(t));
    for (const options of [null, 5, { sync: 1 }, { signal: null }] as Any[]) {
      await assert.rejects(file.writeMany([], options), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    await file.close();
  });
});

describe('readMany', () => {
  it('of nothing is nothing', async (t) => {
    const file = await open(temporaryFile(t));
    assert.deepEqual(await file.readMany([]), []);
    await file.close();
  });

  it('gives the bytes of each element in order, each in its buffer', async (t) => {
    const file = await open(temporaryFile(t, blocks(1000)));
    const order = Array.from({ length: 1000 }, (_, i) => (i * 7) % 1000);
    const list = order.map((block, i) => ({
      buffer: new Uint8Array(512),
      position: i % 2 ? block * 512 : BigInt(block * 512),
    }));
    assert.deepEqual(await file.readMany(list), new Array(1000).fill(512));
    for (const [i, block] of order.entries()) {
      assert.equal(Buffer.from(list[i].buffer.buffer).readUInt32LE(0), block);
    }
    await file.close();
  });

  it('gives less at the end of the file, and nothing behind it', async (t) => {
    const file = await open(temporaryFile(t, '12345'));
    const at = (position: number | bigint) => ({ buffer: Buffer.alloc(4), position });
    assert.deepEqual(
      await file.readMany([at(0), at(3), at(100), at(2n ** 62n), { ...at(0), buffer: Buffer.alloc(0) }]),
      [4, 2, 0, 0, 0],
    );
    await file.close();
  });

  it('at the current position reads in the order of the list', async (t) => {
    const file = await open(temporaryFile(t, 'abcdefghi'));
    const list = Array.from({ length: 3 }, () => ({ buffer: Buffer.alloc(3), position: -1 }));
    assert.deepEqual(await file.readMany(list), [3, 3, 3]);
    assert.deepEqual(
      list.map(({ buffer }) => buffer.toString()),
      ['abc', 'def', 'ghi'],
    );
    await file.close();
  });

  it('100,000 at once', async (t) => {
    const file = await open(temporaryFile(t, blocks(256)));
    const memory = new Uint8Array(100_000 * 4);
    const list = Array.from({ length: 100_000 }, (_, i) => ({
      buffer: memory.subarray(i * 4, i * 4 + 4),
      position: (i % 256) * 512,
    }));
    const results = await file.readMany(list);
    assert.ok(results.every((bytes) => bytes === 4));
    const numbers = new Uint32Array(memory.buffer);
    assert.ok(numbers.every((number, i) => number === i % 256));
    await file.close();
  });

  it('rejects with the first error, its index and all results, when all have completed', async (t) => {
    const file = await open(temporaryFile(t, '12345'), 'w');
    const list = [0, 1, 2].map((position) => ({ buffer: Buffer.alloc(1), position }));
    await assert.rejects(file.readMany(list), {
      code: 'EBADF',
      errno: -9,
      syscall: 'read',
      message: 'EBADF: bad file descriptor, read',
      index: 0,
      results: [-9, -9, -9],
    });
    await file.close();
  });

  it('takes back with its signal what has not completed, and says what has', { timeout: 5000 }, async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'read');
    fs.writeSync(pipe.write, 'abc');
    const list = Array.from({ length: 3 }, () => ({ buffer: Buffer.alloc(3), position: -1 }));
    const controller = new AbortController();
    const reading = file.readMany(list, { signal: controller.signal });
    await sleep(10);
    controller.abort();
    await assert.rejects(reading, (error: Any) => {
      assert.equal(error.name, 'AbortError');
      assert.equal(error.index, 1);
      assert.equal(error.results[0], 3);
      assert.ok(error.results[1] < 0 && error.results[2] < 0);
      return true;
    });
    await file.close();
  });
});

describe('writeMany', () => {
  for (const sync of [false, true]) {
    it(`writes all of it${sync ? ', durably' : ''}`, async (t) => {
      const path = temporaryFile(t);
      const file = await open(path, 'r+');
      const content = blocks(500);
      const list = Array.from({ length: 500 }, (_, i) => ({
        buffer: content.subarray(i * 512, (i + 1) * 512),
        position: BigInt(i * 512),
      }));
      assert.deepEqual(await file.writeMany(list.toReversed(), { sync }), new Array(500).fill(512));
      assert.deepEqual(fs.readFileSync(path), content);
      await file.close();
    });
  }

  it('of nothing is nothing, and with sync still a fdatasync', async (t) => {
    const file = await open(temporaryFile(t), 'r+');
    assert.deepEqual(await file.writeMany([]), []);
    const before = defaultRing().stats.submitted;
    assert.deepEqual(await file.writeMany([], { sync: true }), []);
    assert.equal(defaultRing().stats.submitted, before + 1);
    await file.close();
  });

  it('goes on after a short write until an element is complete', { timeout: 10_000 }, async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'write');
    const data = Buffer.alloc(500_000, 'abc');
    const writing = file.writeMany([{ buffer: data, position: -1 }]);
    assert.deepEqual(await drained(owned(t, pipe, 'read'), data.length), data);
    assert.deepEqual(await writing, [500_000]);
    await file.close();
  });

  it('appends in the order of the list, whatever the positions', async (t) => {
    for (const flags of ['a', 'a+']) {
      const path = temporaryFile(t, '>');
      const file = await open(path, flags);
      const letters = [...'abcdefghijklmnopqrstuvwxyz'];
      await file.writeMany(letters.map((letter) => ({ buffer: Buffer.from(letter), position: 0 })));
      assert.equal(fs.readFileSync(path, 'latin1'), `>${letters.join('')}`);
      await file.close();
    }
  });

  it('rejects with the error of fdatasync, and what was written', async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'write');
    await assert.rejects(file.writeMany([{ buffer: Buffer.from('x'), position: -1 }], { sync: true }), {
      code: 'EINVAL',
      syscall: 'fdatasync',
      results: [1],
    });
    await file.close();
  });

  it('does not sync when a write has failed', async () => {
    const file = await open('/dev/full', 'w');
    await assert.rejects(file.writeMany([{ buffer: Buffer.from('x'), position: 0 }], { sync: true }), {
      code: 'ENOSPC',
      syscall: 'write',
      index: 0,
      results: [-28],
    });
    await file.close();
  });
});
