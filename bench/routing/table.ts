// The grid as Markdown: one table per file system, and what loses.
import type { Machine } from '../machine.js';
import { type Ratio, ratioOf, verdictOn } from '../pairs.js';
import { median } from '../results.js';
import { type Cell, titleOf } from './cells.js';
import { NODE, ROUTED } from './contenders.js';

export interface Line {
  readonly place: string;
  readonly cell: Cell;
  /** operations per second by contender, one figure a round */
  readonly rounds: Record<string, number[]>;
  failure?: string;
}

export interface Grid {
  readonly machine: Machine;
  readonly absent: Readonly<Record<string, string>>;
  readonly lines: readonly Line[];
}

const ENGINES = ['io_uring', 'threads'];
/** Nowhere slower than node:fs/promises … */
export const NODE_BOUND = 1;
/** … and nowhere more than a tenth behind the better engine. */
export const BEST_BOUND = 0.9;

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
  const rows = lines.map((line) => {
    const { cell, rounds, failure } = line;
    const head = `| ${titleOf(cell)} | ${cell.depth} |`;
    if (failure) return `${head} ${failure} | | | | | |`;
    const figures = [NODE, ...ENGINES, ROUTED].map((name) => quantity(median(rounds[name]))).join(' | ');
    return `${head} ${figures} | ${overNode(line).median.toFixed(2)} × | ${overBest(line).median.toFixed(2)} × |`;
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
  const list = (title: string, ratio: (line: Line) => Ratio, bound: number) =>
    (['missed', 'in doubt'] as const).flatMap((verdict) => {
      const some = measured.filter((line) => verdictOn(ratio(line), bound) === verdict);
      return [
        `${title}${verdict === 'missed' ? '' : ', perhaps'}: ${some.length} of ${measured.length}.`,
        ...some.map((line) => {
          const { median, low, high } = ratio(line);
          const range = `${low.toFixed(2)} to ${high.toFixed(2)}`;
          return `- ${line.place}, ${titleOf(line.cell)}, depth ${line.cell.depth}: ${median.toFixed(2)} × (${range})`;
        }),
        '',
      ];
    });
  return [
    '### Losers\n',
    'In brackets: between which values the ratio is with 90 % confidence. Where that includes the bound, it says "perhaps".\n',
    ...list('Slower than node:fs/promises', overNode, NODE_BOUND),
    ...list('More than 10 % behind the better engine', overBest, BEST_BOUND),
  ].join('\n');
}

export function overNode({ rounds }: Line): Ratio {
  return ratioOf(rounds[ROUTED], rounds[NODE]);
}

/** Over whichever engine alone has the better median. */
export function overBest({ rounds }: Line): Ratio {
  const [first, second] = ENGINES.map((name) => rounds[name]);
  return ratioOf(rounds[ROUTED], median(first) > median(second) ? first : second);
}

function quantity(value: number): string {
  if (value >= 100_000) return `${Math.round(value / 1000)} k`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : String(Math.round(value));
}
