// The grid as Markdown: one table per file system, and what loses.
import type { Machine } from '../machine.js';
import { type Cell, titleOf } from './cells.js';
import { NODE, ROUTED } from './contenders.js';

export interface Line {
  readonly place: string;
  readonly cell: Cell;
  /** operations per second by contender, medians */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly failure?: string;
}

export interface Grid {
  readonly machine: Machine;
  readonly absent: Readonly<Record<string, string>>;
  readonly lines: readonly Line[];
}

const ENGINES = ['io_uring', 'threads'];
/** Short slices on a shared machine: what is nearer than this is the same. */
const NOISE = 0.9;

export function markdown({ machine, absent, lines }: Grid): string {
  const places = [...new Set(lines.map(({ place }) => place))];
  const { cpu, cores, kernel, node, date } = machine;
  return [
    `Operations per second, ${date}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}.\n`,
    ...places.map((place) =>
      table(
        place,
        lines.filter((line) => line.place === place),
      ),
    ),
    ...Object.entries(absent).map(([name, reason]) => `Not measured, ${name}: ${reason}.\n`),
    losers(lines),
  ].join('\n');
}

function table(place: string, lines: Line[]): string {
  const rows = lines.map(({ cell, perSecond, failure }) => {
    const head = `| ${titleOf(cell)} | ${cell.depth} |`;
    if (failure) return `${head} ${failure} | | | | | |`;
    const figures = [NODE, ...ENGINES, ROUTED].map((name) => quantity(perSecond[name])).join(' | ');
    return `${head} ${figures} | ${overNode(perSecond).toFixed(2)} × | ${overBest(perSecond).toFixed(2)} × |`;
  });
  return [
    `### ${place}\n`,
    '| operation | depth | node:fs/promises | io_uring alone | threads alone | routed | over node | over the better engine |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows,
    '',
  ].join('\n');
}

function losers(lines: readonly Line[]): string {
  const measured = lines.filter(({ failure }) => failure === undefined);
  const slower = measured.filter(({ perSecond }) => overNode(perSecond) < 1);
  const behind = measured.filter(({ perSecond }) => overBest(perSecond) < NOISE);
  const list = (title: string, some: Line[], ratio: (perSecond: Line['perSecond']) => number) => [
    `${title}: ${some.length} of ${measured.length}.`,
    ...some.map(
      ({ place, cell, perSecond }) =>
        `- ${place}, ${titleOf(cell)}, depth ${cell.depth}: ${ratio(perSecond).toFixed(2)} ×`,
    ),
    '',
  ];
  return [
    '### Losers\n',
    ...list('Slower than node:fs/promises', slower, overNode),
    ...list('More than 10 % behind the better engine', behind, overBest),
  ].join('\n');
}

function overNode(perSecond: Line['perSecond']): number {
  return perSecond[ROUTED] / perSecond[NODE];
}

function overBest(perSecond: Line['perSecond']): number {
  return perSecond[ROUTED] / Math.max(...ENGINES.map((name) => perSecond[name]));
}

function quantity(value: number): string {
  if (value >= 100_000) return `${Math.round(value / 1000)} k`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : String(Math.round(value));
}
