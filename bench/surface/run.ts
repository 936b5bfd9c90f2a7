// `npm run bench -- surface [FUNCTION…]`: every asynchronous function of node:fs with and without
// `--import linux-aio/register`, and Bun's where it is there, slice by slice in turn. Writes docs/drop-in-figures.md.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ringCallbacks } from '#dist/fs/callback-functions.js';
import { ringPromises } from '#dist/fs/promise-functions.js';
import { findContestants } from '../contestants/index.js';
import { Fixtures } from '../fixtures.js';
import { describeMachine } from '../machine.js';
import { factor, quantity } from '../report.js';
import { median } from '../results.js';
import { type Entry, entries, plant } from './functions.js';
import type { Answer, Slice } from './host.js';

const DEPTHS = [1, 32];
/** Slower than Node by more than this is a loss. */
const TOLERANCE = 0.9;
const begin = '<!-- surface:begin -->';
const end = '<!-- surface:end -->';
const docs = fileURLToPath(new URL('../../../docs/drop-in-figures.md', import.meta.url));

class Contestant {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, command: readonly string[], args: readonly string[]) {
    this.name = name;
    const host = fileURLToPath(new URL('./host.js', import.meta.url));
    this.#child = spawn(command[0], [...command.slice(1), host, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async run(slice: Slice): Promise<number> {
    this.#child.stdin!.write(`${JSON.stringify(slice)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`${this.name} ended in ${slice.entry}`);
    const answer = JSON.parse(line.value) as Answer;
    if ('error' in answer) throw new Error(`${this.name}, ${slice.entry}: ${answer.error}`);
    return answer.perSecond;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }
}

interface Row {
  name: string;
  entry: Entry;
  depth: number;
  /** operations per second, medians */
  figures: Record<string, number>;
  ratio: number;
}

export async function surface(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      slice: { type: 'string', default: '120' },
      goals: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
    },
  });
  const names = Object.keys(entries).filter(
    (name) =>
      (positionals.length === 0 || positionals.some((wanted) => name.includes(wanted))) &&
      (!values.goals || entries[name].goal),
  );
  const fixtures = new Fixtures();
  try {
    const small = await fixtures.path('small-');
    const folder = join(fixtures.folder, 'surface');
    mkdirSync(folder);
    plant({ folder, small }, Math.max(...DEPTHS));
    const machine = describeMachine(folder);
    const contestants = [
      new Contestant('node', [process.execPath], [folder, small]),
      new Contestant(
        'linux-aio',
        [process.execPath, '--import', import.meta.resolve('linux-aio/register')],
        [folder, small],
      ),
    ];
    const bun = findContestants().present.find(({ id }) => id === 'bun');
    if (bun) contestants.push(new Contestant('bun', bun.runtime!, [folder, small]));
    const rows: Row[] = [];
    for (const name of names) {
      for (const depth of entries[name].alone ? [1] : DEPTHS) {
        const row = await measure(contestants, name, depth, Number(values.rounds), Number(values.slice));
        rows.push(row);
        const shown = Object.entries(row.figures).map(([who, figure]) => `${who} ${quantity(figure)}`);
        console.log(
          `${name.padEnd(36)} ${String(depth).padStart(2)}  ${shown.join('  ')}  ${factor(row.ratio)} ×${mark(row)}`,
        );
      }
    }
    for (const contestant of contestants) await contestant.close();
    if (values.docs) {
      const text = readFileSync(docs, 'utf8');
      const [from, to] = [text.indexOf(begin), text.indexOf(end)];
      if (from < 0 || to < from) throw new Error(`${docs} has no ${begin} … ${end}`);
      const heading =
        `${machine.date}, commit ${machine.commit}: ${machine.cpu}, ${machine.cores} cores; Linux ${machine.kernel}; ` +
        `${machine.fileSystem}; Node ${machine.node}${bun ? `, Bun ${bun.version}` : ''}; ` +
        `${values.rounds} rounds of ${values.slice} ms.`;
      const body = `\n\n${heading}\n\n${table(rows, bun !== undefined)}\n\n`;
      writeFileSync(docs, text.slice(0, from + begin.length) + body + text.slice(to));
    }
  } finally {
    fixtures.remove();
  }
}

async function measure(
  contestants: readonly Contestant[],
  name: string,
  depth: number,
  rounds: number,
  milliseconds: number,
): Promise<Row> {
  const rates = new Map(contestants.map(({ name: who }) => [who, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const contestant of contestants) {
      const slice: Slice = {
        entry: name,
        depth,
        milliseconds: round === 0 ? milliseconds / 2 : milliseconds,
      };
      try {
        const rate = await contestant.run(slice);
        if (round > 0) rates.get(contestant.name)!.push(rate); // the first compiles the code
      } catch (error) {
        if (contestant.name !== 'bun') throw error; // it has not everything that Node has
        rates.delete('bun');
      }
    }
  }
  const figures = Object.fromEntries([...rates].map(([who, list]) => [who, median(list)]));
  const each = rates.get('linux-aio')!.map((rate, i) => rate / rates.get('node')![i]);
  return { name, entry: entries[name], depth, figures, ratio: median(each) };
}

const served: Readonly<Record<string, ReadonlySet<string>>> = {
  promises: new Set(Object.keys(ringPromises)),
  fs: new Set([...Object.keys(ringCallbacks), 'createReadStream', 'createWriteStream']),
};
const NODES_HANDLE_METHODS = ['chmod', 'chown', 'utimes'];

/** Whether this package leaves all of it to Node: then what differs is the noise of the measurement. */
function isNodesOwn({ name }: Row): boolean {
  const [, api, functions] = /^(\w+)\.([\w+]+)/.exec(name)!;
  return functions.split('+').every((each) => {
    return api === 'FileHandle' ? NODES_HANDLE_METHODS.includes(each) : !served[api].has(each);
  });
}

function mark(row: Row): string {
  const { entry, depth, ratio } = row;
  if (isNodesOwn(row)) return "  Node's own";
  if (entry.goal?.depth === depth)
    return ratio >= entry.goal.atLeast ? '  goal met' : `  GOAL MISSED: ${entry.goal.atLeast}`;
  return ratio < TOLERANCE ? '  SLOWER' : '';
}

function table(rows: readonly Row[], bun: boolean): string {
  const head = ['function', 'depth', 'Node', 'linux-aio', ...(bun ? ['Bun'] : []), 'linux-aio ÷ Node', ''];
  const lines = rows.map((row) => {
    const { name, depth, figures, ratio, entry } = row;
    const cells = [figures['node'], figures['linux-aio'], ...(bun ? [figures['bun']] : [])];
    const goal =
      entry.goal?.depth === depth ? `goal: ≥ ${entry.goal.atLeast}` : isNodesOwn(row) ? "Node's own" : '';
    const bold = mark(row).includes('MISSED') || mark(row).includes('SLOWER') ? '**' : '';
    const shown = cells.map((figure) => (figure === undefined ? '–' : quantity(figure)));
    return `| \`${name}\` | ${depth} | ${shown.join(' | ')} | ${bold}${factor(ratio)}${bold} | ${goal} |`;
  });
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:')).join('|');
  return [`| ${head.join(' | ')} |`, `|${rule}|`, ...lines].join('\n');
}
