// Every kind of memory that JavaScript can name.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { addressOf, coreOf, ioUring, native, startTransfer } from '../support/internals.js';
import { openRing, result } from '../support/ring.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';

// The library of ECMAScript alone does not declare it.
declare const WebAssembly: {
  Memory: new (descriptor: {
    initial: number;
    maximum: number;
  }) => { buffer: ArrayBuffer; grow(pages: number): number };
};

const TEXT = 'the quick brown fox jumps over the lazy dog';

describe('a read into', () => {
  test('a small array that lies in V8’s heap survives that the heap is compacted', async (t) => {
    // Up to 64 bytes a typed array has no memory of its own until somebody asks for its buffer.
    const ring = openRing(t);
    const pipe = openPipe(t);
    const views = Array.from({ length: 500 }, () => new Uint8Array(8));
    const reads = views.map((view) => result((done) => ring.read(pipe.read, view, -1, done)));
    for (let i = 0; i < 3; i++) global.gc!();
    for (let i = 0; i < views.length; i++) fs.writeSync(pipe.write, String(i).padStart(8));
    assert.deepEqual(new Set(await Promise.all(reads)), new Set([8]));
    for (const [i, view] of views.entries())
      assert.equal(Buffer.from(view).toString(), String(i).padStart(8));
  });

  test('a slice of Node’s pool touches nothing else in the pool', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, TEXT));
    const parts = Array.from({ length: 50 }, () => Buffer.allocUnsafe(20).fill('-'));
    await Promise.all(
      parts.filter((_, i) => i % 2).map((part) => result((done) => ring.read(fd, part, 4, done))),
    );
    for (const [i, part] of parts.entries()) {
      assert.equal(part.toString(), i % 2 ? TEXT.slice(4, 24) : '-'.repeat(20));
    }
  });

  test('shared memory', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, TEXT));
    const view = new Uint8Array(new SharedArrayBuffer(64), 8, 20);
    assert.equal(await result((done) => ring.read(fd, view, 0, done)), 20);
    assert.equal(Buffer.from(view.slice()).toString(), TEXT.slice(0, 20));
  });

  test('shared memory that nobody refers to any more', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const before = native().pinCount();
    const reads = Array.from({ length: 20 }, () =>
      result((done) => ring.read(pipe.read, new Uint8Array(new SharedArrayBuffer(4096)), -1, done)),
    );
    global.gc!();
    assert.ok(native().pinCount() - before >= 20);
    for (let i = 0; i < 20; i++) {
      fs.writeSync(pipe.write, 'x');
      assert.equal(await reads[i], 1);
    }
  });

  test('WebAssembly memory, which grows meanwhile', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 100 });
    const view = new Uint8Array(memory.buffer, 1000, 50);
    const read = result((done) => ring.read(pipe.read, view, -1, done));
    memory.grow(10);
    assert.equal(view.byteLength, 0, 'the old buffer is detached');
    fs.writeSync(pipe.write, TEXT);
    assert.equal(await read, TEXT.length);
    // The memory grows in place, so the data is where the program looks for it.
    assert.equal(Buffer.from(memory.buffer, 1000, TEXT.length).toString(), TEXT);
    const grown = new Uint8Array(memory.buffer, 10 * 65536, 50);
    const again = result((done) => ring.read(pipe.read, grown, -1, done));
    fs.writeSync(pipe.write, TEXT);
    assert.equal(await again, TEXT.length);
    assert.equal(Buffer.from(memory.buffer, 10 * 65536, TEXT.length).toString(), TEXT);
  });

  test('a resizable buffer that shrinks meanwhile writes nothing outside it', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    type Resizable = ArrayBuffer & { resize(size: number): void };
    const Constructor = ArrayBuffer as unknown as new (
      size: number,
      options: { maxByteLength: number },
    ) => Resizable;
    for (const size of [0, 100, 5000]) {
      const buffer = new Constructor(64 * 1024, { maxByteLength: 128 * 1024 });
      const read = result((done) => ring.read(pipe.read, new Uint8Array(buffer), -1, done));
      buffer.resize(size);
      fs.writeSync(pipe.write, Buffer.alloc(20_000, 0x77));
      const bytes = await read;
      const EFAULT = -14;
      assert.ok(bytes === EFAULT || (bytes >= 0 && bytes <= 20_000), String(bytes));
      buffer.resize(64 * 1024);
      if (bytes < 20_000) fs.readSync(pipe.read, Buffer.alloc(20_000 - Math.max(bytes, 0)));
    }
  });

  test('a resizable buffer that grows meanwhile', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    type Resizable = ArrayBuffer & { resize(size: number): void };
    const Constructor = ArrayBuffer as unknown as new (
      size: number,
      options: { maxByteLength: number },
    ) => Resizable;
    const buffer = new Constructor(16, { maxByteLength: 1 << 20 });
    const view = new Uint8Array(buffer);
    const read = result((done) => ring.read(pipe.read, view, -1, done));
    buffer.resize(1 << 20);
    fs.writeSync(pipe.write, TEXT);
    assert.equal(await read, 16, 'the length is that of the call');
    assert.equal(Buffer.from(buffer, 0, 17).toString('latin1'), `${TEXT.slice(0, 16)}\0`);
  });

  test('nothing: empty views, of empty and of other buffers', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, TEXT));
    for (const view of [
      new Uint8Array(0),
      new Uint8Array(new ArrayBuffer(0)),
      new Uint8Array(new SharedArrayBuffer(0)),
      new Uint8Array(new ArrayBuffer(16), 16),
      Buffer.alloc(0),
      new DataView(new ArrayBuffer(8), 8, 0),
    ]) {
      assert.equal(await result((done) => ring.read(fd, view, 0, done)), 0);
    }
  });

  test('a view whose buffer was detached before reads nothing', async (t) => {
    const ring = openRing(t);
    const fd = opened(t, temporaryFile(t, TEXT));
    const unused = new Uint8Array(64);
    const used = new Uint8Array(64);
    assert.equal(await result((done) => ring.read(fd, used, 0, done)), TEXT.length);
    for (const view of [unused, used]) {
      const moved = new Uint8Array(structuredClone(view.buffer, { transfer: [view.buffer] }));
      moved.fill(0xee);
      assert.equal(await result((done) => ring.read(fd, view, 0, done)), 0);
      assert.ok(moved.every((byte) => byte === 0xee));
    }
  });
});

