// The kernel owns a buffer until its completion has been read (rule 2): whatever JavaScript does to the buffer
// meanwhile, its memory stays allocated, and what the kernel writes lands there and nowhere else.
// Guards native/pin.c, src/ring/memory.ts and Slots.keep.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { memory, native } from '../support/internals.js';
import {
  COUNT,
  canaries,
  collected,
  HOLDS,
  readsInFlight,
  SIZES,
  survives,
} from '../support/lost-buffers.js';
import { openRing, result } from '../support/ring.js';
import { openPipes } from '../support/temp.js';
import { startWorker } from '../support/worker.js';

describe('a buffer under the kernel keeps its memory when', () => {
  for (const size of SIZES) {
    const each = (name: string, lose: (buffer: ArrayBuffer) => void) => {
      for (const hold of HOLDS) {
        test(`${name} (${size} bytes, ${hold})`, async (t) => {
          const ring = openRing(t);
          await survives(ring, openPipes(t, COUNT), size, lose, hold);
        });
      }
    };

    each('nobody refers to it any more', () => {});

    each('it is moved by structuredClone, and the new owner dies', (buffer) => {
      structuredClone(buffer, { transfer: [buffer] });
      assert.equal(buffer.byteLength, 0);
    });

    each('it is posted, and nobody receives it', (buffer) => {
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(buffer, [buffer]);
      assert.equal(buffer.byteLength, 0);
      port1.close();
      port2.close();
    });
  }

  test('it is posted to a worker thread that ends', async (t) => {
    const ring = openRing(t);
    const [size] = SIZES;
    const pipes = openPipes(t, COUNT);
    const moved: ArrayBuffer[] = [];
    await collected();
    const before = native().pinCount();
    const reads = readsInFlight(ring, pipes, size, (buffer) => moved.push(buffer));
    const worker = startWorker('post(data.length)', moved, moved);
    assert.equal(moved[0].byteLength, 0);
    moved.length = 0;
    await once(worker, 'exit');
    await collected();
    assert.ok(native().pinCount() - before >= COUNT);
    const watched = canaries(size);
    for (const pipe of pipes) fs.writeSync(pipe.write, Buffer.alloc(512, 0x77));
    assert.deepEqual(new Set(await Promise.all(reads)), new Set([512]));
    for (const canary of watched) assert.ok(canary.every((byte) => byte === 0xc5));
  });
});

/** All memory that this process has mapped. */
function mappedBytes(): number {
  const [, kib] = /^VmSize:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))!;
  return Number(kib) * 1024;
}

test('what the kernel writes into a buffer that was moved is seen by its new owner', async (t) => {
  const ring = openRing(t);
  const [pipe] = openPipes(t, 1);
  const view = new Uint8Array(100);
  const read = result((done) => ring.read(pipe.read, view, -1, done));
  const moved = structuredClone(view.buffer, { transfer: [view.buffer] });
  fs.writeSync(pipe.write, 'hello');
  assert.equal(await read, 5);
  assert.equal(Buffer.from(moved).toString('latin1', 0, 5), 'hello');
});

describe('memory is given back', () => {
  for (const hold of HOLDS) {
    test(`itself, not only its count (${hold})`, async (t) => {
      // Half a gigabyte of addresses, of which a page each is touched: what is not given back is still mapped.
      const ring = openRing(t);
      const bytes = 64 << 20;
      const count = 8;
      await collected();
      const before = mappedBytes();
      for (let i = 0; i < count; i++) {
        const buffer = new ArrayBuffer(bytes);
        if (hold === 'pinned') memory.memoryOf(buffer);
        await result((done) => ring.read(1_000_000, new Uint8Array(buffer), 0, done));
      }
      await collected();
      const left = mappedBytes() - before;
      assert.ok(left < (count * bytes) / 2, `${left >> 20} MiB are still mapped`);
    });
  }

  test('when requests are over and their buffers are collected', async (t) => {
    const ring = openRing(t);
    const [size] = SIZES;
    const round = async () => {
      await Promise.all(
        Array.from({ length: 200 }, () =>
          result((done) => ring.readv(1_000_000, [new Uint8Array(size)], 0, done)),
        ),
      );
      await collected();
    };
    await round(); // from now on the ring has the vectors that it keeps: iovec.ts
    const before = native().pinCount();
    for (let i = 0; i < 20; i++) await round();
    const left = native().pinCount() - before;
    assert.ok(left < 20, `${left} of 4000 buffers are still pinned`);
  });

  test('when the requests were cancelled, failed or closed with their ring', async (t) => {
    const [pipe] = openPipes(t, 1);
    await collected();
    const before = native().pinCount();
    for (let round = 0; round < 10; round++) {
      const ring = openRing(t);
      for (let i = 0; i < 50; i++) {
        const id = ring.read(pipe.read, new Uint8Array(256), -1, () => {});
        if (i % 2) ring.cancel(id, () => {});
        ring.write(1_000_000, new Uint8Array(256), 0, () => {});
      }
      await ring.close();
    }
    await collected();
    const left = native().pinCount() - before;
    assert.ok(left < 100, `${left} of 1000 buffers are still pinned`);
  });

  test('of a buffer that is used again and again, pinned once', async (t) => {
    const ring = openRing(t);
    const buffer = new Uint8Array(1000);
    const before = native().pinCount();
    for (let i = 0; i < 1000; i++) {
      await result((done) => ring.read(1_000_000, buffer.subarray(i % 10), 0, done));
    }
    assert.ok(native().pinCount() - before <= 1);
  });
});
