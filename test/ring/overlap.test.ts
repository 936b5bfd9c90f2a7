// Overlap (rule 4): the first request of a turn is with the kernel before the turn goes on; the rest go together.
// Guards the lone enter of a turn's first request in RingCore.request, and that it is the only one.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { nextTurn, openRing, result } from '../support/ring.js';
import { drained, openObservedPipes } from '../support/temp.js';

describe('the first request of a turn', () => {
  test('is with the kernel when the call returns', async (t) => {
    const ring = openRing(t);
    const [pipe] = openObservedPipes(t, 1);
    for (let turn = 0; turn < 5; turn++) {
      const written = result((done) => ring.write(pipe.write, Buffer.from('now'), -1, done));
      assert.equal(drained(pipe), 'now', `turn ${turn}`); // nothing has been awaited
      assert.equal(await written, 3);
      await nextTurn();
    }
  });

  test('may be made in a microtask, a timer or an immediate', async (t) => {
    const ring = openRing(t);
    const [pipe] = openObservedPipes(t, 1);
    const turns: ((run: () => void) => void)[] = [queueMicrotask, setImmediate, (run) => setTimeout(run, 1)];
    for (const turn of [...turns, process.nextTick]) {
      await new Promise<void>((resolve) => {
        turn(() => {
          ring.write(pipe.write, Buffer.from('x'), -1, () => resolve());
          assert.equal(drained(pipe), 'x');
        });
      });
      await nextTurn();
    }
  });
});

describe('the other requests of a turn', () => {
  test('go to the kernel together, in one system call', async (t) => {
    const ring = openRing(t);
    await result((done) => ring.nop(done));
    const before = ring.stats;
    const results = Array.from({ length: 100 }, () => result((done) => ring.nop(done)));
    assert.equal(ring.stats.systemCalls - before.systemCalls, 1, 'the first one alone');
    await Promise.all(results);
    assert.equal(ring.stats.systemCalls - before.systemCalls, 2, 'the first one, then the 99 others');
    assert.equal(ring.stats.submitted - before.submitted, 100);
    assert.equal(ring.stats.completed - before.completed, 100);
  });

  test('go to the kernel at the end of the turn, not later', async (t) => {
    const ring = openRing(t);
    const pipes = openObservedPipes(t, 2);
    for (const pipe of pipes) ring.write(pipe.write, Buffer.from('x'), -1, () => {});
    assert.equal(drained(pipes[1]), '');
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(drained(pipes[1]), 'x');
  });

  test('go to the kernel when flush is called, and flush says how many', async (t) => {
    const ring = openRing(t);
    const pipes = openObservedPipes(t, 5);
    const results = pipes.map((pipe) => result((done) => ring.write(pipe.write, Buffer.from('x'), -1, done)));
    const before = ring.stats.systemCalls;
    assert.equal(ring.flush(), 4);
    assert.equal(ring.stats.systemCalls - before, 1);
    for (const pipe of pipes) assert.equal(drained(pipe), 'x');
    assert.equal(ring.flush(), 0);
    assert.equal(ring.stats.systemCalls - before, 1, 'a flush of nothing costs nothing');
    assert.deepEqual(await Promise.all(results), [1, 1, 1, 1, 1]);
  });

  test('of a callback go to the kernel together when the callbacks have run', async (t) => {
    const ring = openRing(t);
    const results = await new Promise<Promise<number>[]>((resolve) => {
      ring.nop(() => {
        const before = ring.stats.systemCalls;
        const made = Array.from({ length: 50 }, () => result((done) => ring.nop(done)));
        void Promise.all(made).then(() => {
          assert.equal(ring.stats.systemCalls - before, 1);
          resolve(made);
        });
      });
    });
    assert.equal(results.length, 50);
  });
});

test('a request that completes at once costs one system call', async (t) => {
  const ring = openRing(t);
  await result((done) => ring.nop(done));
  const before = ring.stats.systemCalls;
  for (let i = 0; i < 100; i++) assert.equal(await result((done) => ring.nop(done)), 0);
  const calls = ring.stats.systemCalls - before;
  assert.equal(calls, 100);
});
