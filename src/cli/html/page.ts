// One self-contained page: style, script and data are inside, and its own policy forbids it to load anything. What
// stands in it is complete without the script; that only adds details on hover and focus, and the theme button.
import { readFileSync } from 'node:fs';
import { type Content, type Html, html, jsonInScript, raw } from './html.js';

export interface Page {
  title: string;
  /** One or two sentences below the title: what this page answers. */
  lead: Content;
  sections: readonly Section[];
  /** Files of `assets/` with the style of what only this page has. */
  styles?: readonly string[];
  /** The last lines: what was measured where and when. */
  footer: Content;
  /** The measurements, for whoever wants to compute with them: `<script type="application/json" id="data">`. */
  data: unknown;
}

export interface Section {
  /** For links: `#timelines`. */
  id: string;
  title: string;
  body: Content;
}

/** The whole document. */
export function renderPage(page: Page): string {
  return `${html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${page.title}</title>
<link rel="icon" href="data:,">
<style>
${['page.css', ...(page.styles ?? []), 'print.css'].map(asset)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>${page.title}</h1>
<p class="lead">${page.lead}</p>
<nav aria-label="On this page">${page.sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
<button type="button" id="theme" hidden>Theme: system</button>
</header>
<main id="main">
${page.sections.map(renderSection)}</main>
<footer>${page.footer}</footer>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${jsonInScript(page.data)}</script>
<script>
${asset('page.js')}</script>
</body>
</html>`}\n`;
}

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'";

function renderSection({ id, title, body }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`;
}

/** The build copies the folder `assets` beside the compiled file. */
function asset(name: string): Html {
  return raw(readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8'));
}
