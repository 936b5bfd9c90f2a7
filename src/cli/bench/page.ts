// The page of `aio bench --html`: drawn from the JSON report and from nothing else, so that every number in it is one
// of the report's.
import { barChart } from '../html/bar-chart.js';
import type { HtmlColumn } from '../html/elements.js';
import { table } from '../html/elements.js';
import { type Content, type Html, html } from '../html/html.js';
import type { Series, SeriesPoint } from '../html/line-chart.js';
import { lineChart } from '../html/line-chart.js';
import { renderPage } from '../html/page.js';
import { formatBytes, formatNumber, formatRate } from '../units.js';
import type { Group, Measured, Row } from './chart-data.js';
import { depthsOf, enginesOf, groupsOf, numberOf, percentileOf } from './chart-data.js';
import type { BenchDocument, Kind } from './document.js';
import { titleOf } from './title.js';

const WIDE = { width: 1040, height: 360 };
const HALF = { width: 510, height: 320 };

const MIB = 1024 * 1024;

/** Where the axis of the distribution has its numbers. */
const PERCENT_TICKS = [50, 90, 99, 99.9, 99.99];

/** The whole HTML document. */
export function renderBenchPage(document: BenchDocument): string {
  const groups = groupsOf(document);
  const several = groups.length > 1;
  const title = several
    ? `aio bench: ${groups.map(({ name }) => name).join(', ')}`
    : `aio bench: ${titleOf(groups[0])}`;
  return renderPage({
    title,
    lead: lead(document, groups),
    sections: [
      ...groups.flatMap((group, i) => {
        const prefix = several ? `job-${i + 1}-` : '';
        const name = several ? `${group.name}: ` : '';
        return sectionsOf(group, prefix, name);
      }),
      { id: 'method', title: 'How this was measured', body: method(document) },
    ],
    footer: footer(document),
    data: document,
  });
}

function lead(document: BenchDocument, groups: readonly Group[]): Content {
  const engines = enginesOf(groups.flatMap(({ measured }) => measured.flatMap(({ rows }) => rows)));
  const { verify } = document;
  const checked = verify.checked
    ? 'Every block was checked.'
    : 'The blocks could not be checked: the file was not laid out by aio bench.';
  return `How many transfers per second, at which latency, for how much CPU: ${engines.map(labelOf).join(', ')}. ${checked}`;
}

/** What people know an engine as. */
function labelOf(engine: string): string {
  return engine === 'node' ? 'node:fs/promises' : engine;
}

function sectionsOf(
  group: Group,
  prefix: string,
  name: string,
): { id: string; title: string; body: Content }[] {
  const { measured } = group;
  const each = (draw: (part: Measured, id: string, of: string) => Content): Content =>
    measured.map((part) => draw(part, `${prefix}${part.kind}`, measured.length > 1 ? `, ${part.kind}s` : ''));
  const several = depthsOf(measured[0].rows).length > 1;
  return [
    {
      id: `${prefix}summary`,
      title: `${name}In short`,
      body: [name !== '' && html`<p>${titleOf(group)}</p>\n`, each(summary)],
    },
    { id: `${prefix}iops`, title: `${name}Transfers per second`, body: each(iopsChart) },
    ...(several
      ? [{ id: `${prefix}latency`, title: `${name}Latency by depth`, body: each(latencyCharts) }]
      : []),
    { id: `${prefix}distribution`, title: `${name}Latency distribution`, body: each(distributionCharts) },
    { id: `${prefix}cpu`, title: `${name}CPU per operation`, body: cpuChart(measured[0], prefix) },
    { id: `${prefix}table`, title: `${name}All numbers`, body: each(numbersTable) },
  ];
}

/** For each depth, who was fastest and by how much, in words. */
function summary({ kind, rows }: Measured): Content {
  return html`<ul>
${depthsOf(rows).map((depth) => {
  const here = rows.filter((row) => row.depth === depth).sort((a, b) => b.iops - a.iops);
  return html`<li>${summaryOf(here, kind)}</li>\n`;
})}</ul>
`;
}

