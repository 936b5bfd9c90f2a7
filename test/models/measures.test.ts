// What a recording says, on made-up ones.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { measuresOf } from '#dist/models/measures.js';
import type { Recording, Span } from '#dist/models/recording.js';

const span = (state: Span['state'], from: number, to: number): Span => ({
  state,
  call: state === 'computing' ? '' : 'read',
  block: 0,
  from,
  to,
  calls: 1,
});

function recording(changes: Partial<Recording>): Recording {
  return {
    reads: [{ asked: 0, ready: 10, taken: 10.5 }],
    spans: [],
    marks: [],
    wallMs: 20,
    disturbedMs: 0,
    cpuMs: 8,
    computeCpuMs: 5,
    eagain: 0,
    systemCalls: { thread: { read: 3, poll: 2 }, others: 1 },
    checksum: 1,
    ...changes,
  };
}

describe('measures', () => {
  test('overlap is the share of the computing during which a read was in progress', () => {
    const overlap = (...spans: Span[]) => measuresOf(recording({ spans })).overlapPercent;
    assert.equal(overlap(span('computing', 11, 19)), 0);
    assert.equal(overlap(span('computing', 1, 9)), 100);
    assert.equal(overlap(span('computing', 6, 14)), 50);
    assert.equal(overlap(span('computing', 0, 5), span('polling', 5, 10), span('computing', 10, 15)), 50);
  });

  test('a read whose end nobody knows is in progress until it is in hand, and has no latency', () => {
    const { overlapPercent, latencyUs } = measuresOf(
      recording({ reads: [{ asked: 0, ready: null, taken: 10 }], spans: [span('computing', 5, 15)] }),
    );
    assert.equal(overlapPercent, 50);
    assert.ok(Number.isNaN(latencyUs.median));
  });

  test('time in each state, CPU that was not computing, calls of all threads', () => {
    const measures = measuresOf(
      recording({
        spans: [span('blocked', 0, 4), span('blocked', 5, 6), span('idle', 6, 9)],
        disturbedMs: 5,
      }),
    );
    assert.equal(measures.blockedMs, 5);
    assert.equal(measures.idleMs, 3);
    assert.equal(measures.waitingCpuMs, 3);
    assert.equal(measures.systemCalls, 6);
    assert.equal(measures.systemCallsPerBlock, 6);
    assert.equal(measures.disturbedPercent, 25);
    assert.deepEqual(measures.latencyUs, { median: 500, max: 500 });
  });
});
