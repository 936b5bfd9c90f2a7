// What `aio bench compare` prints: a table at 80 columns, or JSON.
import type { Align, Column } from '../table.js';
import { renderTable, wrap } from '../table.js';
import type { Painter, Style } from '../terminal.js';
import { LINE_WIDTH } from '../terminal.js';
import { formatNumber, formatRate } from '../units.js';
import type { Change, ComparedRow, Comparison, Figure, Side, Verdict } from './compare.js';
import { FIGURES } from './compare.js';
import { titleOf } from './title.js';

/** What the verdict on IOPS is called. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  better: 'faster',
  worse: 'slower',
  same: 'same',
  unclear: 'unclear',
};

const STYLES: Readonly<Partial<Record<Verdict, Style>>> = { better: 'green', worse: 'red' };

export function renderComparison(comparison: Comparison, paint: Painter): string {
  const { a, b, rows } = comparison;
  const lines = [
    paint('dim', sideLine('A', a)),
    paint('dim', sideLine('B', b)),
    ...differenceLines(comparison, paint),
  ];
  for (const group of groupsOf(rows)) {
    lines.push('', paint('bold', titleOf(group[0])), ...table(group, paint));
  }
  return `${[...lines, '', ...notes(comparison, paint)].join('\n')}\n`;
}

/** Rows of one job of a job file, one after the other. */
export function groupsOf(rows: readonly ComparedRow[]): ComparedRow[][] {
  const groups = new Map<string, ComparedRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.name, row.conditions]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function sideLine(letter: string, { path, version, time }: Side): string {
  return `${letter}  ${path}, ${time.slice(0, 16).replace('T', ' ')} UTC, linux-aio ${version}`;
}

function differenceLines({ differences }: Comparison, paint: Painter): string[] {
  return differences
    .flatMap(({ what, a, b }) => wrap(`differs: ${what} was ${a} in A and is ${b} in B`, LINE_WIDTH, '  '))
    .map((line) => paint('yellow', line));
}

function table(rows: readonly ComparedRow[], paint: Painter): string[] {
  const mixed = rows.some((row) => row.kind !== rows[0].kind);
  const column = (title: string, align: Align = 'right'): Column => ({ title, align });
  const columns = [
    column('depth'),
    column('engine', 'left'),
    ...(mixed ? [column('kind', 'left')] : []),
    column('IOPS\nA'),
    column('IOPS\nB'),
    column('IOPS\nB/A'),
    column('of the\nrounds'),
    column('verdict', 'left'),
    column('p99\nB/A', 'left'),
    column('CPU/op\nB/A', 'left'),
  ];
  const body = rows.map((row, i) => {
    const { depth, engine, kind, iops, p99, cpu } = row;
    const first = i === 0 || rows[i - 1].depth !== depth;
    const again = !first && rows[i - 1].engine === engine;
    return [
      first ? String(depth) : '',
      again ? '' : engine,
      ...(mixed ? [kind] : []),
      formatRate(iops.a),
      formatRate(iops.b),
      formatRatio(iops.ratio),
      `${formatRatio(iops.ratioMin)}–${formatRatio(iops.ratioMax)}`,
      painted(VERDICT_WORDS[iops.verdict], iops.verdict, paint),
      ratioCell(p99, paint),
      // The process is one, so this stands once for reads and writes together.
      again ? '' : ratioCell(cpu, paint),
    ];
  });
  const [upper, lower, ...lines] = renderTable(columns, body);
  return [paint('dim', upper), paint('dim', lower), ...lines];
}

function ratioCell(change: Change | null, paint: Painter): string {
  if (change === null) return '–';
  const { ratio, verdict } = change;
  const mark = verdict === 'better' ? '+' : verdict === 'worse' ? '-' : '';
  return painted(`${formatRatio(ratio)}${mark}`, verdict, paint);
}

function painted(text: string, verdict: Verdict, paint: Painter): string {
  const style = STYLES[verdict];
  return style === undefined ? text : paint(style, text);
}

/** Two decimals, as far as they mean something: `0.98`, `12.3`, `140`. */
export function formatRatio(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(2) : formatNumber(ratio);
}

function notes({ rows, onlyA, onlyB, controlsChanged }: Comparison, paint: Painter): string[] {
  const count = (verdict: Verdict): number => rows.filter((row) => row.iops.verdict === verdict).length;
  const verdicts = (['better', 'worse', 'same', 'unclear'] as const)
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${VERDICT_WORDS[verdict]}`);
  const percent = (figure: Figure): string => `${FIGURES[figure].runToRun * 100} %`;
  const legend =
    `of the rounds: from B's slowest by A's fastest to B's fastest by A's slowest. faster, slower, + and -: all of ` +
    `that is more than ${percent('iops')} (p99: ${percent('p99')}) away from 1. same: B/A is less than that away. ` +
    'unclear: neither; repeat both with a longer --runtime, on a quiet machine. + is better, - is worse.';
  const missing = [
    ...onlyA.map((text) => `only in A: ${text}`),
    ...onlyB.map((text) => `only in B: ${text}`),
  ];
  const controls = controlsChanged.map(({ depth, iops }) => `${formatRatio(iops.ratio)} at depth ${depth}`);
  const doubt =
    controls.length === 0
      ? ''
      : `node:fs/promises has changed too, with the same Node and kernel: ${controls.join(', ')}. So the machine has, ` +
        'and the verdicts on the other rows are in doubt: repeat both, on a quiet machine.';
  return [
    ...wrap(doubt, LINE_WIDTH).map((line) => paint('yellow', line)),
    ...wrap(`Of ${rows.length} rows: ${verdicts.join(', ')}.`, LINE_WIDTH),
    ...wrap(legend, LINE_WIDTH).map((line) => paint('dim', line)),
    ...missing.flatMap((text) => wrap(text, LINE_WIDTH, '  ')).map((line) => paint('yellow', line)),
  ];
}

/** The comparison for programs. */
export function comparisonToJson(comparison: Comparison): object {
  const { a, b, rows, onlyA, onlyB, differences, controlsChanged } = comparison;
  return {
    a,
    b,
    run_to_run: {
      iops: FIGURES.iops.runToRun,
      clat_ns_p50: FIGURES.p50.runToRun,
      clat_ns_p99: FIGURES.p99.runToRun,
      cpu_us_per_op: FIGURES.cpu.runToRun,
    },
    differences,
    controls_changed: controlsChanged.length > 0,
    rows: rows.map((row) => ({
      name: row.name,
      ...row.conditions,
      ioengine: row.engine,
      iodepth: row.depth,
      kind: row.kind,
      iops: changeToJson(row.iops),
      clat_ns_p50: changeToJson(row.p50),
      clat_ns_p99: changeToJson(row.p99),
      cpu_us_per_op: changeToJson(row.cpu),
    })),
    only_in_a: onlyA,
    only_in_b: onlyB,
  };
}

function changeToJson(change: Change | null): object | null {
  if (change === null) return null;
  const { a, b, ratio, ratioMin, ratioMax, verdict } = change;
  return { a, b, ratio, ratio_min: ratioMin, ratio_max: ratioMax, verdict };
}
