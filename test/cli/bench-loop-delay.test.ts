// The measurement of the event loop's delay. Only that it notices, and what it leaves out: never how fast.
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoopDelay } from '#dist/cli/bench/loop-delay.js';

/** Keeps the thread for `ms` milliseconds. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('LoopDelay', () => {
  it('is NaN before its first measurement', () => {
    assert.ok(Number.isNaN(new LoopDelay().percentile(99)));
  });

  it('notices that the loop was blocked', async () => {
    const delay = new LoopDelay();
    delay.start();
    block(60);
    await sleep(5);
    delay.stop();
    assert.ok(delay.percentile(100) >= 55, `${delay.percentile(100)} ms`);
  });

  it('leaves out what it is told to leave out', async () => {
    const delay = new LoopDelay();
    delay.start();
    const begin = performance.now();
    block(200);
    delay.exclude(performance.now() - begin);
    await sleep(1);
    delay.stop();
    assert.ok(delay.count > 0);
    assert.ok(delay.percentile(100) < 200, `${delay.percentile(100)} ms`);
  });

  it('measures nothing after stop', async () => {
    const delay = new LoopDelay();
    delay.start();
    await sleep(5);
    delay.stop();
    const { count } = delay;
    await sleep(5);
    assert.equal(delay.count, count);
  });
});