function summaryOf(fastestFirst: readonly Row[], kind: Kind): Content {
  const [best, ...others] = fastestFirst;
  // Rounds that overlap: which of them is faster is not known.
  const level = others
    .filter((row) => row.iopsRange[1] >= best.iopsRange[0])
    .map((row) => labelOf(row.engine));
  const node = fastestFirst.find((row) => row.engine === 'node');
  const times =
    best.timesNode === null || node === undefined
      ? null
      : html`, <strong>${factor(best.timesNode)} ×</strong> node:fs/promises (${formatRate(node.iops)})`;
  const p99 = percentileOf(best, 99);
  const cpu = best.cpuPerOperation;
  return html`<strong>Depth ${best.depth}:</strong> ${labelOf(best.engine)} was fastest with ${formatRate(best.iops)} ${kind}s per second${times}${p99 !== null && `, 99 % of them within ${formatNumber(p99)} µs`}${cpu !== null && `, for ${formatNumber(cpu)} µs of CPU each`}.${level.length > 0 && ` ${level.join(' and ')} ${level.length === 1 ? 'is' : 'are'} level with it: the rounds overlap.`}`;
}

function factor(value: number): string {
  return value < 10 ? value.toFixed(1) : formatNumber(value);
}

function iopsChart({ kind, rows }: Measured, id: string, of: string): Content {
  const title = `${capital(kind)}s per second by depth.`;
  const caption = 'The median of the rounds; the whiskers go from the slowest round to the fastest.';
  const details = (row: Row): string[] => [
    `${labelOf(row.engine)}, depth ${row.depth}${of}`,
    `${formatRate(row.iops)} ${kind}s per second`,
    `rounds from ${formatRate(row.iopsRange[0])} to ${formatRate(row.iopsRange[1])}`,
    `${formatNumber(row.bytesPerSecond / MIB)} MiB/s`,
    ...(row.timesNode === null ? [] : [`${factor(row.timesNode)} × node:fs/promises`]),
  ];
  const [depth, ...more] = depthsOf(rows);
  if (more.length === 0) {
    // A line of one point is none.
    return barChart({
      id: `${id}-iops`,
      title: `${capital(kind)}s per second at depth ${depth}.`,
      caption,
      ...HALF,
      y: { format: formatRate, label: `${kind}s per second` },
      label: '',
      groups: rows.map((row) => ({
        name: labelOf(row.engine),
        bars: [
          {
            number: numberOf(row.engine),
            name: labelOf(row.engine),
            value: row.iops,
            range: row.iopsRange,
            details: details(row),
          },
        ],
      })),
    });
  }
  return lineChart({
    id: `${id}-iops`,
    title,
    caption,
    ...WIDE,
    x: depthAxis(rows),
    y: { kind: 'linear', format: formatRate, label: `${kind}s per second` },
    series: seriesOf(rows, (row) => ({
      x: row.depth,
      y: row.iops,
      range: row.iopsRange,
      details: details(row),
    })),
  });
}

function depthAxis(rows: readonly Row[]): {
  values: number[];
  format: (value: number) => string;
  label: string;
} {
  return { values: depthsOf(rows), format: String, label: 'depth: transfers in flight' };
}

/** A series per engine, its points by depth. */
function seriesOf(rows: readonly Row[], pointOf: (row: Row) => SeriesPoint): Series[] {
  return enginesOf(rows).map((engine) => ({
    name: engine,
    number: numberOf(engine),
    points: rows
      .filter((row) => row.engine === engine)
      .sort((a, b) => a.depth - b.depth)
      .map(pointOf),
  }));
}

