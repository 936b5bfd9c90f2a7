// The readable report of `aio doctor`, of made-up machines.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderDoctor } from '#dist/cli/doctor-command.js';
import { advise } from '#dist/doctor/advice.js';
import type { Changes } from '../doctor/facts-of.js';
import { factsWith, refusedWith } from '../doctor/facts-of.js';

function render(changes: Changes): string {
  const facts = factsWith(changes);
  return renderDoctor({ ...facts, advice: advise(facts) }, (_style, text) => text);
}

describe('renderDoctor', () => {
  it('fits into 80 columns, commands excepted', () => {
    const operations = Array.from({ length: 60 }, (_, i) => `operation${i}`);
    const report = render({
      io_uring: { available: true, operations },
      threads: refusedWith('EAGAIN', `EAGAIN: ${'a long reason '.repeat(20)}`),
      limits: { memlock: 65536, ioUringDisabled: 1, ioUringGroup: 985 },
      facts: { seccomp: 'filter', container: 'kubernetes' },
    });
    for (const line of report.split('\n')) assert.ok([...line].length <= 80, line);
  });

  it('shows every value, also when all is well', () => {
    const report = render({ limits: { aioNr: 17 } });
    assert.match(report, /kernel\.io_uring_disabled +0 +everybody/);
    assert.match(report, /fs\.aio-nr +17 +of 65536/);
    assert.match(report, /locked memory .* 8 MiB/);
    assert.match(report, /open files .* 20000 +20 open now/);
    assert.match(report, /Nothing stands in the way/);
    assert.match(report, /io_uring +works, chosen; 2 operations/);
  });

  it('lists operations once, unless an engine has others', () => {
    const operations = ['nop', 'read'];
    const alike = render({
      io_uring: { available: true, operations },
      native: { available: true, operations },
      threads: { available: true, operations },
    });
    assert.equal(alike.match(/ nop read\n/g)?.length, 1);
    assert.match(alike, /threads +works; the same 2 operations\n/);
    const other = render({ io_uring: { available: true, operations: ['nop'] } });
    assert.match(other, / nop\n.* nop read\n/s);
  });

  it('says unknown where a value is unknown, and never -1', () => {
    const report = render({
      limits: {
        aioNr: -1,
        aioMaxNr: -1,
        memlock: -1,
        openFiles: -1,
        openFilesUsed: -1,
        memoryCgroup: -1,
        ioUringDisabled: null,
        ioUringGroup: null,
      },
    });
    assert.doesNotMatch(report, /-1|NaN|null|undefined/);
    assert.match(report, /locked memory .* unknown/);
  });

  it('gives the command of an advice a line of its own', () => {
    const report = render({ io_uring: refusedWith('EPERM'), limits: { ioUringDisabled: 2 } });
    assert.match(report, /\n +sysctl -w kernel\.io_uring_disabled=0\n/);
    assert.match(report, /warn: +io_uring: disabled by/);
  });
});
