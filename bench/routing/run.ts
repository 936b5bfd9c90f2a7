// `npm run bench -- routing`: where is a request served best? Every operation, size and depth on each file system, by
// node:fs/promises, by each engine alone, and by the ring that routes. The figures behind src/ring/routing.ts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.js';
import { type Cell, cells, makeFile, slice, titleOf } from './cells.js';
import { type Contender, contenders, NODE, ROUTED } from './contenders.js';
import { findPlaces, type Place } from './places.js';
import { type Grid, type Line, markdown } from './table.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MARK = '<!-- grid -->';

export const routingUsage = `npm run bench -- routing [options]

  --rounds N           slices per cell and contender; a figure is the median (default 3)
  --slice MS           length of a slice (default 60)
  --only TEXT          only cells whose title contains it: "ext4 write 4 KiB", "stat"
  --json FILE          where the figures go; default: build/bench-routing.json
  --docs               write the tables into docs/routing.md`;

export async function runRouting(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
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
        const line = await measure(place, path, cell, all, Number(values.rounds), Number(values.slice));
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

async function measure(
  place: Place,
  path: string,
  cell: Cell,
  all: Contender[],
  rounds: number,
  milliseconds: number,
): Promise<Line> {
  const figures: Record<string, number[]> = Object.fromEntries(all.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      // Another order in each round: what one leaves behind (dirty pages, garbage) is not always the next one's.
      for (let i = 0; i < all.length; i++) {
        const contender = all[(i + round) % all.length];
        const perSecond = await slice(contender, path, cell, milliseconds, 1 + round);
        figures[contender.name].push(perSecond);
      }
    }
  } catch (error) {
    return { place: place.name, cell, failure: (error as Error).message, perSecond: {} };
  }
  const perSecond = Object.fromEntries(Object.entries(figures).map(([name, list]) => [name, median(list)]));
  return { place: place.name, cell, perSecond };
}

function median(list: number[]): number {
  return list.sort((a, b) => a - b)[list.length >> 1];
}

function summary({ cell, perSecond, failure }: Line): string {
  const title = `${titleOf(cell).padEnd(24)} depth ${String(cell.depth).padEnd(4)}`;
  if (failure) return `${title} ${failure}`;
  const best = Math.max(perSecond['io_uring'], perSecond['threads']);
  const figures = Object.entries(perSecond).map(([name, value]) => `${name} ${Math.round(value)}`);
  const ratios = `${(perSecond[ROUTED] / perSecond[NODE]).toFixed(2)} x node, ${(perSecond[ROUTED] / best).toFixed(2)} x best`;
  return `${title} ${figures.join('  ')}  (${ratios})`;
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