function latencyCharts({ kind, rows }: Measured, id: string, of: string): Content {
  const percents = [50, 99];
  const values = rows.flatMap((row) => percents.flatMap((percent) => percentileOf(row, percent) ?? []));
  // The same axis in both, so that they can be compared by eye.
  const domain = [Math.min(...values) / 1.3, Math.max(...values) * 1.3] as const;
  return html`<div class="panels">
${percents.map((percent) =>
  lineChart({
    id: `${id}-p${percent}`,
    title: percent === 50 ? `The median latency of ${kind}s.` : `The ${percent}th percentile of ${kind}s.`,
    caption: percent === 50 ? 'Half of them were faster.' : 'One in 100 was slower.',
    ...HALF,
    x: depthAxis(rows),
    y: { kind: 'log', domain, format: String, label: `p${percent}, µs` },
    series: seriesOf(
      rows.filter((row) => percentileOf(row, percent) !== null),
      (row) => ({
        x: row.depth,
        y: percentileOf(row, percent)!,
        details: [
          `${labelOf(row.engine)}, depth ${row.depth}${of}`,
          `p${percent}: ${formatMicroseconds(percentileOf(row, percent)!)} µs`,
        ],
      }),
    ),
  }),
)}</div>
<p class="muted">From the call to its result in the program. At greater depths that is mostly the time spent waiting for the others in flight.</p>
`;
}

/** Every percentile of the report, one panel per depth: the further right, the rarer. */
function distributionCharts({ kind, rows }: Measured, id: string, of: string): Content {
  const depths = depthsOf(rows);
  const all = rows.flatMap((row) =>
    [...row.latency].filter(([percent]) => isDrawn(percent)).map(([, us]) => us),
  );
  const domain = [Math.min(...all) / 1.3, Math.max(...all) * 1.3] as const;
  return html`<p>How many of the ${kind}s took at most so long. Each step to the right is ten times as rare: at 99.9 % one in a thousand took longer.</p>
<div class="panels">
${depths.map((depth) =>
  lineChart({
    id: `${id}-distribution-${depth}`,
    title: `Depth ${depth}${of}.`,
    ...HALF,
    x: {
      values: PERCENT_TICKS.map(rarity),
      format: (value) => `${formatPercent(100 * (1 - 1 / value))} %`,
      label: 'took at most',
    },
    y: { kind: 'log', domain, format: String, label: 'latency, µs' },
    markerScale: 0.6,
    series: enginesOf(rows).map((engine) => ({
      name: engine,
      number: numberOf(engine),
      points: rows
        .filter((row) => row.depth === depth && row.engine === engine)
        .flatMap((row) => distributionOf(row, of)),
    })),
  }),
)}</div>
`;
}

function distributionOf(row: Row, of: string): SeriesPoint[] {
  return [...row.latency]
    .filter(([percent]) => isDrawn(percent))
    .map(([percent, us]) => ({
      x: rarity(percent),
      y: us,
      details: [
        `${labelOf(row.engine)}, depth ${row.depth}${of}`,
        `${formatPercent(percent)} % took at most ${formatMicroseconds(us)} µs`,
      ],
    }));
}

/** The greatest of all is one transfer's bad luck, and would be infinitely far to the right. */
function isDrawn(percent: number): boolean {
  return percent > 0 && percent < 100;
}

/** One in so many is slower: 10 at 90 %. */
function rarity(percent: number): number {
  return Number((100 / (100 - percent)).toPrecision(9));
}

function formatPercent(percent: number): string {
  return String(Number(percent.toFixed(2)));
}

function cpuChart({ rows }: Measured, prefix: string): Content {
  const measured = rows.filter((row) => row.cpuPerOperation !== null);
  return [
    barChart({
      id: `${prefix}cpu-chart`,
      title: 'CPU time per operation.',
      caption:
        "User and system time of the whole process, libuv's threads and the kernel's workers for it included: the median of the rounds.",
      ...WIDE,
      y: { format: String, formatValue: formatNumber, label: 'µs of CPU per operation' },
      label: 'depth: transfers in flight',
      groups: depthsOf(measured).map((depth) => ({
        name: String(depth),
        bars: enginesOf(measured).flatMap((engine) =>
          measured
            .filter((row) => row.depth === depth && row.engine === engine)
            .map((row) => ({
              number: numberOf(engine),
              name: labelOf(engine),
              value: row.cpuPerOperation!,
              ...(row.cpuRange === null ? {} : { range: row.cpuRange }),
              details: [
                `${labelOf(engine)}, depth ${depth}`,
                `${formatNumber(row.cpuPerOperation!)} µs of CPU per operation`,
                ...(row.cpuRange === null
                  ? []
                  : [`rounds from ${formatNumber(row.cpuRange[0])} to ${formatNumber(row.cpuRange[1])}`]),
              ],
            })),
        ),
      })),
    }),
  ];
}

