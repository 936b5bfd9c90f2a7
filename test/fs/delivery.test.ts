// Callbacks whose results come together run together, in one turn of the event loop, and each is by itself all the same.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import fs from 'linux-aio/fs';
import { runProgram } from '../support/program.js';
import { opened, temporaryFile } from '../support/temp.js';

const READS = 32;

function read(fd: number, done: (error: Error | null) => void): void {
  fs.read(fd, Buffer.alloc(64), 0, 64, 0, done);
}

describe('callbacks', () => {
  it('never run inside the call', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    for (const call of [
      (done: () => void) => read(fd, done),
      (done: () => void) => fs.fstat(fd, done),
      (done: () => void) => fs.stat('/', done),
    ]) {
      await new Promise<void>((resolve) => {
        let isInside = true;
        call(() => {
          assert.equal(isInside, false);
          resolve();
        });
        isInside = false;
      });
    }
  });

  it('see what nextTick and promises of the callback before have done', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    const events: string[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < READS; i++) {
        read(fd, () => {
          events.push(`callback ${i}`);
          process.nextTick(() => events.push(`tick ${i}`));
          void Promise.resolve().then(() => {
            events.push(`promise ${i}`);
            if (i === READS - 1) resolve();
          });
        });
      }
    });
    const expected = Array.from({ length: READS }, (_, i) => [`callback ${i}`, `tick ${i}`, `promise ${i}`]);
    assert.deepEqual(events, expected.flat());
  });

  it('hand what they request to the kernel together', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    const { stats } = defaultRing();
    const calls = stats.systemCalls;
    const rounds = 20;
    await Promise.all(
      Array.from({ length: READS }, () => {
        return new Promise<void>((resolve) => {
          let left = rounds;
          const next = () => (left-- > 0 ? read(fd, next) : resolve());
          next();
        });
      }),
    );
    // One enter for each would be 640; two for each round are what is needed.
    const made = defaultRing().stats.systemCalls - calls;
    assert.ok(made < (rounds * READS) / 4, `${made} system calls for ${rounds * READS} reads`);
  });

  it('that take long do not hold back the requests of those before', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    const before = defaultRing().stats.submitted;
    await new Promise<void>((resolve) => {
      let submitted = 0;
      let left = 0;
      const end = () => --left === 0 && resolve();
      const slow = (i: number) => {
        if (i >= 4) submitted ||= defaultRing().stats.submitted;
        left += 1;
        read(fd, end);
        const until = performance.now() + 2;
        while (performance.now() < until);
        if (i !== 7) return;
        // Requests of the first callbacks are in the kernel before the last callback has run.
        assert.ok(submitted > before + 8, `${submitted - before} submitted`);
      };
      for (let i = 0; i < 8; i++) read(fd, () => slow(i));
    });
  });

  it('that throw cost no other its result, and are uncaught exceptions', async () => {
    const { stdout, stderr } = await runProgram(`
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const events = [];
      process.on('uncaughtException', (error) => events.push(error.message));
      let left = 8;
      for (let i = 0; i < 8; i++) ours.read(fd, Buffer.alloc(8), 0, 8, 0, (error, bytes) => {
        events.push(bytes);
        if (i === 2 || i === 5) process.nextTick(() => { throw new Error('tick ' + i); });
        if (--left === 0) setImmediate(() => console.log(JSON.stringify(events)));
        if (i % 3 === 0) throw new Error('callback ' + i);
      });
    `);
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [
      ...[8, 'callback 0', 8, 8, 'tick 2'],
      ...[8, 'callback 3', 8, 8, 'tick 5'],
      ...[8, 'callback 6', 8],
    ]);
  });

  it('let timers and other immediates have their turn', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    let isOver = false;
    const again = () => {
      if (!isOver) read(fd, again);
    };
    for (let i = 0; i < READS; i++) again();
    for (let i = 0; i < 100; i++) await turn();
    isOver = true;
  });
});
