// The page of `aio bench compare --html`: drawn from the comparison that --json prints.
import type { HtmlColumn } from '../html/elements.js';
import { table } from '../html/elements.js';
import { type Content, type Html, html } from '../html/html.js';
import { renderPage } from '../html/page.js';
import type { Ratio } from '../html/ratio-chart.js';
import { ratioChart, ratioLegend } from '../html/ratio-chart.js';
import { formatNumber, formatRate } from '../units.js';
import type { Change, ComparedRow, Comparison } from './compare.js';
import { FIGURES } from './compare.js';
import { comparisonToJson, formatRatio, groupsOf, VERDICT_WORDS } from './compare-report.js';
import { titleOf } from './title.js';

/** The figures of a row, in the order in which they are shown. */
const SHOWN = [
  { key: 'iops', title: 'Transfers per second', unit: '', divisor: 1, format: formatRate },
  { key: 'p50', title: 'Median latency', unit: ' µs', divisor: 1000, format: formatNumber },
  {
    key: 'p99',
    title: '99th percentile of latency',
    unit: ' µs',
    divisor: 1000,
    format: formatNumber,
  },
  { key: 'cpu', title: 'CPU per operation', unit: ' µs', divisor: 1, format: formatNumber },
] as const;
type Shown = (typeof SHOWN)[number];

const WIDTH = 510;

/** The whole HTML document. */
export function renderComparePage(comparison: Comparison): string {
  const { a, b } = comparison;
  const groups = groupsOf(comparison.rows);
  return renderPage({
    title: groups.length === 1 ? `Before and after: ${titleOf(groups[0][0])}` : 'Before and after',
    lead: html`A is <code>${a.path}</code> of ${shortTime(a.time)}, linux-aio ${a.version}; B is <code>${b.path}</code> of ${shortTime(b.time)}, linux-aio ${b.version}. Every ratio is B / A.`,
    sections: [
      { id: 'summary', title: 'In short', body: summary(comparison) },
      ...groups.flatMap((group, i) => {
        const prefix = groups.length === 1 ? '' : `job-${i + 1}-`;
        const name = groups.length === 1 ? '' : `${group[0].name}: `;
        return [
          {
            id: `${prefix}ratios`,
            title: `${name}What changed`,
            body: [name !== '' && html`<p>${titleOf(group[0])}</p>\n`, charts(group, prefix)],
          },
          { id: `${prefix}table`, title: `${name}All numbers`, body: numbersTable(group) },
        ];
      }),
      { id: 'method', title: 'When a difference counts', body: method() },
    ],
    footer: html`The comparison is in this page as JSON, in the element with the id <code>data</code>.`,
    data: comparisonToJson(comparison),
  });
}

