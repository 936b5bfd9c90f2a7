// Headless Chromium for the tests of HTML reports: Debian's, driven by playwright-core.
//
// A page opened here may load nothing but itself and must not write to the console; both are checked when the test
// ends, whatever else it looks at.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executable = process.env['CHROMIUM'] ?? PATHS.find((path) => existsSync(path));

/** The reason to skip tests that need a browser; false where there is one. */
export const NO_BROWSER =
  executable === undefined
    ? 'no Chromium here: apt-get install chromium, or set CHROMIUM to its path'
    : false;

/** playwright makes a new profile directory for each launch, and removes it. */
export function launchBrowser(): Promise<Browser> {
  const args = [
    '--no-sandbox', // tests run as root in containers
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath: executable, headless: true, args });
}

/** Opens the HTML file at `path`. */
export async function openPage(
  t: TestContext,
  browser: Browser,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const { href } = pathToFileURL(path);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (url.split('#')[0] !== href && !url.startsWith('data:')) complaints.push(`request: ${url}`);
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(href);
  return page;
}

/** The measurements that a report carries. */
export async function dataOf<T>(page: Page): Promise<T> {
  return JSON.parse((await page.locator('#data').textContent()) ?? '') as T;
}
