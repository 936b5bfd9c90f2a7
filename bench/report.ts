// The results as Markdown: the tables between the markers of docs/benchmarks.md. Losses are printed like wins, in bold
// with a mark, and listed.
import { readFileSync, writeFileSync } from 'node:fs';
import type { ContestantId } from './contestants/index.js';
import { type Figure, type Loss, type Ratio, type Results, type Rival, type Row, rivals } from './results.js';

const begin = '<!-- bench:begin -->';
const end = '<!-- bench:end -->';

/** Our contestants by the names of the ratio table. */
const short: Partial<Record<ContestantId, string>> = {
  promises: 'promises',
  ring: '`Ring` callbacks',
  many: '`readMany`/`writeMany`',
  posix: '`linux-aio/posix`',
};

export function writeDocs(file: string, results: Results): void {
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no ${begin} … ${end}`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n${markdown(results)}\n${text.slice(to)}`);
}

export function markdown(results: Results): string {
  const sections = [
    machineLines(results),
    '### Throughput',
    'Operations per second, MiB/s or files per second as the workload says; medians.',
    throughput(results),
    '### Ratios',
    'Ours divided by theirs; the median of the rounds, and in brackets the least and the most. **Bold ▼**: slower than ' +
      '`node:fs/promises`, or short of a goal.',
    ratios(results),
    '### CPU time',
    'Microseconds of user and system time per operation (a chunk in the sequential workloads, a file in those that ' +
      'read files whole), all threads of the process.',
    cpu(results),
    '### Goals',
    goalTable(results),
    '### Where we are slower',
    losses(results),
    beaten(results),
  ];
  const missing = didNotRun(results);
  if (missing) sections.push('### Did not run', missing);
  return `\n${sections.filter(Boolean).join('\n\n')}\n`;
}

function machineLines({ machine, rounds, sliceMilliseconds, contestants }: Results): string {
  const versions = contestants.filter(({ version }) => version);
  const others = versions.map(({ title, version }) => `${title.split(' ')[0]} ${version}`);
  return [
    `${machine.date}${machine.commit ? `, commit ${machine.commit}` : ''}: ${machine.cpu}, ${machine.cores} cores, ` +
      `${machine.memoryGiB} GiB; Linux ${machine.kernel}; ${machine.fileSystem};`,
    `${[`Node ${machine.node} (${machine.libuvThreads} pool threads)`, ...others].join(', ')}; ` +
      `${[machine.engine, machine.compiler].filter(Boolean).join('; ')}.`,
    `${rounds} rounds of ${sliceMilliseconds / 1000} s. Load average at the start: ${machine.load}.`,
  ].join('\n');
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|---|${'---:|'.repeat(head.length - 1)}`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** The tables of a kind: the workloads of a group with the contestants that any of them has. */
function tables(
  { contestants, workloads }: Results,
  tableOf: (contestants: Results['contestants'], rows: Row[]) => string,
): string {
  const groups = [...new Set(workloads.map(({ group }) => group))];
  return groups
    .map((group) => {
      const rows = workloads.filter((row) => row.group === group);
      const present = contestants.filter(({ id }) => rows.some(({ figures }) => figures[id]));
      return tableOf(present, rows);
    })
    .join('\n\n');
}

function throughput(results: Results): string {
  return tables(results, (contestants, rows) =>
    table(
      ['workload', ...contestants.map(({ title }) => title)],
      rows.map((row) => [
        `\`${row.id}\`: ${row.title}, ${row.unit}`,
        ...contestants.map(({ id }) => cell(row.figures[id], ({ perSecond }) => quantity(perSecond))),
      ]),
    ),
  );
}

function cpu(results: Results): string {
  return tables(results, (contestants, rows) =>
    table(
      ['workload', ...contestants.map(({ title }) => title)],
      rows.map((row) => [
        `\`${row.id}\``,
        ...contestants.map(({ id }) =>
          cell(row.figures[id], (figure) => quantity(figure.cpuMicrosPerOperation)),
        ),
      ]),
    ),
  );
}

function ratios(results: Results): string {
  const show = (row: Row, id: ContestantId, rival: Loss['rival']) => {
    const lost = results.losses.some(
      (loss) => loss.workload === row.id && loss.ours === id && loss.rival === rival,
    );
    return ratioCell(row.figures[id]?.over[rival], lost);
  };
  return tables(results, (contestants, rows) => {
    const ours = contestants.filter((contestant) => contestant.ours);
    const theirs = rivals.filter((rival) => contestants.some(({ id }) => id === rival));
    const pairs = theirs.flatMap((rival) => ours.map(({ id }) => ({ id, rival })));
    return table(
      ['workload', ...pairs.map(({ id, rival }) => `${short[id]} ÷ ${shortRival(contestants, rival)}`)],
      rows.map((row) => [`\`${row.id}\``, ...pairs.map(({ id, rival }) => show(row, id, rival))]),
    );
  });
}

