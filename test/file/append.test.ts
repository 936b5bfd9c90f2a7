// Order of writes to files opened to append, and to pipes: that of the calls.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { open } from 'linux-aio';
import { openPipe, temporaryFile } from '../support/temp.js';
import { drained, owned } from './compare.js';

const words = Array.from({ length: 500 }, (_, i) => `${i} `);

describe('writes that are not waited for', () => {
  for (const flags of ['a', 'a+', 'ax', 'as']) {
    it(`to a file opened with '${flags}' arrive in order, with any position`, async (t) => {
      const path = `${temporaryFile(t)}.new`;
      const file = await open(path, flags);
      await Promise.all(
        words.map((word, i) => {
          if (i % 4 === 0) return file.write(word);
          if (i % 4 === 1) return file.write(Buffer.from(word), 0, word.length, 0);
          if (i % 4 === 2) return file.writev([Buffer.from(word)], i);
          return file.write(Buffer.from(word));
        }),
      );
      assert.equal(fs.readFileSync(path, 'latin1'), words.join(''));
      await file.close();
    });
  }

  it('at the current position of an ordinary file arrive in order', async (t) => {
    const path = temporaryFile(t);
    const file = await open(path, 'w');
    await Promise.all(words.map((word) => file.write(Buffer.from(word))));
    assert.equal(fs.readFileSync(path, 'latin1'), words.join(''));
    await file.close();
  });

  it('to a pipe arrive in order', async (t) => {
    const pipe = openPipe(t);
    const file = owned(t, pipe, 'write');
    await Promise.all(words.map((word) => file.write(word)));
    const received = Buffer.alloc(10_000);
    assert.equal(received.toString('latin1', 0, fs.readSync(pipe.read, received)), words.join(''));
    await file.close();
  });
});

describe('a write of more than a pipe holds', () => {
  const data = Buffer.alloc(1_000_000, 'abcdefg');

  it('goes on until everything is written, as FileHandle’s does', { timeout: 10_000 }, async (t) => {
    const pipe = openPipe(t);
    const writer = owned(t, pipe, 'write');
    const writing = writer.write(data);
    assert.deepEqual(await drained(owned(t, pipe, 'read'), data.length), data);
    assert.equal((await writing).bytesWritten, data.length);
  });

  it('of several buffers too', { timeout: 10_000 }, async (t) => {
    const pipe = openPipe(t);
    const writer = owned(t, pipe, 'write');
    const writing = writer.writev([
      data.subarray(0, 99_999),
      data.subarray(99_999, 100_000),
      data.subarray(100_000),
    ]);
    assert.deepEqual(await drained(owned(t, pipe, 'read'), data.length), data);
    assert.equal((await writing).bytesWritten, data.length);
  });
});

describe('a file opened to append and to read', () => {
  it('is read from where it was left, whatever is appended meanwhile', async (t) => {
    const file = await open(temporaryFile(t, 'abcdef'), 'a+');
    assert.equal((await file.read(Buffer.alloc(3))).buffer.toString(), 'abc');
    await file.write(Buffer.from('ghi'), 0, 3, 0);
    assert.equal((await file.read(Buffer.alloc(9))).buffer.toString('latin1', 0, 6), 'defghi');
    await file.close();
  });
});

describe('a sync', () => {
  it('comes after the writes that were called before it', async (t) => {
    const path = temporaryFile(t);
    const file = await open(path, 'r+');
    const order: string[] = [];
    await Promise.all([
      file.write(Buffer.alloc(1_000_000), 0, 1_000_000, 0).then(() => order.push('write')),
      file.datasync().then(() => order.push('sync')),
    ]);
    assert.deepEqual(order, ['write', 'sync']);
    await file.close();
  });
});
