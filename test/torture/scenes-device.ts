// Scenes on a device that fails, lies short, is slow or does not answer: all of them in faultfs.c.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import { errnoOf, type OpenFile } from './doors.js';
import { AT_ONCE, BLOCK, check, code, filled, type Scene, together } from './scene.js';

/** Only reads have a way to be cancelled through these doors. */
function hangingRequest(file: OpenFile, operation: string, i: number) {
  if (operation === 'read') return file.cancellableRead(new Uint8Array(BLOCK), i * BLOCK);
  const result = operation === 'write' ? file.write(filled(i), i * BLOCK) : file.sync();
  return { result, cancel: () => {} };
}

export const deviceScenes = {
  /** Every read fails. */
  async read({ own, door, path }: Scene) {
    const name = `read-${own.detail}`;
    fs.writeFileSync(join(own.backing!, name), filled(1, AT_ONCE * BLOCK));
    const file = await door(path(name), 'r');
    for (const n of await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK)))
      check(n, [code(own.detail!)], 'a read');
    await file.close();
  },

  /** Every write fails. */
  async write({ own, door, path }: Scene) {
    const file = await door(path(`write-${own.detail}`), 'w+');
    for (const n of await together((i) => file.write(filled(i), i * BLOCK)))
      check(n, [code(own.detail!)], 'a write');
    check(await file.sync(), [0], 'a sync');
    await file.close();
  },

  /** Writes succeed, syncs fail: nobody must be told that data is safe. */
  async fsync({ own, door, path }: Scene) {
    const file = await door(path(`fsync-${own.detail}`), 'w+');
    for (const n of await together((i) => file.write(filled(i), i * BLOCK))) check(n, [BLOCK], 'a write');
    for (const n of await together(() => file.sync())) check(n, [code(own.detail!)], 'a sync');
    await file.close();
  },

  /** Opening fails. */
  async open({ own, door, path }: Scene) {
    fs.writeFileSync(join(own.backing!, `open-${own.detail}`), '');
    for (const n of await together(() => door(path(`open-${own.detail}`), 'r').then(() => 0, errnoOf)))
      check(n, [code(own.detail!)], 'an open');
  },

  /** close(2) fails: whoever closes is told so, and the descriptor is gone all the same. */
  async close({ own, door, path }: Scene) {
    await together(async (i) => {
      const file = await door(path(`flush-${own.detail},${i}`), 'w+');
      check(await file.write(filled(i), 0), [BLOCK], 'a write');
      check(await file.close().then(() => 0, errnoOf), [code(own.detail!)], 'a close');
    });
  },

  /** Writes fail from some byte on; those before it are there. */
  async limit({ own, door, path }: Scene) {
    const limit = (AT_ONCE / 2) * BLOCK;
    const file = await door(path(`write-${own.detail}-${limit}`), 'w+');
    const results = await together((i) => file.write(filled(i), i * BLOCK));
    for (const [i, n] of results.entries())
      check(n, i < AT_ONCE / 2 ? [BLOCK] : [code(own.detail!)], `write ${i}`);
    check(await file.sync(), [0], 'a sync');
    const buffer = new Uint8Array(BLOCK);
    for (let i = 0; i < AT_ONCE / 2; i++) {
      check(await file.read(buffer, i * BLOCK), [BLOCK], `read ${i}`);
      assert.ok(buffer.every((byte) => byte === i));
    }
    await file.close();
  },

  /** Reads are short; what was not read is not touched: no byte of the buffer shows what was in memory before. */
  async shortRead({ own, door, path }: Scene) {
    const name = `read-short-${own.detail}`;
    const bytes = Number(own.detail);
    fs.writeFileSync(join(own.backing!, name), filled(1, AT_ONCE * BLOCK));
    const file = await door(path(name), 'r');
    await together(async (i) => {
      const buffer = filled(0xc5);
      check(await file.read(buffer, i * BLOCK), [bytes], 'a short read');
      assert.ok(buffer.subarray(0, bytes).every((byte) => byte === 1));
      assert.ok(
        buffer.subarray(bytes).every((byte) => byte === 0xc5),
        'bytes beyond the result were written',
      );
    });
    await file.close();
  },

  /** Writes are short, and say so, or are gone on with, as Node does it. What was not written is not in the file. */
  async shortWrite({ own, door, path }: Scene) {
    const name = `write-short-${own.detail}`;
    const bytes = Number.parseInt(own.detail!, 10);
    const goesOn = own.door !== 'ring' && own.door !== 'posix';
    const expected = goesOn ? BLOCK : bytes;
    // FUSE itself makes EIO of a short write that bypasses the page cache and is asynchronous (fuse_aio_complete): of the
    // first, or of one with which it is gone on.
    const isAsynchronous = defaultRing().engine === 'io_uring' && !name.endsWith('cached');
    const file = await door(path(name), 'w+');
    const results = await together((i) => file.write(filled(i + 1), i * BLOCK));
    for (const n of results) {
      const isPart = isAsynchronous && n >= bytes && n <= expected;
      check(isPart ? expected : n, isAsynchronous ? [expected, code('EIO')] : [expected], 'a short write');
    }
    await file.close();
    const content = fs.readFileSync(join(own.backing!, name));
    for (const [i, n] of results.entries()) {
      const block = content.subarray(i * BLOCK, (i + 1) * BLOCK);
      const end = block.lastIndexOf(i + 1) + 1;
      // What became EIO is in the file, too.
      assert.ok(isAsynchronous ? end >= n : end === n, `${n} bytes of write ${i}, but ${end} in the file`);
      assert.ok(block.subarray(0, end).every((byte) => byte === i + 1));
      assert.ok(block.subarray(end).every((byte) => byte === 0));
    }
  },

  /** A slow device: results take their time, in no order. */
  async slow({ own, door, path, healthy }: Scene) {
    const name = `read-jitter-${own.detail},write-jitter-${own.detail},fsync-delay-${own.detail}`;
    const file = await door(path(name), 'w+');
    const writes = together((i) => file.write(filled(i), i * BLOCK));
    await healthy.goesOn(3);
    for (const n of await writes) check(n, [BLOCK], 'a slow write');
    check(await file.sync(), [0], 'a slow sync');
    await together(async (i) => {
      const buffer = new Uint8Array(BLOCK);
      check(await file.read(buffer, i * BLOCK), [BLOCK], 'a slow read');
      assert.ok(
        buffer.every((byte) => byte === i),
        'another block’s data',
      );
    });
    await file.close();
  },

  /** Requests never come back, until the file system lets them: others go on, cancelling hurts nobody. */
  async hang({ own, door, path, healthy }: Scene) {
    const name = `${own.detail}-hang`;
    fs.writeFileSync(join(own.backing!, name), filled(1, 8 * BLOCK));
    const file = await door(path(name), 'r+');
    const requests = Array.from({ length: 6 }, (_, i) => hangingRequest(file, own.detail!, i));
    await healthy.goesOn(20);
    for (const { cancel } of requests.slice(0, 3)) cancel();
    await healthy.goesOn(20);
    fs.mkdirSync(path('release'));
    const expected = own.detail === 'fsync' ? 0 : BLOCK;
    for (const n of await Promise.all(requests.slice(0, 3).map(({ result }) => result)))
      check(n, [expected, code('ECANCELED'), code('EINTR')], 'one that was cancelled');
    for (const n of await Promise.all(requests.slice(3).map(({ result }) => result)))
      check(n, [expected], 'one that hung');
    await file.close();
  },

  /** Signals all the time: system calls are interrupted everywhere. */
  async signals({ own, door, path }: Scene) {
    const file = await door(path('read-jitter-4,write-jitter-4'), 'w+');
    let received = 0;
    process.on('SIGUSR2', () => received++);
    process.stdout.write('ready\n'); // from here on the parent sends them
    for (let round = 0; round < 5; round++) {
      for (const n of await together((i) => file.write(filled(i), i * BLOCK))) check(n, [BLOCK], 'a write');
      for (const n of await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK)))
        check(n, [BLOCK], 'a read');
      check(await file.sync(), [0], 'a sync');
    }
    for (let i = 0; received === 0 && i < 1000; i++) await sleep(1);
    assert.ok(received > 0, `no signal was received, so nothing is shown (${own.door})`);
    process.stdout.write('enough\n');
    await sleep(100); // a signal after the handlers are gone would end the process
    await file.close();
  },
};