describe('the kernel gets the address and the size of the view itself', () => {
  // A wrong one is a write to any address of the process. The buffer around each view is the canary.
  const memory = () => new Uint8Array(256).fill(0xee);
  const LIES: readonly (readonly [string, (all: Uint8Array) => ArrayBufferView])[] = [
    [
      'byteLength is overridden on the object',
      (all) => Object.defineProperty(all.subarray(64, 80), 'byteLength', { value: 128 }),
    ],
    [
      'byteOffset is overridden on the object',
      (all) => Object.defineProperty(all.subarray(64, 80), 'byteOffset', { value: 128 }),
    ],
    [
      'byteLength is overridden by a subclass',
      (all) =>
        new (class extends Uint8Array {
          override get byteLength() {
            return 128;
          }
        })(all.buffer as ArrayBuffer, 64, 16),
    ],
  ];
  for (const [name, make] of LIES) {
    test(`also when ${name}`, async (t) => {
      const ring = openRing(t);
      const fd = opened(t, temporaryFile(t, 'x'.repeat(256)));
      const all = memory();
      let refused = false;
      try {
        const view = make(all);
        await result((done) => ring.read(fd, view, 0, done));
      } catch {
        refused = true; // as good
      }
      for (const [i, byte] of all.entries()) {
        const inside: boolean = i >= 64 && i < 80 && !refused;
        assert.equal(byte, inside ? 0x78 : 0xee, `byte ${i}`);
      }
    });
  }
});

test('what is asked for beyond the memory of a view is refused, before the kernel hears of it', (t) => {
  const ring = openRing(t);
  const view = new Uint8Array(4096);
  const begin = (offset: number, length: number) =>
    startTransfer(coreOf(ring), ioUring.OP.READ, 0, view, offset, length, 0, 0, () => {});
  for (const [offset, length] of [
    [0, 4097],
    [4096, 1],
    [-1, 1],
    [0, -1],
    [0, Number.NaN],
  ]) {
    assert.throws(
      () => begin(offset, length),
      { code: 'ERR_OUT_OF_RANGE' },
      `${length} bytes from ${offset}`,
    );
    assert.throws(() => addressOf(view, offset, length), { code: 'ERR_OUT_OF_RANGE' });
  }
  assert.equal(ring.inFlight, 0);
});
