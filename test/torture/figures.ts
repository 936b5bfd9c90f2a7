// The figures of docs/reliability.md, made of logs that `npm run torture` has written, so that none is there which cannot
// be traced.
//
//   node build/test/torture/figures.js torture.jsonl …    sums the logs up in docs/torture-totals.json, and writes the tables
//   node build/test/torture/figures.js                    the tables again
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../support/program.js';
import { faultTable } from './fault-table.js';
import { readLog, type Total, totalsOf } from './log.js';

export const TOTALS = join(packageRoot, 'docs', 'torture-totals.json');
export const DOCUMENT = join(packageRoot, 'docs', 'reliability.md');
const BEGIN = '<!-- figures: written by test/torture/figures.ts -->\n';
const FAULTS_BEGIN = '<!-- faults: written by test/torture/figures.ts -->\n';
const END = '<!-- end of figures -->';
const ENGINES = ['io_uring', 'native', 'threads'] as const;

export const readTotals = (): Total[] => JSON.parse(readFileSync(TOTALS, 'utf8')) as Total[];

/** The document with the tables of these totals in it. */
export function withFigures(document: string, totals: readonly Total[]): string {
  const withTables = filledIn(document, BEGIN, tables(totals));
  return filledIn(withTables, FAULTS_BEGIN, ['', ...faultTable(totals)].join('\n'));
}

/** The document with `text` between `begin` and the next end. */
function filledIn(document: string, begin: string, text: string): string {
  const at = document.indexOf(begin) + begin.length;
  const end = document.indexOf(END, at);
  if (at < begin.length || end < 0) throw new Error(`the document has no place for figures: ${begin}`);
  return document.slice(0, at) + text + document.slice(end);
}

function tables(totals: readonly Total[]): string {
  const perEngine = totals.filter(({ engine }) => engine !== null);
  const once = totals.filter(({ engine }) => engine === null);
  return [
    ranOn(totals),
    '',
    '| part | counted | io_uring | native | threads |',
    '|---|---|---:|---:|---:|',
    ...rows(perEngine, ENGINES),
    '',
    '| part, independent of the engine | counted | |',
    '|---|---|---:|',
    ...rows(once, [null]),
    '',
  ].join('\n');
}

function ranOn(totals: readonly Total[]): string {
  const runs = totals.flatMap((total) => total.runs);
  const all = (values: (string | number)[]) => [...new Set(values)].sort().join(', ');
  const days = runs.map(({ date }) => date.slice(0, 10)).sort();
  const when = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  return [
    `Linux ${all(runs.map(({ kernel }) => kernel))}, Node ${all(runs.map(({ node }) => node))},`,
    `${all(runs.map(({ cpus }) => cpus))} cores, ${when}, ${runs.length} runs.`,
  ].join(' ');
}

function rows(totals: readonly Total[], engines: readonly Total['engine'][]): string[] {
  return [...new Set(totals.map(({ part }) => part))].flatMap((part) => {
    const columns = engines.map((engine) => totals.find((t) => t.part === part && t.engine === engine));
    const names = new Set(columns.flatMap((total) => Object.keys(total?.counts ?? {})));
    const row = (title: string, counted: string, of: (total: Total) => number | undefined) =>
      `| ${title} | ${counted} | ${columns.map((total) => figure(total && of(total))).join(' | ')} |`;
    return [
      row(`\`${part}\``, 'rounds', ({ rounds }) => rounds),
      ...[...names].map((name) => row('', name.replace(/^max /, 'most '), ({ counts }) => counts[name])),
      row('', 'failed rounds', ({ failures }) => failures),
    ];
  });
}

function figure(value: number | undefined): string {
  return value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: 1 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const logs = process.argv.slice(2);
  if (logs.length > 0) writeFileSync(TOTALS, `${JSON.stringify(totalsOf(logs.flatMap(readLog)), null, 1)}\n`);
  writeFileSync(DOCUMENT, withFigures(readFileSync(DOCUMENT, 'utf8'), readTotals()));
}
