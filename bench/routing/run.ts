// `npm run bench -- routing`: where is a request served best? Every operation, size and depth on each file system, by
// node:fs/promises, by each engine alone, and by the ring that routes. The figures behind src/ring/routing.ts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.js';
import { median } from '../results.js';
import { type Cell, cells, makeFile, slice, titleOf } from './cells.js';
import { type Contender, contenders, ROUTED } from './contenders.js';
import { findPlaces, type Place } from './places.js';
import { BEST_BOUND, type Grid, type Line, markdown, NODE_BOUND, overBest, overNode } from './table.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MARK = '<!-- grid -->';

export const routingUsage = `npm run bench -- routing [options]

  --rounds N           slices per cell and contender; a figure is the median (default 3)
  --again N            so many more where a bound seems to be missed (default 18)
  --slice MS           length of a slice (default 60)
  --only TEXT          only cells whose title contains it: "ext4 write 4 KiB", "stat"
  --json FILE          where the figures go; default: build/bench-routing.json
  --docs               write the tables into docs/routing.md`;

export async function runRouting(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      again: { type: 'string', default: '18' },
      slice: { type: 'string', default: '60' },
      only: { type: 'string', default: '' },
      json: { type: 'string', default: 'build/bench-routing.json' },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(routingUsage);
    return;
  }
  const { places, absent } = findPlaces();
  const all = contenders();
  const lines: Line[] = [];
  try {
    const machine = describeMachine(places[0].folder);
    for (const place of places) {
      const path = makeFile(place);
      for (const cell of cells) {
        if (!`${place.name} ${titleOf(cell)}`.includes(values.only)) continue;
        const line = emptyLine(place, cell, all);
        await measure(line, path, all, Number(values.rounds), Number(values.slice));
        // What is slow by chance is not, measured longer; what is slow is.
        if (seemsBehind(line)) await measure(line, path, all, Number(values.again), Number(values.slice));
        lines.push(line);
        console.log(`${place.name.padEnd(8)} ${summary(line)}`);
      }
    }
    for (const [name, reason] of Object.entries(absent)) console.log(`${name}: ${reason}`);
    publish({ machine, absent, lines }, values.json, values.docs);
  } finally {
    for (const contender of all) await contender.close();
    for (const place of places.reverse()) place.remove();
  }
}

function emptyLine(place: Place, cell: Cell, all: Contender[]): Line {
  return { place: place.name, cell, rounds: Object.fromEntries(all.map(({ name }) => [name, []])) };
}

/** Adds rounds to the line's. */
async function measure(
  line: Line,
  path: string,
  all: Contender[],
  rounds: number,
  milliseconds: number,
): Promise<void> {
  if (line.failure !== undefined) return;
  try {
    for (let round = 0; round < rounds; round++) {
      // Another order in each round: what one leaves behind (dirty pages, garbage) is not always the next one's.
      for (let i = 0; i < all.length; i++) {
        const contender = all[(i + round) % all.length];
        const perSecond = await slice(contender, path, line.cell, milliseconds, 1 + round);
        line.rounds[contender.name].push(perSecond);
      }
    }
  } catch (error) {
    line.failure = (error as Error).message;
  }
}

function seemsBehind(line: Line): boolean {
  if (line.failure !== undefined) return false;
  return overNode(line).median < NODE_BOUND || overBest(line).median < BEST_BOUND;
}

function summary(line: Line): string {
  const { cell, rounds, failure } = line;
  const title = `${titleOf(cell).padEnd(24)} depth ${String(cell.depth).padEnd(4)}`;
  if (failure) return `${title} ${failure}`;
  const figures = Object.entries(rounds).map(([name, list]) => `${name} ${Math.round(median(list))}`);
  const ratios = `${overNode(line).median.toFixed(2)} x node, ${overBest(line).median.toFixed(2)} x best`;
  return `${title} ${figures.join('  ')}  (${ratios}, ${rounds[ROUTED].length} rounds)`;
}

function publish(grid: Grid, json: string, docs: boolean): void {
  const file = resolve(json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(grid, null, 2)}\n`);
  console.log(`Figures: ${file}`);
  if (!docs) return;
  const page = resolve(root, 'docs', 'routing.md');
  const [before] = readFileSync(page, 'utf8').split(MARK);
  writeFileSync(page, `${before}${MARK}\n\n${markdown(grid)}`);
  console.log('Tables: docs/routing.md');
}
