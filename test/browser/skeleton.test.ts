// What every HTML report has from src/cli/html: looked at in a browser.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { figure, legend, point, table } from '#dist/cli/html/elements.js';
import { html } from '#dist/cli/html/html.js';
import { renderPage } from '#dist/cli/html/page.js';
import { temporaryDirectory } from '../support/temp.js';
import { dataOf, launchBrowser, NO_BROWSER, openPage } from './browser.js';

const NASTY = `</script><script>console.log("in")</script><img src="x" onerror='1'> & "quoted"`;

const DOCUMENT = renderPage({
  title: NASTY,
  lead: NASTY,
  sections: [
    {
      id: 'one',
      title: 'First',
      body: [
        figure({
          id: 'chart',
          title: 'A chart',
          caption: NASTY,
          width: 300,
          height: 100,
          legend: legend([{ style: 'series-1', text: 'engine' }]),
          body: [10, 120, 230].map((x, i) =>
            point([`value ${i}`, NASTY], html`<rect x="${x}" y="20" width="40" height="40"/>`, 'series-1'),
          ),
        }),
        table(
          'A table',
          [
            { title: 'name', align: 'left' },
            { title: 'IOPS', align: 'right' },
          ],
          [[NASTY, 12]],
        ),
      ],
    },
  ],
  footer: 'the end',
  data: { text: NASTY },
});

describe('the skeleton of a report', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  async function open(t: TestContext, options = {}): Promise<Page> {
    const path = join(temporaryDirectory(t), 'page.html');
    writeFileSync(path, DOCUMENT);
    return openPage(t, browser, path, options);
  }

  it('shows text as text, whatever is in it', async (t) => {
    const page = await open(t);
    assert.equal(await page.title(), NASTY);
    assert.equal(await page.locator('h1').textContent(), NASTY);
    assert.equal(await page.locator('tbody th').textContent(), NASTY);
    assert.deepEqual(await dataOf(page), { text: NASTY });
    assert.equal(await page.locator('img').count(), 0);
  });

  it('forbids itself to load anything', async (t) => {
    const page = await open(t);
    const policy = page.locator('meta[http-equiv="Content-Security-Policy"]');
    assert.match((await policy.getAttribute('content')) ?? '', /^default-src 'none'/);
  });

  it('has names for its landmarks, figures, points and tables', async (t) => {
    const page = await open(t);
    assert.equal(await page.getByRole('main').count(), 1);
    assert.equal(await page.getByRole('region', { name: 'First' }).count(), 1);
    assert.equal(await page.getByRole('group', { name: /^A chart/ }).count(), 1);
    assert.equal(await page.getByRole('img', { name: 'value 1' }).count(), 1);
    assert.equal(await page.getByRole('table', { name: 'A table' }).count(), 1);
  });

  it('shows the details of a point under the mouse', async (t) => {
    const page = await open(t);
    const tip = page.getByRole('tooltip');
    assert.equal(await tip.isVisible(), false);
    await page.locator('.point').nth(2).hover();
    assert.equal(await tip.textContent(), `value 2\n${NASTY}`);
    await page.locator('h1').hover();
    assert.equal(await tip.isVisible(), false);
  });

  it('goes from point to point by arrow keys, with one stop of Tab per figure', async (t) => {
    const page = await open(t);
    const tip = page.getByRole('tooltip');
    await page.locator('.point').first().focus();
    assert.match((await tip.textContent()) ?? '', /^value 0/);
    await page.keyboard.press('ArrowRight');
    assert.match((await tip.textContent()) ?? '', /^value 1/);
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    assert.match((await tip.textContent()) ?? '', /^value 2/);
    await page.keyboard.press('Home');
    assert.match((await tip.textContent()) ?? '', /^value 0/);
    await page.keyboard.press('Escape');
    assert.equal(await tip.isVisible(), false);
    assert.equal(await page.locator('.point[tabindex="0"]').count(), 1);
  });

  it('is light or dark as the system is, or as the button says', async (t) => {
    const page = await open(t, { colorScheme: 'dark' });
    const background = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    assert.notEqual(dark, light);
    const button = page.getByRole('button', { name: 'Theme: system' });
    await button.click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    assert.equal(await background(), dark);
  });
});
