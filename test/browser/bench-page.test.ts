// The pages of `aio bench --html` and `aio bench compare --html` in a browser: what is drawn is what the JSON says.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { compareDocuments } from '#dist/cli/bench/compare.js';
import { renderComparePage } from '#dist/cli/bench/compare-page.js';
import { comparisonToJson, formatRatio } from '#dist/cli/bench/compare-report.js';
import type { BenchDocument } from '#dist/cli/bench/document.js';
import { renderBenchPage } from '#dist/cli/bench/page.js';
import { formatNumber, formatRate } from '#dist/cli/units.js';
import type { JobSpec } from '../support/bench-document.js';
import { documentOf } from '../support/bench-document.js';
import { temporaryDirectory } from '../support/temp.js';
import { dataOf, launchBrowser, NO_BROWSER, openPage } from './browser.js';

const ENGINES = ['io_uring', 'native', 'threads', 'node'];
const DEPTHS = [1, 32, 128];

/** Every engine at every depth, no two figures the same. */
const JOBS: JobSpec[] = DEPTHS.flatMap((depth, i) =>
  ENGINES.map((engine, k) => {
    const iops = 20_000 * (i + 1) * (ENGINES.length - k) ** 2;
    return {
      engine,
      depth,
      iops: [iops * 0.9, iops, iops * 1.05],
      us: depth * (k + 1) * 3,
      cpu: 2 + k * 3 + i,
    };
  }),
);
const DOCUMENT = documentOf(JOBS);