function numbersTable({ kind, rows }: Measured, id: string): Content {
  const column = (title: string, help?: string, align: HtmlColumn['align'] = 'right'): HtmlColumn => ({
    title,
    align,
    ...(help === undefined ? {} : { help }),
  });
  const columns = [
    column('depth', 'transfers in flight', 'left'),
    column('engine', undefined, 'left'),
    column('IOPS', 'transfers per second, the median of the rounds'),
    column('rounds', 'the slowest and the fastest round'),
    column('MiB/s'),
    column('p50 µs', 'half of the transfers took at most this long'),
    column('p99 µs', 'all but one in a hundred took at most this long'),
    column('p99.9 µs', 'all but one in a thousand took at most this long'),
    column('max µs', 'the slowest of all'),
    column('CPU µs/op', 'user and system time of the process per transfer'),
    column('loop p99 ms', 'by how much a timer came late: how long other callbacks wait'),
    column('× node', 'IOPS against those of node:fs/promises at the same depth'),
  ];
  return html`<div id="${id}-table">${table(
    `${capital(kind)}s`,
    columns,
    rows.map((row) => [
      String(row.depth),
      labelOf(row.engine),
      exact(row.iops, formatRate),
      [exact(row.iopsRange[0], formatRate), ' – ', exact(row.iopsRange[1], formatRate)],
      exact(row.bytesPerSecond / MIB, formatNumber),
      ...[50, 99, 99.9, 100].map((percent) => exact(percentileOf(row, percent), formatMicroseconds)),
      exact(row.cpuPerOperation, formatNumber),
      exact(row.loopDelayMs, formatNumber),
      exact(row.timesNode, factor),
    ]),
  )}</div>`;
}

/** A number as people read it, with all its digits in the attribute. */
function exact(value: number | null, format: (value: number) => string): Html {
  return value === null ? html`–` : html`<data value="${value}">${format(value)}</data>`;
}

function formatMicroseconds(us: number): string {
  return us < 1e5 ? formatNumber(us) : formatRate(us);
}

function method({ environment, verify, not_available, not_applied, jobs }: BenchDocument): Content {
  const runtimes = [...new Set(jobs.map((job) => job['job options'].runtime))].join(', ');
  const facts: [string, string][] = [
    [
      'Machine',
      `${environment.cpus} × ${environment.cpu}, ${formatBytes(environment.memory_bytes)} of memory`,
    ],
    ['System', `Linux ${environment.kernel} on ${environment.arch}, Node ${environment.node}`],
    ['File system', environment.filesystem],
    ['Time', `${runtimes} s per engine and depth, in rounds in which the engines take turns`],
    ['Blocks checked', verify.checked ? formatCount(verify.blocks) : 'none'],
  ];
  return html`<dl>
${facts.map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>\n`)}</dl>
${not_available.map(({ engine, reason }) => html`<p class="bad">${engine} was not measured: ${reason}</p>\n`)}${
  not_applied.length > 0 &&
  html`<p>Options of the job file that were not applied:</p>
<ul>
${not_applied.map((text) => html`<li>${text}</li>\n`)}</ul>
`
}<p class="muted">Every engine visits the same blocks in the same order, from the same loop, into the same buffers. The clocks run only while transfers are in flight; the blocks are checked in between. Rounds that lie far apart mean that the machine was busy: compare two runs with <code>aio bench compare</code>.</p>
`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US').replaceAll(',', '\u202f');
}

function footer(document: BenchDocument): Content {
  return html`linux-aio ${document['linux-aio version']}, ${document.time.slice(0, 16).replace('T', ' ')} UTC. The numbers of this page are in it as JSON, in the element with the id <code>data</code>.`;
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
