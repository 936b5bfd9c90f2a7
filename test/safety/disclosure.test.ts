// What was in memory before is not shown: a result has the file's bytes and nothing else (SECURITY.md).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { open } from 'linux-aio';
import { readFile } from 'linux-aio/fs/promises';
import { collected } from '../support/lost-buffers.js';
import { openRing, result } from '../support/ring.js';
import { opened, temporaryFile } from '../support/temp.js';

const SECRET = 0xc5;

/** Memory of this size that is free again, and full of what nobody shall see. */
async function leaveSecrets(size: number): Promise<void> {
  for (let i = 0; i < 2000; i++) Buffer.allocUnsafeSlow(size).fill(SECRET);
  await collected();
}

describe('a short read changes no byte beyond its result', () => {
  for (const [file, size] of [
    [3, 4096],
    [5000, 70_000],
    [0, 512],
  ]) {
    test(`${file} bytes into ${size}`, async (t) => {
      const path = temporaryFile(t, Buffer.alloc(file, 1));
      const ring = openRing(t);
      const fd = opened(t, path);
      const own = new Uint8Array(size).fill(0x11);
      assert.equal(await result((done) => ring.read(fd, own, 0, done)), file);
      assert.ok(own.subarray(file).every((byte) => byte === 0x11));
      const halves = [new Uint8Array(size / 2).fill(0x11), new Uint8Array(size / 2).fill(0x11)];
      assert.equal(await result((done) => ring.readv(fd, halves, 0, done)), file);
      assert.ok(
        Buffer.concat(halves)
          .subarray(file)
          .every((byte) => byte === 0x11),
      );
    });
  }
});

test('a buffer that read() makes itself is zeroed', async (t) => {
  await leaveSecrets(16384);
  const file = await open(temporaryFile(t, 'short'));
  const { bytesRead, buffer } = await file.read();
  await file.close();
  assert.equal(bytesRead, 5);
  assert.ok(new Uint8Array(buffer.buffer).subarray(5).every((byte) => byte === 0));
});

// Its status says 4096 bytes, and it has a few dozen.
const LIAR = '/sys/kernel/mm/transparent_hugepage/enabled';
const skip = fs.existsSync(LIAR) ? false : `no ${LIAR} here`;

describe('a file that is shorter than its status says shows nothing behind its end', { skip }, () => {
  const ways = {
    'File.readFile': async () => {
      const file = await open(LIAR);
      const bytes = await file.readFile();
      await file.close();
      return bytes;
    },
    'readFile of the drop-in': () => readFile(LIAR),
  };
  for (const [name, read] of Object.entries(ways)) {
    test(name, async () => {
      await leaveSecrets(4096);
      for (let i = 0; i < 50; i++) {
        const bytes = await read();
        assert.ok(bytes.byteLength > 0 && bytes.byteLength < 4096);
        assert.ok(!new Uint8Array(bytes.buffer).includes(SECRET), 'old memory');
      }
    });
  }
});
