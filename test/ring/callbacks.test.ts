// Callbacks may throw and may do anything to the ring.
// Guards RingCore.#deliverOne and the re-entrancy of RingCore.deliver.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { Ring } from 'linux-aio';
import { runProgram } from '../support/program.js';
import { errno, openRing, result } from '../support/ring.js';
import { openPipe } from '../support/temp.js';

describe('a callback that throws', () => {
  test('ends the process like any other uncaught exception', async () => {
    const { code, stderr } = await runProgram(
      `Ring.open().nop(() => { throw new Error('thrown in a callback'); }); setTimeout(() => {}, 60_000);`,
    );
    assert.equal(code, 1);
    assert.match(stderr, /Error: thrown in a callback/);
  });

  test('costs no other request its result', async () => {
    for (const wait of ['', 'ring.wait(100);']) {
      const { code, stdout, stderr } = await runProgram(`
        const ring = Ring.open();
        let thrown = 0, delivered = 0;
        process.on('uncaughtException', (error) => { if (error === 'oops') thrown++; else console.log(error); });
        for (let i = 0; i < 100; i++) {
          ring.nop(() => { delivered++; if (i % 3 === 0) throw 'oops'; });
          ring.timeout(i % 10, () => { delivered++; if (i % 5 === 0) throw 'oops'; });
        }
        ${wait}
        setTimeout(async () => { await ring.close(); console.log(delivered, thrown, ring.inFlight); }, 100);`);
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '200 54 0\n', stderr: '' });
    }
  });

  test('does not stop wait, close or dispose', async () => {
    const { code, stdout, stderr } = await runProgram(`
      let thrown = 0;
      process.on('uncaughtException', () => thrown++);
      const fail = () => { throw new Error(); };
      for (const end of ['close', 'dispose']) {
        const ring = Ring.open();
        for (let i = 0; i < 10; i++) { ring.timeout(60_000, fail); ring.nop(fail); }
        if (end === 'close') await ring.close(); else ring[Symbol.dispose]();
      }
      // Node runs the next tick's callback in the next turn when the one before has thrown.
      setTimeout(() => console.log(thrown), 300);`);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '40\n', stderr: '' });
  });
});

describe('a callback', () => {
  test('never runs inside the call that made the request', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    let inside = false;
    const outside = () => assert.equal(inside, false);
    const results: Promise<number>[] = [];
    for (let i = 0; i < 1000; i++) {
      inside = true;
      results.push(
        result((done) =>
          ring.nop((value) => {
            outside();
            done(value);
          }),
        ),
      );
      const id = ring.read(pipe.read, Buffer.alloc(1), -1, outside);
      ring.cancel(id, outside);
      inside = false;
    }
    await Promise.all(results);
  });

  test('never runs inside another, even where that turns the microtask queue itself', async (t) => {
    // As packages do that make asynchronous calls synchronous; the end of the ring's turn is one of the microtasks.
    const ring = openRing(t);
    const turnMicrotasks = (process as unknown as { _tickCallback(): void })._tickCallback;
    const events: string[] = [];
    await new Promise((resolve) => {
      setImmediate(() => {
        ring.nop(() => {
          void Promise.resolve().then(() => events.push('microtask'));
          turnMicrotasks();
          events.push('first');
        });
        ring.nop(() => events.push('second'));
        resolve(ring.wait(2));
      });
    });
    assert.deepEqual(events, ['microtask', 'first', 'second']);
  });

  test('may make requests, a hundred thousand deep, without growing the stack', async (t) => {
    const ring = openRing(t);
    let depth = 0;
    await new Promise<void>((resolve) => {
      const next = () => {
        if (++depth < 100_000) ring.nop(next);
        else resolve();
      };
      ring.nop(next);
    });
    assert.equal(depth, 100_000);
  });

  test('may make more requests than there is room for', async (t) => {
    const ring = openRing(t, { entries: 8 });
    let delivered = 0;
    await new Promise<void>((resolve) => {
      ring.nop(() => {
        for (let i = 0; i < 5000; i++) {
          ring.nop(() => {
            if (++delivered === 5000) resolve();
          });
        }
      });
    });
    assert.equal(ring.inFlight, 0);
  });

  test('may cancel another request', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    let id = 0;
    const read = result((done) => {
      id = ring.read(pipe.read, Buffer.alloc(1), -1, done);
    });
    await result((done) => ring.nop(() => ring.cancel(id, done)));
    assert.equal(await read, errno.ECANCELED);
  });

  test('may close the ring', async (t) => {
    const ring = Ring.open();
    const pipe = openPipe(t);
    const others = [
      result((done) => ring.read(pipe.read, Buffer.alloc(1), -1, done)),
      result((done) => ring.timeout(60_000, done)),
    ];
    await new Promise<void>((resolve, reject) => {
      ring.nop(() => ring.close().then(resolve, reject));
    });
    assert.deepEqual(await Promise.all(others), [errno.ECANCELED, errno.ECANCELED]);
    assert.ok(ring.closed);
  });

  test('may close the ring as the last one on it', async () => {
    const ring = Ring.open();
    await new Promise<void>((resolve, reject) => {
      ring.timeout(1, () => ring.close().then(resolve, reject));
    });
    assert.ok(ring.closed);
  });

  test('may dispose of the ring', async (t) => {
    for (const request of ['nop', 'timeout'] as const) {
      const ring = Ring.open();
      const pipe = openPipe(t);
      const results: number[] = [];
      for (let i = 0; i < 10; i++) ring.read(pipe.read, Buffer.alloc(1), -1, (value) => results.push(value));
      await new Promise<void>((resolve) => {
        const dispose = () => {
          ring[Symbol.dispose]();
          resolve();
        };
        if (request === 'nop') ring.nop(dispose);
        else ring.timeout(1, dispose);
        ring.nop((value) => results.push(value));
      });
      assert.deepEqual(results.sort(), [...new Array(10).fill(errno.ECANCELED), 0].sort());
      assert.ok(ring.closed);
    }
  });

  test('may dispose of the ring inside wait', (t) => {
    const ring = Ring.open();
    const pipe = openPipe(t);
    let value = 0;
    ring.read(pipe.read, Buffer.alloc(1), -1, (result) => {
      value = result;
    });
    ring.nop(() => ring[Symbol.dispose]());
    assert.ok(ring.wait(2) >= 1);
    assert.equal(value, errno.ECANCELED);
    assert.ok(ring.closed);
  });

  test('may use another ring, and wait on it', async (t) => {
    const [ring, other] = [openRing(t), openRing(t)];
    const pipe = openPipe(t);
    const buffer = Buffer.alloc(3);
    await result((done) =>
      ring.nop((value) => {
        other.write(pipe.write, Buffer.from('abc'), -1, () => {});
        other.read(pipe.read, buffer, -1, () => {});
        assert.equal(other.wait(2), 2);
        done(value);
      }),
    );
    assert.equal(buffer.toString(), 'abc');
    assert.equal(fs.fstatSync(pipe.read).isFIFO(), true);
  });
});
