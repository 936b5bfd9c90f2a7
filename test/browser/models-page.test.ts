// The page of `aio models`, of a real run, in a browser: everything drawn, and drawn right.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { FindingsJson } from '#dist/cli/models/findings.js';
import { formatNumber, formatRate } from '#dist/cli/units.js';
import { MODELS } from '#dist/models/models.js';
import { runNode } from '../support/program.js';
import { dataOf, launchBrowser, NO_BROWSER, openPage } from './browser.js';

describe('the page of aio models', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  let path: string;
  let findings: FindingsJson;

  const directory = mkdtempSync(join(tmpdir(), 'aio-models-page-'));

  before(async () => {
    path = join(directory, 'models.html');
    const options = ['--blocks', '3', '--delay', '20ms', '--compute', '10ms', '--ioengine', 'threads'];
    const { code, stderr, stdout } = await runNode(
      ['dist/cli/aio.js', 'models', '--json', '--html', path, ...options],
      { timeoutMs: 120_000 },
    );
    assert.equal(code, 0, stderr);
    findings = JSON.parse(stdout);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true });
  });

  const open = (t: TestContext, options = {}): Promise<Page> => openPage(t, browser, path, options);

  it('carries what --json prints', async (t) => {
    assert.deepEqual(await dataOf(await open(t)), findings);
  });

  it('has the measured figures of each corner in Figure 1', async (t) => {
    const page = await open(t);
    const matrix = page.getByRole('table', { name: /^Figure 1/ });
    const cells = matrix.locator('td.corner');
    for (const [i, name] of ['blocking', 'nonblocking', 'select', 'aio-signal'].entries()) {
      const { measures } = findings.results.find(({ model }) => model === name)!;
      const values = await cells.nth(i).locator('dd').allTextContents();
      assert.deepEqual(values, [
        `${formatNumber(measures.wallMs)} ms`,
        `${formatNumber(measures.blockedMs)} ms`,
        `${formatNumber(measures.waitingCpuMs)} ms`,
        formatRate(measures.systemCallsPerBlock),
        `${Math.round(measures.overlapPercent)} %`,
      ]);
    }
  });

  it('has the figures of every run in the table', async (t) => {
    const page = await open(t);
    const rows = page.getByRole('table', { name: 'Every model on every engine' }).locator('tbody tr');
    assert.equal(await rows.count(), findings.results.length);
    for (const [i, { title, engine, measures }] of findings.results.entries()) {
      assert.deepEqual(await rows.nth(i).locator('th, td').allTextContents(), [
        title,
        engine ?? '',
        formatNumber(measures.wallMs),
        formatNumber(measures.blockedMs),
        formatNumber(measures.idleMs),
        formatNumber(measures.waitingCpuMs),
        formatRate(measures.systemCallsPerBlock),
        formatRate(measures.eagain),
        String(Math.round(measures.overlapPercent)),
        formatNumber(measures.latencyUs.median),
      ]);
    }
  });

  it('draws every span and every read where its times say', async (t) => {
    const page = await open(t);
    const { delayMs, computeMs } = findings.job;
    const windowMs = 2 * (delayMs + computeMs);
    for (const { model, recording } of findings.results) {
      const drawing = page.locator(`#run-${model} svg[role=group]`);
      const rail = (await drawing.locator('.rail').first().boundingBox())!;
      const place = (ms: number): number => rail.x + (Math.min(ms, windowMs) / windowMs) * rail.width;
      const spans = recording.spans.filter(({ from }) => from < windowMs);
      const bars = drawing.locator('.computing rect, .blocked rect, .polling rect, .idle rect');
      assert.equal(await bars.count(), spans.length, model);
      // Playwright takes a while for each: the longest span stands for all.
      const longest = spans.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a));
      const box = (await bars.nth(spans.indexOf(longest)).boundingBox())!;
      assert.ok(Math.abs(box.x - place(longest.from)) < 1, `${model}: begins at ${box.x}`);
      const end = Math.max(place(longest.to), place(longest.from) + 1.5);
      assert.ok(Math.abs(box.x + box.width - end) < 1, `${model}: ends at ${box.x + box.width}`);
      const reads = recording.reads.filter(({ asked }) => asked < windowMs);
      assert.equal(await drawing.locator('.io rect').count(), reads.length, model);
    }
  });

  it('has a name for every figure and every bar, with its times', async (t) => {
    const page = await open(t);
    for (const { name } of MODELS) assert.equal(await page.locator(`#run-${name}`).count(), 1, name);
    const figures = page.getByRole('group', { name: /^Figure \d: / });
    assert.equal(await figures.count(), MODELS.filter(({ figure }) => figure !== null).length);
    const four = page.getByRole('group', { name: /^Figure 4: select/ });
    const blocked = four.getByRole('img', { name: /^blocked in a system call/ });
    assert.ok((await blocked.count()) > 0);
    assert.match(
      (await blocked.nth(1).getAttribute('aria-label')) ?? '',
      /^blocked in a system call, [\d.]+ ms\nselect\(\)\nblock 1, from [\d.]+ to [\d.]+ ms$/,
    );
    const unnamed = await page
      .locator('.point:not([aria-label]), svg[role=group]:not([aria-labelledby])')
      .count();
    assert.equal(unnamed, 0);
  });

  it('shows details on hover and by keyboard', async (t) => {
    const page = await open(t);
    const tip = page.getByRole('tooltip');
    const bar = page.locator('#run-blocking .computing').first();
    await bar.scrollIntoViewIfNeeded();
    await bar.hover();
    assert.match((await tip.textContent()) ?? '', /^computing, [\d.]+ ms\nblock 1, from /);
    await page.locator('#all-runs .point').first().focus();
    await page.keyboard.press('ArrowRight');
    assert.match((await tip.textContent()) ?? '', /^read\n/);
  });

  it('says what the job would take one after the other, and both at the same time', async (t) => {
    const lead = await (await open(t)).locator('.lead').textContent();
    assert.match(lead ?? '', /3 × \(20 \+ 10\) = 90 ms; both at the same time, 60 ms/);
  });

  it('shows all of Figure 1 on a telephone, and the whole of every drawing on paper', async (t) => {
    const phone = await open(t, { viewport: { width: 360, height: 640 } });
    const matrix = (await phone.locator('.matrix').boundingBox())!;
    assert.ok(matrix.x >= 0 && matrix.x + matrix.width <= 360, `${matrix.x} + ${matrix.width}`);
    const paper = await open(t, { viewport: { width: 700, height: 990 } });
    await paper.emulateMedia({ media: 'print' });
    for (const box of await paper.locator('main > section .scroll > *').all()) {
      const { x, width } = (await box.boundingBox())!;
      assert.ok(
        x + width <= 700,
        `${await box.evaluate((node) => node.outerHTML.slice(0, 80))} ends at ${x + width}`,
      );
    }
  });

  it('explains every column of the table below it', async (t) => {
    const page = await open(t);
    const titles = await page.locator('#table th[scope=col]').allTextContents();
    assert.deepEqual(await page.locator('#table .explanations dt').allTextContents(), titles.slice(2));
  });

  it('explains the difference between Figure 4 and Figure 5 with the measured figures', async (t) => {
    const page = await open(t);
    const text = (await page.getByRole('region', { name: 'Figure 4 or Figure 5?' }).textContent()) ?? '';
    const select = findings.results.find(({ model }) => model === 'select')!.measures;
    assert.ok(text.includes(`the thread was blocked for ${formatNumber(select.blockedMs)} ms`));
  });

  it('tells the states apart in light, in dark and in print', async (t) => {
    const page = await open(t);
    const looks = () =>
      page.evaluate(`
        [...document.querySelectorAll('#timelines .legend rect')].map((rect) => getComputedStyle(rect).fill).join()
      `) as Promise<string>;
    const all: string[] = [];
    for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { media: 'print' }] as const) {
      await page.emulateMedia(media);
      const fills = await looks();
      const each = fills.split(/,(?=rgb|url)/);
      assert.equal(new Set(each).size, each.length, fills);
      all.push(fills);
    }
    assert.notEqual(all[0], all[1]);
  });

  it('is not wider than a narrow screen', async (t) => {
    const page = await open(t, { viewport: { width: 400, height: 800 } });
    const width = await page.evaluate('document.documentElement.scrollWidth');
    assert.ok((width as number) <= 400, `${width} px`);
  });
});
