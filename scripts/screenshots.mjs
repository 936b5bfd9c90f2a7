// The pictures of docs/models.md, taken from a page of `aio models --html PAGE`:
//
//   node scripts/screenshots.mjs PAGE
//
// On a machine with nothing else to do; the page itself says when it was disturbed.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const PICTURES = {
  'models-figure-1': 'table.matrix',
  'models-figure-2': '#run-blocking',
  'models-figure-3': '#run-nonblocking',
  'models-figure-4': '#run-select',
  'models-figure-5': '#run-aio-signal',
  'models-interleaved': '#run-interleaved',
  'models-whole-job': '#all-runs',
};

const page = process.argv[2];
if (page === undefined || !existsSync(page)) {
  console.error('usage: node scripts/screenshots.mjs PAGE (from aio models --html PAGE)');
  process.exit(2);
}
const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'images');
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
});
const tab = await browser.newPage({ viewport: { width: 1120, height: 900 }, colorScheme: 'light' });
await tab.goto(pathToFileURL(resolve(page)).href);
// A margin, so that a picture does not end at the ink on a dark page of whoever shows it.
await tab.addStyleTag({ content: 'figure, table.matrix { padding: 12px; background: var(--paper); }' });
for (const [name, selector] of Object.entries(PICTURES)) {
  await tab.locator(selector).screenshot({ path: join(folder, `${name}.png`) });
}
await browser.close();