function shortTime(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

function summary({ rows, differences, onlyA, onlyB, controlsChanged }: Comparison): Content {
  const counted = (['better', 'worse', 'same', 'unclear'] as const)
    .map((verdict) => ({ verdict, count: rows.filter((row) => row.iops.verdict === verdict).length }))
    .filter(({ count }) => count > 0);
  const missing = [
    ...onlyA.map((text) => `only in A: ${text}`),
    ...onlyB.map((text) => `only in B: ${text}`),
  ];
  return html`<p>Of ${rows.length} rows ${counted.map(({ verdict, count }, i) => html`${i > 0 && ', '}<strong>${count} ${VERDICT_WORDS[verdict]}</strong>`)}.</p>
${
  controlsChanged.length > 0 &&
  html`<p class="bad">node:fs/promises has changed too, with the same Node and kernel: ${controlsChanged.map(({ depth, iops }) => `${formatRatio(iops.ratio)} at depth ${depth}`).join(', ')}. So the machine has, and the verdicts on the other rows are in doubt: repeat both, on a quiet machine.</p>
`
}${
  differences.length + missing.length > 0 &&
  html`<ul>
${differences.map(({ what, a, b }) => html`<li>${what} was ${a} in A and is ${b} in B</li>\n`)}${missing.map((text) => html`<li>${text}</li>\n`)}</ul>
`
}`;
}

function charts(rows: readonly ComparedRow[], prefix: string): Content {
  const mixed = rows.some((row) => row.kind !== rows[0].kind);
  return html`${ratioLegend()}<div class="panels">
${SHOWN.map((figure) => {
  const ratios = rows.flatMap((row) => ratioOf(row, figure, mixed));
  return (
    ratios.length > 0 &&
    ratioChart({
      id: `${prefix}${figure.key}`,
      title: `${figure.title}.`,
      caption: `${FIGURES[figure.key].better === 'higher' ? 'More' : 'Less'} is better. The whiskers hold the ratios of the rounds.`,
      width: WIDTH,
      label: 'B / A',
      ratios,
    })
  );
})}</div>
`;
}

function ratioOf(row: ComparedRow, figure: Shown, mixed: boolean): Ratio[] {
  const change = row[figure.key];
  // CPU is the whole process's, and stands once for reads and writes.
  if (change === null || (figure.key === 'cpu' && mixed && row.kind === 'write')) return [];
  const kind = mixed && figure.key !== 'cpu' ? `, ${row.kind}s` : '';
  const name = `${row.engine}, depth ${row.depth}${kind}`;
  const value = (number: number): string => `${figure.format(number / figure.divisor)}${figure.unit}`;
  return [
    {
      name,
      ratio: change.ratio,
      range: [change.ratioMin, change.ratioMax],
      style: change.verdict,
      details: [
        name,
        `${figure.title}: ${value(change.a)}, then ${value(change.b)}`,
        `B / A is ${formatRatio(change.ratio)}, of the rounds ${formatRatio(change.ratioMin)} to ${formatRatio(change.ratioMax)}`,
        change.verdict,
      ],
    },
  ];
}

function numbersTable(rows: readonly ComparedRow[]): Content {
  const column = (title: string, help?: string, align: HtmlColumn['align'] = 'right'): HtmlColumn => ({
    title,
    align,
    ...(help === undefined ? {} : { help }),
  });
  const columns = [
    column('depth', 'transfers in flight', 'left'),
    column('engine', undefined, 'left'),
    column('kind', undefined, 'left'),
    column('IOPS A'),
    column('IOPS B'),
    column('B / A'),
    column('of the rounds', "from B's slowest by A's fastest to B's fastest by A's slowest"),
    column('verdict', 'on IOPS', 'left'),
    column('p50 B / A'),
    column('p99 B / A'),
    column('CPU/op B / A'),
  ];
  return table(
    'Transfers per second, and the ratios of the rest',
    columns,
    rows.map(({ depth, engine, kind, iops, p50, p99, cpu }) => [
      String(depth),
      engine,
      kind,
      exact(iops.a, formatRate),
      exact(iops.b, formatRate),
      exact(iops.ratio, formatRatio),
      [exact(iops.ratioMin, formatRatio), ' – ', exact(iops.ratioMax, formatRatio)],
      html`<span class="${styleOf(iops)}">${VERDICT_WORDS[iops.verdict]}</span>`,
      ratioCell(p50),
      ratioCell(p99),
      ratioCell(cpu),
    ]),
  );
}

function ratioCell(change: Change | null): Html {
  if (change === null) return html`–`;
  return html`<span class="${styleOf(change)}">${exact(change.ratio, formatRatio)}${change.verdict === 'better' && ' +'}${change.verdict === 'worse' && ' −'}</span>`;
}

function styleOf({ verdict }: Change): string {
  return verdict === 'better' ? 'good' : verdict === 'worse' ? 'bad' : 'muted';
}

/** A number as people read it, with all its digits in the attribute. */
function exact(value: number, format: (value: number) => string): Html {
  return html`<data value="${value}">${format(value)}</data>`;
}

function method(): Content {
  return html`<p>A report has several rounds of everything. Around the ratio of two figures lie the ratios of their rounds: from B’s least by A’s greatest to B’s greatest by A’s least. A difference counts as better or worse when all of these are more than ${FIGURES.iops.runToRun * 100} % away from 1, for the 99th percentile ${FIGURES.p99.runToRun * 100} %: two runs of one and the same program differ by so much, whatever their rounds say. It is <em>the same</em> when B / A itself is less than that away from 1, and <em>unclear</em> when it is more but the rounds are not: repeat both with a longer <code>--runtime</code>, on a quiet machine.</p>
`;
}
