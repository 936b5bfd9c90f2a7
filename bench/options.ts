// The command line of `npm run bench`.
import { parseArgs } from 'node:util';
import { type ContestantId, contestantIds } from './contestants/index.js';
import type { Workload } from './workload.js';
import { workloads } from './workloads/index.js';

export const usage = `npm run bench -- [WORKLOAD…] [options]

  WORKLOAD             id of a workload, or the beginning of several: read, write-direct, append-1 …; default: all
  --quick              three rounds of 0.3 s instead of five of 1 s
  --rounds N           rounds; a figure is the median over them
  --slice MS           length of a slice
  --contestants A,B    only these (${contestantIds.join(', ')})
  --json FILE          where the results go; default: build/bench-results.json
  --docs               write the tables into docs/benchmarks.md even when the run was not a full one
  --list               list the workloads and who takes part
  --help`;

export interface Options {
  workloads: Workload[];
  contestants: readonly ContestantId[];
  rounds: number;
  milliseconds: number;
  json: string;
  /** all workloads, all contestants, full length; or asked for */
  docs: boolean;
  list: boolean;
  help: boolean;
}

export class UsageError extends Error {}

export function parseOptions(args: string[]): Options {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  const quick = values.quick ?? false;
  const chosen = positionals.length === 0 ? [...workloads] : select(positionals);
  const contestants = values.contestants ? names(values.contestants) : contestantIds;
  const rounds = number('rounds', values.rounds, quick ? 3 : 5, 1, 1000);
  const milliseconds = number('slice', values.slice, quick ? 300 : 1000, 10, 600_000);
  const full = positionals.length === 0 && !values.contestants && rounds >= 5 && milliseconds >= 1000;
  return {
    workloads: chosen,
    contestants,
    rounds,
    milliseconds,
    json: values.json ?? 'build/bench-results.json',
    docs: full || (values.docs ?? false),
    list: values.list ?? false,
    help: values.help ?? false,
  };
}

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      slice: { type: 'string' },
      contestants: { type: 'string' },
      json: { type: 'string' },
      docs: { type: 'boolean' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
}

/** An exact id is itself alone (append-1, not append-1 and append-10); otherwise a beginning. */
function select(wanted: string[]): Workload[] {
  const chosen = wanted.flatMap((name) => {
    const exact = workloads.filter(({ id }) => id === name);
    const found = exact.length > 0 ? exact : workloads.filter(({ id }) => id.startsWith(name));
    if (found.length === 0) throw new UsageError(`no workload begins with '${name}'; --list shows them`);
    return found;
  });
  return workloads.filter((workload) => chosen.includes(workload));
}

function names(list: string): ContestantId[] {
  return list.split(',').map((name) => {
    const id = contestantIds.find((each) => each === name);
    if (!id) throw new UsageError(`no contestant '${name}'; there are ${contestantIds.join(', ')}`);
    return id;
  });
}

function number(
  name: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}
