// Every figure of docs/reliability.md is a sum of what the torture wrote down.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { temporaryDirectory } from '../support/temp.js';
import { DOCUMENT, readTotals, withFigures } from './figures.js';
import { appendToLog, type Line, readLog, totalsOf } from './log.js';

const LINE: Line = {
  part: 'a/part',
  engine: 'threads',
  seed: 7,
  rounds: 2,
  seconds: 1.5,
  counts: { things: 3, 'max ms': 10 },
  commit: '0123456789',
  node: '20.0.0',
  kernel: '6.18',
  cpus: 2,
  date: '2026-01-02T03:04:05.000Z',
};

test('the tables of docs/reliability.md are those of docs/torture-totals.json', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  assert.equal(document, withFigures(document, readTotals()), 'run node build/test/torture/figures.js');
});

test('a log is summed up by part and engine, with the failures in it, and without what was not tried', (t) => {
  const log = join(temporaryDirectory(t), 'log');
  appendToLog(log, LINE);
  appendToLog(log, { ...LINE, seed: 9, counts: { things: 4, 'max ms': 9 } });
  appendToLog(log, { ...LINE, engine: 'native', failure: { seed: 8, error: 'wrong' } });
  appendToLog(log, { ...LINE, part: 'another', rounds: 0, skipped: 'no root' });
  const totals = totalsOf(readLog(log));
  assert.deepEqual(
    totals.map(({ engine, rounds, seconds, failures, counts }) => ({
      engine,
      rounds,
      seconds,
      failures,
      counts,
    })),
    [
      { engine: 'threads', rounds: 4, seconds: 3, failures: 0, counts: { things: 7, 'max ms': 10 } },
      { engine: 'native', rounds: 2, seconds: 1.5, failures: 1, counts: { things: 3, 'max ms': 10 } },
    ],
  );
  assert.deepEqual(
    totals[0].runs.map(({ seed, commit }) => ({ seed, commit })),
    [
      { seed: 7, commit: LINE.commit },
      { seed: 9, commit: LINE.commit },
    ],
  );
});