function shortRival(contestants: Results['contestants'], rival: Rival): string {
  return rival === 'c' ? 'C' : titleOf(contestants, rival);
}

function cell(figure: Figure | undefined, show: (figure: Figure) => string): string {
  return figure ? show(figure) : '–';
}

function ratioCell(ratio: Ratio | undefined, lost: boolean): string {
  if (!ratio) return '–';
  const text = `${factor(ratio.median)} (${factor(ratio.least)}–${factor(ratio.most)})`;
  return lost ? `**${text} ▼**` : text;
}

function goalTable({ goals: all, workloads, contestants }: Results): string {
  const goals = all.filter(({ workload }) => workloads.some(({ id }) => id === workload));
  if (goals.length === 0) return 'None is set for the workloads of this run.';
  return table(
    ['workload', 'ours', 'against', 'goal', 'measured', ''],
    goals.map(({ workload, ours, rival, atLeast, measured, met }) => [
      `\`${workload}\``,
      short[ours] ?? ours,
      titleOf(contestants, rival),
      `≥ ${atLeast} ×`,
      measured === undefined ? '–' : `${factor(measured)} ×`,
      met === undefined ? 'not measured' : met ? 'met' : '**not met**',
    ]),
  );
}

function losses({ losses, contestants, workloads }: Results): string {
  const ours = contestants.filter((contestant) => contestant.ours);
  const compared = workloads.filter(({ figures }) => ours.some(({ id }) => figures[id]?.over.node));
  if (compared.length === 0) return 'Nothing of ours was measured against `node:fs/promises` in this run.';
  if (losses.length === 0) {
    return `Nowhere (${compared.length} compared): nothing below \`node:fs/promises\`, no goal missed.`;
  }
  const item = ({ workload, ours, rival, ratio, goal }: Loss) =>
    `- \`${workload}\`, ${short[ours]}: ${factor(ratio)} × ${titleOf(contestants, rival)}` +
    `${goal === undefined ? '' : `, short of the goal of ${goal} ×`}`;
  return `${losses.map(item).join('\n')}\n\nThe reasons are [below](#reasons).`;
}

/** Being faster than node:fs/promises is not being the fastest. */
function beaten({ workloads, contestants }: Results): string {
  const rivals = contestants.filter(({ id, ours }) => !ours && id !== 'c' && id !== 'node');
  const items = workloads.flatMap((row: Row) => {
    const mine = row.figures.promises?.perSecond;
    if (mine === undefined) return [];
    const faster = rivals.flatMap(({ id, title }) => {
      const theirs = row.figures[id]?.perSecond;
      return theirs !== undefined && theirs > mine ? [`${title} (${factor(theirs / mine)} ×)`] : [];
    });
    return faster.length > 0 ? [`- \`${row.id}\`: ${faster.join(', ')}`] : [];
  });
  return items.length > 0
    ? `Others, faster than our promises by the factor given:\n\n${items.join('\n')}`
    : '';
}

function didNotRun({ absent, workloads, contestants }: Results): string {
  const items = Object.entries(absent).map(([id, reason]) => `- ${id}: ${reason}`);
  for (const row of workloads) {
    if (row.skipped) items.push(`- \`${row.id}\`: ${row.skipped}`);
    const reasons = [...Object.entries(row.failures), ...Object.entries(row.complaints)];
    for (const [id, reason] of reasons) {
      items.push(`- \`${row.id}\`, ${titleOf(contestants, id as ContestantId)}: ${gist(reason)}`);
    }
  }
  return items.join('\n');
}

function titleOf(contestants: Results['contestants'], id: ContestantId): string {
  return contestants.find((contestant) => contestant.id === id)?.title ?? id;
}

/** The line of a failure that says what went wrong: the results in JSON have all of it. */
export function gist(reason: string): string {
  const lines = reason.split('\n');
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0]).trim();
}

/** Three significant digits, thousands as k. */
export function quantity(value: number): string {
  if (value >= 100_000) return `${Math.round(value / 1000)} k`;
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} k`;
  if (value >= 100) return String(Math.round(value));
  return value.toPrecision(value >= 1 ? 3 : 2);
}

export function factor(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
