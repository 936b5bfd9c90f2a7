// The two reports, of made-up measurements.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Burst } from '#dist/cli/bench/burst.js';
import { toFioJson } from '#dist/cli/bench/fio-json.js';
import { Measurement, median } from '#dist/cli/bench/measurement.js';
import type { BenchEngine } from '#dist/cli/bench/plan.js';
import { planFrom } from '#dist/cli/bench/plan.js';
import type { Results } from '#dist/cli/bench/report.js';
import { renderReport } from '#dist/cli/bench/report.js';
import type { Painter } from '#dist/cli/terminal.js';

const plain: Painter = (_style, text) => text;

/** Three rounds of `count` transfers of 4 KiB, each `ms` long, in `seconds`; every second one a write if mixed. */
function measured(engine: BenchEngine, depth: number, count: number, ms: number, mixed = false): Measurement {
  const measurement = new Measurement(engine, depth);
  const burst = new Burst(count);
  burst.count = count;
  burst.transferred.fill(4096);
  burst.latencies.fill(ms);
  if (mixed) for (let i = 1; i < count; i += 2) burst.writes[i] = 1;
  for (let round = 0; round < 3; round++) {
    measurement.startRound();
    measurement.addBurst(burst, 1000, { user: 200_000, system: 300_000 });
    measurement.endRound();
  }
  return measurement;
}

function resultsOf(measurements: Measurement[], values: Record<string, string> = {}): Results {
  return {
    plan: planFrom(values),
    file: { path: 'data', size: 64 * 1024 ** 2, temporary: true, checked: true },
    environment: {
      kernel: '6.18.44',
      node: 'v22.0.0',
      arch: 'x64',
      cpu: 'A CPU with a rather long name @ 3.00GHz',
      cpus: 2,
      memoryBytes: 8 * 1024 ** 3,
      fileSystem: 'ext4',
    },
    measurements,
    refusals: [],
    blocksChecked: 12345,
    date: '2026-01-02T03:04:05.678Z',
  };
}

const PAIR = [measured('io_uring', 1, 24000, 0.004), measured('node', 1, 2000, 0.048)];

describe('renderReport', () => {
  it('fits into 80 columns, also with large figures and a mix of reads and writes', () => {
    const wide = [
      measured('io_uring', 100000, 200000, 123.456, true),
      measured('node', 100000, 20000, 59999, true),
    ];
    for (const results of [resultsOf(PAIR), resultsOf(wide, { rw: 'randrw' })]) {
      for (const line of renderReport(results, plain).split('\n')) assert.ok([...line].length <= 80, line);
    }
  });

  it('has a row per depth and engine, and the factor against node', () => {
    const lines = renderReport(resultsOf(PAIR), plain).split('\n');
    const row = (engine: string) =>
      lines
        .find((line) => line.includes(`  ${engine} `))
        ?.trim()
        .split(/\s+/);
    assert.deepEqual(row('io_uring'), [
      '1',
      'io_uring',
      '24.0k',
      '93.8',
      '4.00',
      '4.00',
      '4.00',
      '20.8',
      '–',
      '12.0',
    ]);
    assert.deepEqual(row('node')?.slice(0, 3), ['node', '2.00k', '7.81']);
    assert.equal(row('node')?.at(-1), '–');
  });

  it('has no factor where node was not measured', () => {
    const report = renderReport(resultsOf([PAIR[0]]), plain);
    assert.match(report, /io_uring .* –\n/);
  });

  it('separates reads and writes', () => {
    const report = renderReport(resultsOf([measured('node', 4, 100, 1, true)], { rw: 'rw' }), plain);
    assert.match(report, /node +read +50 /);
    assert.match(report, /\n +write +50 /);
    assert.match(report, /^rw \(50 % reads\)/);
  });

  it('says only why, where no engine could be measured', () => {
    const results = resultsOf([]);
    results.refusals = [{ engine: 'native', reason: 'EPERM: not allowed' }];
    const report = renderReport(results, plain);
    assert.equal(report, 'native was not measured: EPERM: not allowed (aio doctor says more)\n');
  });

  it('says what could not be measured, and what was not checked', () => {
    const results = resultsOf(PAIR);
    results.refusals = [{ engine: 'native', reason: 'EPERM: not allowed' }];
    results.file = { ...results.file, checked: false };
    const report = renderReport(results, plain);
    assert.match(report, /native was not measured: EPERM: not allowed/);
    assert.match(report, /Nothing was checked/);
    assert.doesNotMatch(report, /Every block/);
  });
});

describe('toFioJson', () => {
  it("has fio's shape", () => {
    const json = JSON.parse(JSON.stringify(toFioJson([resultsOf(PAIR, { name: 'mine' })], '1.2.3')));
    assert.equal(json['linux-aio version'], '1.2.3');
    assert.equal(json.timestamp, 1767323045);
    assert.equal(json.environment.kernel, '6.18.44');
    const [job] = json.jobs;
    assert.equal(job.jobname, 'mine-io_uring-1');
    assert.deepEqual(job['job options'], {
      filename: 'data',
      size: '67108864',
      rw: 'randread',
      rwmixread: '100',
      bs: '4096',
      iodepth: '1',
      ioengine: 'io_uring',
      direct: '0',
      runtime: '3',
    });
    assert.equal(job.read.iops, 24000);
    assert.equal(job.read.bw_bytes, 24000 * 4096);
    assert.equal(job.read.bw, 24000 * 4);
    assert.equal(job.read.io_kbytes, 72000 * 4);
    assert.equal(job.read.total_ios, 72000);
    assert.equal(job.read.io_bytes, 72000 * 4096);
    assert.equal(job.read.runtime, 3000);
    assert.ok(Math.abs(job.read.clat_ns.percentile['99.900000'] - 4000) < 10);
    assert.equal(job.write.iops, 0);
    assert.equal(job.usr_cpu, 20);
    assert.equal(job.sys_cpu, 30);
    assert.equal(job.factor_against_node, 12);
    assert.equal(job.loop_delay_ms_p99, null);
  });
});

describe('median', () => {
  it('ignores what is no number, and is NaN of nothing', () => {
    assert.ok(Number.isNaN(median([])));
    assert.equal(median([Number.NaN, 3, 1]), 2);
    assert.equal(median([5, 1, 3]), 3);
  });
});
