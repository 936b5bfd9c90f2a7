// Callbacks whose results come together run together, in one turn of the event loop, and each is by itself all the same.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { defaultRing } from 'linux-aio';
import fs from 'linux-aio/fs';
import { coreOf } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { opened, temporaryFile } from '../support/temp.js';

const CALLS = 32;

function read(fd: number, done: (error: Error | null) => void): void {
  fs.read(fd, Buffer.alloc(64), 0, 64, 0, done);
}

/** A request of the ring: only into bytes is the page cache read inside the call. */
function request(fd: number, done: (error: Error | null) => void): void {
  fs.read(fd, new Uint16Array(32), 0, 64, 0, done);
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
      for (let i = 0; i < CALLS; i++) {
        read(fd, () => {
          events.push(`callback ${i}`);
          process.nextTick(() => events.push(`tick ${i}`));
          void Promise.resolve().then(() => {
            events.push(`promise ${i}`);
            if (i === CALLS - 1) resolve();
          });
        });
      }
    });
    const expected = Array.from({ length: CALLS }, (_, i) => [`callback ${i}`, `tick ${i}`, `promise ${i}`]);
    assert.deepEqual(events, expected.flat());
  });

  it('hand what they request to the kernel together', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    const { stats } = defaultRing();
    const calls = stats.systemCalls;
    const rounds = 20;
    await Promise.all(
      Array.from({ length: CALLS }, () => {
        return new Promise<void>((resolve) => {
          let left = rounds;
          const next = () => (left-- > 0 ? request(fd, next) : resolve());
          next();
        });
      }),
    );
    // One enter for each would be 640; two for each round are what is needed, and some more where others keep this thread
    // waiting: nothing is held back for long.
    const made = defaultRing().stats.systemCalls - calls;
    assert.ok(made < (rounds * CALLS) / 2, `${made} system calls for ${rounds * CALLS} requests`);
  });

  it('that take long do not hold back the requests of those before', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    /** Requests that nobody has been told of yet. */
    const heldBack = () =>
      coreOf(defaultRing()).ports.all.reduce((sum, { queues }) => sum + queues.prepared, 0);
    await new Promise<void>((resolve) => {
      let left = 0;
      const end = () => --left === 0 && resolve();
      const slow = (i: number) => {
        assert.equal(heldBack(), 0, `before callback ${i}`);
        left += 1;
        request(fd, end);
        const until = performance.now() + 2;
        while (performance.now() < until);
      };
      for (let i = 0; i < 8; i++) request(fd, () => slow(i));
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

  it('that throw cost no other its result when they come with a wake-up of the event loop', async () => {
    const { stdout, stderr } = await runProgram(`
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const events = [];
      process.on('uncaughtException', (error) => events.push(error.message));
      let left = 32;
      for (let i = 0; i < 32; i++) ours.fsync(fd, () => {
        events.push('result ' + i);
        if (i % 4 === 0) process.nextTick(() => { throw new Error('tick ' + i); });
        if (--left === 0) setImmediate(() => console.log(JSON.stringify(events)));
        if (i % 4 === 2) throw new Error('callback ' + i);
      });
      await null; // all have been handed over, and none is over yet
      const until = performance.now() + 50; // all are, when the event loop gets to them
      while (performance.now() < until);
    `);
    assert.equal(stderr, '');
    const events: string[] = JSON.parse(stdout);
    for (let i = 0; i < 32; i++) {
      const at = events.indexOf(`result ${i}`);
      assert.notEqual(at, -1, `result ${i}`);
      if (i % 4 === 2) assert.equal(events[at + 1], `callback ${i}`);
      if (i % 4 === 0) assert.equal(events[at + 1], `tick ${i}`);
    }
    assert.equal(events.length, 32 + 16);
  });

  it('that come alone with a wake-up, one after the other, are as they are together', async () => {
    const { stdout, stderr } = await runProgram(`
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const events = [];
      process.on('uncaughtException', (error) => {
        events.push(error.message);
        next();
      });
      let i = 0;
      const next = () => ours.fsync(fd, () => {
        events.push('result ' + ++i);
        if (i === 12) return console.log(JSON.stringify(events));
        if (i % 3 === 0) process.nextTick(() => { throw new Error('tick ' + i); });
        if (i % 3 === 1) throw new Error('callback ' + i);
        if (i % 3 === 2) next();
      });
      next();
    `);
    assert.equal(stderr, '');
    assert.deepEqual(
      JSON.parse(stdout),
      [1, 4, 7, 10].flatMap((i) => {
        const [first, second, third] = [i, i + 1, i + 2].map((each) => `result ${each}`);
        return [first, `callback ${i}`, second, third, ...(i < 10 ? [`tick ${i + 2}`] : [])];
      }),
    );
  });

  it('are by themselves as well where process._tickCallback is not there', async () => {
    const { stdout, stderr } = await runProgram(`
      process._tickCallback = undefined;
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const events = [];
      process.on('uncaughtException', (error) => events.push(error.message));
      for (let i = 0; i < 4; i++) ours.read(fd, Buffer.alloc(8), 0, 8, 0, () => {
        events.push('callback ' + i);
        if (i === 3) setTimeout(() => console.log(JSON.stringify(events)));
        if (i === 1) throw new Error('error ' + i);
        process.nextTick(() => events.push('tick ' + i));
      });
    `);
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [
      ...['callback 0', 'tick 0', 'callback 1', 'error 1'],
      ...['callback 2', 'tick 2', 'callback 3', 'tick 3'],
    ]);
  });

  it('run though one of them has closed the ring', async () => {
    const { stdout, stderr } = await runProgram(`
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const results = [];
      // Not a view of bytes: those are read inside the call, without the ring.
      for (let i = 0; i < 4; i++) ours.read(fd, new Uint16Array(4), 0, 8, 0, (error, bytes) => {
        results.push(bytes);
        if (i === 0) defaultRing()[Symbol.dispose]();
        const until = performance.now() + 1; // so long that requests are handed over in between
        while (performance.now() < until);
        if (i === 3) console.log(JSON.stringify(results));
      });
    `);
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [8, 8, 8, 8]);
  });

  it('are told to async_hooks, also that they are over', async () => {
    const { stdout, stderr } = await runProgram(`
      import { createHook } from 'node:async_hooks';
      const { default: ours } = await import('linux-aio/fs');
      const fd = fs.openSync(process.execPath);
      const ids = new Set();
      let destroyed = 0;
      createHook({
        init: (id, type) => type === 'FSREQCALLBACK' && ids.add(id),
        destroy: (id) => ids.has(id) && destroyed++,
      }).enable();
      for (let i = 0; i < 3; i++) ours.read(fd, Buffer.alloc(8), 0, 8, 0, () => {});
      process.on('exit', () => fs.writeSync(1, ids.size + ' ' + destroyed));
    `);
    assert.deepEqual([stdout, stderr], ['3 3', '']);
  });

  it('let timers and other immediates have their turn', async (t) => {
    const fd = opened(t, temporaryFile(t, Buffer.alloc(64)));
    let isOver = false;
    const again = () => {
      if (!isOver) read(fd, again);
    };
    for (let i = 0; i < CALLS; i++) again();
    for (let i = 0; i < 100; i++) await turn();
    isOver = true;
  });
});
