// `npm run bench -- surface [FUNCTION…]`: every asynchronous function of node:fs with and without
// `--import linux-aio/register`, and Bun's where it is there, slice by slice in turn, in processes of its own. Writes
// docs/drop-in-figures.md.
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
import { type Ratio, ratioOf, type Verdict, verdictOn } from '../pairs.js';
import { factor, quantity } from '../report.js';
import { median } from '../results.js';

import { type Entry, entries, plant } from './functions.js';
import type { Answer, Slice } from './host.js';

const DEPTHS = [1, 32];
/** Processes of each side, where a bound seems to be missed. */
const PAIRINGS = '8';
/** After so many V8 has compiled what it will compile. */
const WARM_UP_OPERATIONS = 100_000;
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
  /** operations per second: a figure a round, or where it was measured again a figure a process */
  rates: Record<string, number[]>;
  ratio: Ratio;
}

export async function surface(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      again: { type: 'string', default: PAIRINGS },
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
    const register = import.meta.resolve('linux-aio/register');
    const bun = findContestants().present.find(({ id }) => id === 'bun');
    const commands: [string, readonly string[]][] = [
      ['node', [process.execPath]],
      ['linux-aio', [process.execPath, '--import', register]],
    ];
    if (bun) commands.push(['bun', bun.runtime!]);
    const rows: Row[] = [];
    for (const name of names) {
      for (const depth of entries[name].alone ? [1] : DEPTHS) {
        const slice: Slice = { entry: name, depth, milliseconds: Number(values.slice) };
        const start = (chosen: typeof commands) =>
          chosen.map(([who, command]) => new Contestant(who, command, [folder, small]));
        const rounds = Number(values.rounds);
        let row = rowOf(slice, await measure(start(commands), slice, rounds));
        // What is slow by chance is not, measured again; what is slow is.
        if (verdict(row) !== 'reached') {
          const rates: Record<string, number[]> = { ...row.rates, node: [], 'linux-aio': [] };
          for (let pairing = 0; pairing < Number(values.again); pairing++) {
            const again = await measure(start(commands.slice(0, 2)), slice, rounds);
            for (const who of ['node', 'linux-aio']) rates[who].push(median(again[who]));
          }
          row = rowOf(slice, rates);
        }
        rows.push(row);
        const shown = Object.entries(row.rates).map(([who, list]) => `${who} ${quantity(median(list))}`);
        const { ratio } = row;
        console.log(
          `${name.padEnd(36)} ${String(depth).padStart(2)}  ${shown.join('  ')}  ${factor(ratio.median)} × (${factor(ratio.low)} to ${factor(ratio.high)})${mark(row)}`,
        );
      }
    }
    if (values.docs) {
      const text = readFileSync(docs, 'utf8');
      const [from, to] = [text.indexOf(begin), text.indexOf(end)];
      if (from < 0 || to < from) throw new Error(`${docs} has no ${begin} … ${end}`);
      const heading =
        `${machine.date}, commit ${machine.commit}: ${machine.cpu}, ${machine.cores} cores; Linux ${machine.kernel}; ` +
        `${machine.fileSystem}; Node ${machine.node}${bun ? `, Bun ${bun.version}` : ''}; ` +
        `${values.rounds} rounds of ${values.slice} ms; where a bound seemed to be missed, those of ${values.again} more processes on each side.`;
      const body = `\n\n${heading}\n\n${table(rows, bun !== undefined)}\n\n`;
      writeFileSync(docs, text.slice(0, from + begin.length) + body + text.slice(to));
    }
  } finally {
    fixtures.remove();
  }
}

/**
 * One process of each contestant, slice by slice in turn. What is compiled, collected and cached by then does not depend on
 * the functions before; but where the system puts its threads and its memory, a process keeps.
 *
 * @returns operations per second, a figure a round
 */
async function measure(
  contestants: readonly Contestant[],
  slice: Slice,
  rounds: number,
): Promise<Record<string, number[]>> {
  const rates = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const contestant of contestants) {
      const isFirst = round === 0;
      try {
        const rate = await contestant.run(isFirst ? { ...slice, operations: WARM_UP_OPERATIONS } : slice);
        if (!isFirst) rates.get(contestant.name)?.push(rate);
      } catch (error) {
        if (contestant.name !== 'bun') throw error; // it has not everything that Node has
        rates.delete('bun');
      }
    }
  }
  for (const contestant of contestants) await contestant.close();
  return Object.fromEntries(rates);
}

function rowOf({ entry: name, depth }: Slice, rates: Record<string, number[]>): Row {
  return { name, entry: entries[name], depth, rates, ratio: ratioOf(rates['linux-aio'], rates['node']) };
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

/** Of the goal where there is one, else of not being slower than Node. */
function verdict(row: Row): Verdict {
  const { entry, depth, ratio } = row;
  if (isNodesOwn(row)) return 'reached';
  return verdictOn(ratio, entry.goal?.depth === depth ? entry.goal.atLeast : TOLERANCE);
}

function mark(row: Row): string {
  const { entry, depth } = row;
  if (isNodesOwn(row)) return "  Node's own";
  const hasGoal = entry.goal?.depth === depth;
  switch (verdict(row)) {
    case 'reached':
      return hasGoal ? '  goal met' : '';
    case 'in doubt':
      return hasGoal ? `  GOAL IN DOUBT: ${entry.goal!.atLeast}` : '  slower, perhaps';
    case 'missed':
      return hasGoal ? `  GOAL MISSED: ${entry.goal!.atLeast}` : '  SLOWER';
  }
}

function table(rows: readonly Row[], bun: boolean): string {
  const head = [
    'function',
    'depth',
    'Node',
    'linux-aio',
    ...(bun ? ['Bun'] : []),
    'linux-aio ÷ Node',
    '90 %',
    '',
  ];
  const lines = rows.map((row) => {
    const { name, depth, rates, ratio, entry } = row;
    const cells = [rates['node'], rates['linux-aio'], ...(bun ? [rates['bun']] : [])];
    const goal =
      entry.goal?.depth === depth ? `goal: ≥ ${entry.goal.atLeast}` : isNodesOwn(row) ? "Node's own" : '';
    const bold = verdict(row) === 'missed' ? '**' : verdict(row) === 'in doubt' ? '*' : '';
    const shown = cells.map((list) => (list === undefined ? '–' : quantity(median(list))));
    const range = `${factor(ratio.low)} to ${factor(ratio.high)}`;
    return `| \`${name}\` | ${depth} | ${shown.join(' | ')} | ${bold}${factor(ratio.median)}${bold} | ${range} | ${goal} |`;
  });
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:')).join('|');
  return [`| ${head.join(' | ')} |`, `|${rule}|`, ...lines].join('\n');
}