interface Place {
  label: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The points of a figure: what they say and where the middle of their marks is. */
function placesOf(figure: Locator): Promise<Place[]> {
  return figure.locator('.point').evaluateAll((points) =>
    points.map((point) => {
      const mark = point.querySelector('path:not(.whisker), rect');
      const { x, y, width, height } = mark!.getBoundingClientRect();
      const label = point.getAttribute('aria-label') ?? '';
      return { label, x: x + width / 2, y: y + height / 2, width, height };
    }),
  );
}

describe('the page of aio bench', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  async function open(
    t: TestContext,
    document: BenchDocument,
    options: BrowserContextOptions = {},
  ): Promise<Page> {
    const path = join(temporaryDirectory(t), 'bench.html');
    writeFileSync(path, renderBenchPage(document));
    return openPage(t, browser, path, options);
  }

  it('carries the JSON report', async (t) => {
    assert.deepEqual(await dataOf(await open(t, DOCUMENT)), DOCUMENT);
  });

  it('has a table with the numbers of the JSON, in all their digits', async (t) => {
    const page = await open(t, DOCUMENT);
    const rows = page.getByRole('table', { name: 'Reads' }).locator('tbody tr');
    assert.equal(await rows.count(), DOCUMENT.jobs.length);
    for (const [i, job] of DOCUMENT.jobs.entries()) {
      const { read } = job;
      const us = (key: string) => read.clat_ns.percentile[key] / 1000;
      const numbers = rows.nth(i).locator('data');
      const exact = await numbers.evaluateAll((all) => all.map((it) => Number(it.getAttribute('value'))));
      const expected = [
        read.iops,
        read.iops_min,
        read.iops_max,
        read.bw_bytes / 1024 ** 2,
        us('50.000000'),
        us('99.000000'),
        us('99.900000'),
        read.clat_ns.max / 1000,
        job.cpu_us_per_op,
        job.loop_delay_ms_p99,
      ];
      const times = job['job options'].ioengine === 'node' ? [] : [job.factor_against_node];
      assert.deepEqual(exact, [...expected, ...times]);
      assert.equal(await numbers.first().textContent(), formatRate(read.iops));
      assert.equal(await rows.nth(i).locator('th').textContent(), job['job options'].iodepth);
    }
  });

  it('draws IOPS by depth: a mark for each engine and depth, higher where there are more', async (t) => {
    const page = await open(t, DOCUMENT);
    const places = await placesOf(page.locator('#read-iops'));
    assert.equal(places.length, DOCUMENT.jobs.length);
    const marks = DOCUMENT.jobs.map((job) => {
      const { ioengine, iodepth } = job['job options'];
      const name = `${ioengine === 'node' ? 'node:fs/promises' : ioengine}, depth ${iodepth}\n`;
      const place = places.find(({ label }) => label.startsWith(name));
      assert.ok(place, name);
      assert.ok(place.label.includes(`${formatRate(job.read.iops)} reads per second`), place.label);
      return { depth: Number(iodepth), iops: job.read.iops, ...place };
    });
    // A linear axis: all lie on one line from IOPS to pixels.
    const [a, b] = [marks[0], marks[marks.length - 1]];
    for (const mark of marks) {
      const expected = a.y + ((mark.iops - a.iops) / (b.iops - a.iops)) * (b.y - a.y);
      assert.ok(Math.abs(mark.y - expected) < 1.5, `${mark.label}: ${mark.y}, not ${expected}`);
    }
    // A logarithmic one: 1, 32 and 128 are five and two doublings apart.
    const [x1, x32, x128] = DEPTHS.map((depth) => marks.find((mark) => mark.depth === depth)!.x);
    assert.ok(Math.abs((x32 - x1) / (x128 - x1) - 5 / 7) < 0.01);
  });

  it('draws latency by depth on logarithmic axes, the same in both panels', async (t) => {
    const page = await open(t, DOCUMENT);
    const find = (places: Place[], name: string) => places.find(({ label }) => label.startsWith(name))!;
    const p50 = await placesOf(page.locator('#read-p50'));
    const p99 = await placesOf(page.locator('#read-p99'));
    assert.equal(p50.length, DOCUMENT.jobs.length);
    assert.match(find(p50, 'io_uring, depth 32').label, /p50: 96\.0 µs$/);
    // p99 is four times p50 in this report, which is the same distance everywhere.
    const rise = (name: string) => find(p50, name).y - find(p99, name).y;
    assert.ok(rise('io_uring, depth 1\n') > 20);
    assert.ok(Math.abs(rise('io_uring, depth 1\n') - rise('threads, depth 128')) < 1.5);
  });

  it('draws every percentile of the JSON, one panel per depth', async (t) => {
    const page = await open(t, DOCUMENT);
    for (const depth of DEPTHS) {
      const labels = (await placesOf(page.locator(`#read-distribution-${depth}`))).map(({ label }) => label);
      const expected = ENGINES.flatMap((engine) => {
        const job = DOCUMENT.jobs.find(({ jobname }) => jobname.endsWith(`-${engine}-${depth}`))!;
        const name = engine === 'node' ? 'node:fs/promises' : engine;
        return Object.entries(job.read.clat_ns.percentile).map(
          ([key, ns]) =>
            `${name}, depth ${depth}\n${Number(key)} % took at most ${formatNumber(ns / 1000)} µs`,
        );
      });
      assert.deepEqual(labels.toSorted(), expected.toSorted());
    }
  });

  it('draws CPU per operation as bars from zero', async (t) => {
    const page = await open(t, DOCUMENT);
    const places = await placesOf(page.locator('#cpu-chart'));
    assert.equal(places.length, DOCUMENT.jobs.length);
    const heights = DOCUMENT.jobs.map((job) => {
      const { ioengine, iodepth } = job['job options'];
      const name = `${ioengine === 'node' ? 'node:fs/promises' : ioengine}, depth ${iodepth}\n${formatNumber(job.cpu_us_per_op!)} µs`;
      const place = places.find(({ label }) => label.startsWith(name));
      assert.ok(place, name);
      return place.height / job.cpu_us_per_op!;
    });
    for (const height of heights) assert.ok(Math.abs(height / heights[0] - 1) < 0.05, heights.join(' '));
  });

  it('says in words who was fastest, by how much, and who is level', async (t) => {
    const level: JobSpec[] = [
      { engine: 'io_uring', depth: 8, iops: [90, 100, 110], us: 5, cpu: 2 },
      { engine: 'threads', depth: 8, iops: [80, 95, 96] },
      { engine: 'native', depth: 8, iops: [50, 60, 70] },
      { engine: 'node', depth: 8, iops: [20, 25, 30] },
    ];
    const page = await open(t, documentOf(level));
    const text = (await page.getByRole('region', { name: 'In short' }).textContent()) ?? '';
    assert.match(
      text.replaceAll('\u00a0', ' '),
      /Depth 8: io_uring was fastest with 100 reads per second, 4\.0 × node:fs\/promises \(25\), 99 % of them within 20\.0 µs, for 2\.00 µs of CPU each\. threads is level with it: the rounds overlap\./,
    );
  });

  it('shows together, on hover, what lies on each other', async (t) => {
    const twins = ['io_uring', 'native'].flatMap((engine) =>
      [1, 8].map((depth) => ({ engine, depth, iops: [100, 100, 100] })),
    );
    const page = await open(t, documentOf(twins));
    await page.locator('#read-iops .point').last().hover();
    const tip = (await page.getByRole('tooltip').textContent()) ?? '';
    assert.match(tip, /^native, depth 8\n100 reads.*\n\nio_uring, depth 8\n100 reads/s);
  });

  it('leads the keyboard through every point of a chart, with its name', async (t) => {
    const page = await open(t, DOCUMENT);
    const figure = page.getByRole('group', { name: /^Reads per second by depth/ });
    await figure.locator('.point').first().focus();
    for (let i = 1; i < DOCUMENT.jobs.length; i++) await page.keyboard.press('ArrowRight');
    const name = await page.evaluate('document.activeElement.getAttribute("aria-label")');
    assert.match(String(name), /^node:fs\/promises, depth 128\n/);
    assert.equal(await page.getByRole('tooltip').textContent(), name);
    await page.keyboard.press('Tab');
    const next = await page.evaluate('document.activeElement.closest("figure").id');
    assert.equal(next, 'read-p50');
  });

  it('separates the reads and writes of a mix', async (t) => {
    const mix: JobSpec[] = JOBS.map((job) => ({ ...job, writes: job.iops.map((rate) => rate / 2) }));
    const page = await open(t, documentOf(mix));
    for (const id of [
      'read-iops',
      'write-iops',
      'read-p50',
      'write-p99',
      'write-distribution-128',
      'cpu-chart',
    ]) {
      assert.equal(await page.locator(`figure#${id}`).count(), 1, id);
    }
    assert.equal(await page.getByRole('table', { name: 'Writes' }).count(), 1);
    const [place] = await placesOf(page.locator('#write-iops'));
    assert.match(place.label, /^io_uring, depth 1, writes\n160k writes per second/);
  });

  it('draws bars where there is one depth only', async (t) => {
    const page = await open(t, documentOf(JOBS.filter(({ depth }) => depth === 32)));
    assert.equal(await page.locator('#read-iops .point rect').count(), ENGINES.length);
    assert.equal(await page.locator('#read-p50').count(), 0);
    assert.equal(await page.locator('#read-distribution-32').count(), 1);
  });

  it('has sections of their own for the jobs of a job file, and names what was not applied', async (t) => {
    const jobs: JobSpec[] = [
      ...JOBS.map((job) => ({ ...job, name: 'small' })),
      ...JOBS.map((job) => ({ ...job, name: 'large', options: { bs: '65536' } })),
    ];
    const page = await open(
      t,
      documentOf(jobs, {
        not_applied: ['[large] numjobs=4 (line 7)'],
        not_available: [{ engine: 'native', reason: 'EPERM: <forbidden>' }],
      }),
    );
    assert.equal(await page.getByRole('region', { name: 'large: All numbers' }).count(), 1);
    const short = (await page.getByRole('region', { name: 'large: In short' }).textContent()) ?? '';
    assert.match(short, /large: randread, blocks of 64 KiB, 64 MiB, through the page cache/);
    const method = (await page.getByRole('region', { name: 'How this was measured' }).textContent()) ?? '';
    assert.match(method, /native was not measured: EPERM: <forbidden>/);
    assert.match(method, /\[large\] numjobs=4 \(line 7\)/);
    const ids = await page.locator('[id]').evaluateAll((all) => all.map((it) => it.id));
    assert.equal(new Set(ids).size, ids.length, 'no id twice');
  });

  it('does not scroll sideways on a telephone, and its charts do', async (t) => {
    const page = await open(t, DOCUMENT, { viewport: { width: 390, height: 800 } });
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
  });
});

