// The event loop stays fair (rule 5): requests that complete at once must not keep timers and sockets waiting.
// Guards TurnBudget in src/ring/fairness.ts: without it the loops below never leave the microtask queue.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { coreOf, ioUring, PENDING, transfer } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { nextTurn, openRing } from '../support/ring.js';
import { opened, temporaryFile } from '../support/temp.js';

/** Runs `load` for 400 ms; it prints how often a timer of 1 ms fired and how often an immediate ran. */
const MEASURE = (load: string) => `
  fs.writeFileSync(process.argv[1], Buffer.alloc(4096));
  const fd = fs.openSync(process.argv[1]);
  const ring = Ring.open();
  const buffer = Buffer.alloc(4096);
  let reads = 0, timers = 0, immediates = 0, on = true;
  setInterval(() => timers++, 1).unref();
  (function again() { immediates++; if (on) setImmediate(again); })();
  const end = performance.now() + 400;
  const more = () => performance.now() < end;
  ${load}
  on = false;
  console.log(JSON.stringify({ reads, timers, immediates }));
  await ring.close();`;

const LOADS = {
  'a callback that reads again': `
    await new Promise((resolve) => {
      const next = () => { reads++; if (more()) ring.read(fd, buffer, 0, next); else resolve(); };
      next();
    });`,
  'a hundred callbacks that read again': `
    await Promise.all(Array.from({ length: 100 }, () => new Promise((resolve) => {
      const next = () => { reads++; if (more()) ring.read(fd, buffer, 0, next); else resolve(); };
      next();
    })));`,
  'an awaited loop': `
    while (more()) { await result((done) => ring.read(fd, buffer, 0, done)); reads++; }`,
  'a loop of requests that do nothing': `
    while (more()) { await result((done) => ring.nop(done)); reads++; }`,
};

describe('timers and immediates keep their turn under', () => {
  for (const [name, load] of Object.entries(LOADS)) {
    test(name, async (t) => {
      // A fair loop fires the timer some 200 times; a starved one not once. Ten is far from both.
      const outcome = await runProgram(MEASURE(load), { args: [temporaryFile(t)] });
      const { reads, timers, immediates } = JSON.parse(outcome.stdout || '{}');
      assert.equal(outcome.stderr, '');
      t.diagnostic(outcome.stdout.trim());
      assert.ok(timers >= 10, `the timer fired ${timers} times`);
      assert.ok(immediates >= 10, `the immediate ran ${immediates} times`);
      assert.ok(reads >= 1000, `only ${reads} requests`);
    });
  }
});

describe('a result is in hand at once', () => {
  test('for a while, and then the turn has had its share', async (t) => {
    const ring = openRing(t);
    const core = coreOf(ring);
    const fd = opened(t, temporaryFile(t, Buffer.alloc(4096, 7)));
    const view = Buffer.alloc(4096);
    const counts: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      await nextTurn();
      let atOnce = 0;
      while (transfer(core, ioUring.OP.READ, fd, view, 0, 4096, 0) !== PENDING) {
        assert.ok(++atOnce < 10_000_000, 'the turn never ended');
        await null; // as `await file.read()` does
      }
      const { pendingId } = core;
      assert.equal(await new Promise((resolve) => core.onDone(pendingId, resolve)), 4096);
      counts.push(atOnce);
    }
    t.diagnostic(`${counts} results at once in 20 turns`);
    assert.ok(Math.max(...counts) >= 10, 'results were not in hand at once');
    assert.equal(ring.inFlight, 0);
    assert.equal(
      ring.stats.completed,
      counts.reduce((sum, count) => sum + count, 20),
    );
  });
});
