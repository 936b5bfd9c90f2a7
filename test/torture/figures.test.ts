// Every figure of docs/reliability.md is a sum of what the torture wrote down.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ENGINES } from '../support/engines.js';
import { temporaryDirectory } from '../support/temp.js';
import { faultTable } from './fault-table.js';
import { casesOf, FAULTS, type Fault, type FaultPart } from './faults-list.js';
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

test('every fault has been tried through every door on every engine', () => {
  const totals = readTotals();
  for (const part of Object.keys(FAULTS) as FaultPart[]) {
    const names = new Set<string>(FAULTS[part].map(({ name }) => name));
    for (const engine of ENGINES) {
      const cases = totals.find((total) => total.part === part && total.engine === engine)?.cases ?? {};
      for (const { fault, door } of casesOf(part)) {
        const tried = cases[fault.name]?.[door]?.tried ?? 0;
        assert.ok(tried >= 3, `${fault.name} through ${door} on ${engine}: ${tried} cases`);
      }
      for (const name of Object.keys(cases)) assert.ok(names.has(name), `${name} is not in faults-list.ts`);
    }
  }
});

test('no two faults have the same name', () => {
  const names = Object.values(FAULTS).flatMap((list: readonly Fault[]) => list.map(({ name }) => name));
  assert.equal(new Set(names).size, names.length);
});

test('the cases of a log are summed up by fault and door, and a failure stays one', (t) => {
  const log = join(temporaryDirectory(t), 'log');
  const cases = { 'EIO of reads': { ring: { tried: 2, failed: 0 }, posix: { tried: 1, failed: 1 } } };
  appendToLog(log, { ...LINE, cases });
  appendToLog(log, { ...LINE, cases: { 'EIO of reads': { ring: { tried: 1, failed: 1 } } } });
  appendToLog(log, LINE);
  const [total] = totalsOf(readLog(log));
  assert.deepEqual(total.cases, {
    'EIO of reads': { ring: { tried: 3, failed: 1 }, posix: { tried: 1, failed: 1 } },
  });
  assert.equal('cases' in totalsOf([LINE])[0], false);
});

test('the table of faults says how often, how often in vain, and why not', () => {
  const count = (tried: number, failed = 0) => ({ tried, failed });
  const cases = {
    'EIO of opens': { ring: count(5), callbacks: count(7, 1) },
    'EIO of reads': { posix: count(3) },
  };
  const totals = totalsOf([{ ...LINE, part: 'faults/failing', cases }]);
  const rows = faultTable(totals);
  const row = (name: string) => rows.find((line) => line.startsWith(`| ${name} `));
  const none = '0 · 0 · 0';
  assert.equal(
    row('EIO of opens'),
    `| EIO of opens | 0 · 0 · 5 | ${none} | –<sup>3</sup> | ${none} | 0 · 0 · 7 | 1 |`,
  );
  assert.equal(
    row('EIO of reads'),
    `| EIO of reads | ${none} | ${none} | 0 · 0 · 3 | ${none} | ${none} | 0 |`,
  );
  assert.ok(rows.includes(`| **all** | 0 · 0 · 5 | ${none} | 0 · 0 · 3 | ${none} | 0 · 0 · 7 | 1 |`));
  assert.ok(rows.some((line) => line.startsWith('<sup>3</sup> `<aio.h>`')));
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