describe('the page of aio bench compare', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  const changed = JOBS.map((job, i) => ({
    ...job,
    iops: job.iops.map((rate) => rate * [1, 1.5, 0.5][i % 3]),
  }));
  const comparison = compareDocuments(
    { path: 'before <1>.json', document: DOCUMENT },
    { path: 'after.json', document: documentOf(changed.slice(1)) },
  );

  async function open(t: TestContext): Promise<Page> {
    const path = join(temporaryDirectory(t), 'compare.html');
    writeFileSync(path, renderComparePage(comparison));
    return openPage(t, browser, path);
  }

  it('carries the comparison as JSON, and names what was compared', async (t) => {
    const page = await open(t);
    assert.deepEqual(await dataOf(page), JSON.parse(JSON.stringify(comparisonToJson(comparison))));
    assert.match(
      (await page.locator('.lead').textContent()) ?? '',
      /^A is before <1>\.json of 2026-01-02 03:04 UTC/,
    );
    const short = (await page.getByRole('region', { name: 'In short' }).textContent()) ?? '';
    assert.match(short, /Of 11 rows 4 faster, 4 slower, 3 same\./);
    assert.match(short, /only in A: randread: io_uring, depth 1, reads/);
    assert.match(short, /node:fs\/promises has changed too/);
  });

  it('draws each ratio where it belongs, in the style of its verdict', async (t) => {
    const page = await open(t);
    const places = await placesOf(page.locator('#iops'));
    assert.equal(places.length, comparison.rows.length);
    const one = (await page.locator('#iops .one').boundingBox())!.x;
    for (const [i, row] of comparison.rows.entries()) {
      const { label, x } = places[i];
      const { ratio, verdict } = row.iops;
      assert.ok(label.startsWith(`${row.engine}, depth ${row.depth}\n`), label);
      assert.ok(label.includes(`B / A is ${formatRatio(ratio)},`), label);
      assert.ok(label.endsWith(`\n${verdict}`), label);
      assert.equal(Math.sign(Math.round((x - one) / 2)), Math.sign(Math.log(ratio)), label);
      const style = await page.locator('#iops .point').nth(i).getAttribute('class');
      assert.ok(style?.includes(verdict), style ?? '');
    }
  });

  it('has a table with the numbers of the comparison', async (t) => {
    const page = await open(t);
    const rows = page.getByRole('table').locator('tbody tr');
    assert.equal(await rows.count(), comparison.rows.length);
    for (const [i, { iops, p50, p99, cpu }] of comparison.rows.entries()) {
      const values = await rows
        .nth(i)
        .locator('data')
        .evaluateAll((all) => all.map((it) => Number(it.getAttribute('value'))));
      const expected = [
        iops.a,
        iops.b,
        iops.ratio,
        iops.ratioMin,
        iops.ratioMax,
        p50!.ratio,
        p99!.ratio,
        cpu!.ratio,
      ];
      assert.deepEqual(values, expected);
    }
  });
});
