// doctor() on the machine that runs the tests, whatever that is.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { release } from 'node:os';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { doctor } from 'linux-aio';
import { reportToJson } from '#dist/doctor/doctor.js';

describe('doctor', () => {
  it('reports the kernel, every engine and the limits, and says why an engine is missing', async () => {
    const report = await doctor();
    assert.equal(report.kernel, release());
    assert.deepEqual(Object.keys(report.engines), ['io_uring', 'native', 'threads']);
    for (const engine of Object.values(report.engines)) {
      if (engine.available) assert.ok(engine.operations.includes('read'));
      else assert.notEqual(engine.reason ?? '', '');
    }
    for (const value of [report.limits.memlock, report.limits.openFiles, report.limits.aioNr]) {
      assert.equal(typeof value, 'number');
      assert.ok(!Number.isNaN(value));
    }
  });

  it('answers again and again, leaving no descriptor behind', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    await doctor();
    await sleep(50);
    const before = open();
    for (let i = 0; i < 5; i++) await doctor();
    // A closed ring's descriptors go a few turns of the event loop later.
    for (let tries = 0; open() > before && tries < 100; tries++) await sleep(20);
    assert.equal(open(), before);
  });

  it('becomes JSON in which an unlimited limit is the string "unlimited"', async () => {
    const report = await doctor();
    report.limits.memlock = Infinity;
    report.limits.ioUringDisabled = null;
    const parsed = JSON.parse(reportToJson(report));
    assert.equal(parsed.limits.memlock, 'unlimited');
    assert.equal(parsed.limits.ioUringDisabled, null);
    assert.deepEqual(parsed.engines, report.engines);
  });
});
