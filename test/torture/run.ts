// `npm run torture`: every part, many rounds, on every engine that works here.
//
//   npm run torture                                        everything (docs/reliability.md says how long it takes)
//   npm run torture -- durability teardown/worker          parts whose name begins so
//   npm run torture -- --engine threads --rounds 200 …     on one engine, so many rounds
//   npm run torture -- --seed 4711 --rounds 1 …            the round that failed, again
//   npm run torture -- --list                              names and promises
//   npm run torture -- --log results.jsonl …               where the totals are appended to (torture.jsonl)
//
// figures.ts makes the tables of docs/reliability.md out of such logs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { stderr, stdout } from 'node:process';
import { inspect, parseArgs } from 'node:util';
import type { EngineName } from 'linux-aio';
import { randomOf } from '../differential/random.js';
import { availableEngines, ENGINES } from '../support/engines.js';
import { type Count, countCase } from './cases.js';
import { appendToLog, type Result, surroundings } from './log.js';
import { add, describeCounts, type Part } from './part.js';
import { PARTS } from './parts.js';

const { values, positionals } = parseArgs({
  options: {
    engine: { type: 'string' },
    seed: { type: 'string' },
    rounds: { type: 'string' },
    log: { type: 'string', default: 'torture.jsonl' },
    list: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const chosen = PARTS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((p) => name.startsWith(p)),
);
const engines = values.engine ? [engineOf(values.engine)] : availableEngines();
const seedBase = wholeNumber('--seed', values.seed) ?? Date.now() % 1e9;
const roundsWanted = wholeNumber('--rounds', values.rounds);

if (chosen.length === 0) usage(`no part is called ${positionals.join(' or ')}; --list names them`);
if (values.list) {
  for (const { name, promise } of chosen) stdout.write(`${name.padEnd(24)} ${promise}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  const where = surroundings();
  stdout.write(
    `Node ${where.node}, Linux ${where.kernel}, ${where.commit}, engines ${engines.join(', ')}, seed ${seedBase}\n`,
  );
  const results: Result[] = [];
  for (const part of chosen) {
    const reason = part.unavailable?.() ?? false;
    for (const engine of part.engines === 'each' ? engines : [engines[0]]) {
      const result = reason === false ? await rounds(part, engine) : skipped(part, engine, reason);
      results.push(result);
      appendToLog(values.log, { ...where, date: new Date().toISOString(), ...result });
      report(part, result);
    }
  }
  const failed = results.filter((result) => result.failure);
  stdout.write(failed.length === 0 ? 'No failure.\n' : `${failed.length} failed.\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function rounds(part: Part, engine: EngineName): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'linux-aio-torture-'));
  const total = roundsWanted ?? part.rounds.full;
  const begun = performance.now();
  const result: Result = {
    part: part.name,
    engine: part.engines === 'each' ? engine : null,
    seed: seedBase,
    rounds: 0,
    seconds: 0,
    counts: {},
  };
  let note = '';
  let current: Count | undefined;
  let seed = seedBase;
  const show = progress(() => {
    const { rounds } = result;
    const left =
      rounds === 0 ? '' : `, ${minutes(((performance.now() - begun) / rounds) * (total - rounds))} left`;
    return `${part.name} ${engine}: ${rounds}/${total}${left}. ${describeCounts(result.counts)} ${note}`;
  });
  try {
    const trial = await part.open({
      engine,
      directory,
      note: (text) => {
        note = text;
      },
      tries: (fault, door) => {
        result.cases ??= {};
        current = countCase(result.cases, fault, door);
      },
    });
    try {
      for (; result.rounds < total; seed++) {
        add(result.counts, await trial.round(randomOf(seed), seed));
        current = undefined;
        result.rounds++;
        show();
      }
    } finally {
      await trial.close?.();
    }
  } catch (error) {
    result.failure = { seed, error: inspect(error, { depth: 4 }) };
    if (current !== undefined) current.failed++;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  result.seconds = Math.round((performance.now() - begun) / 100) / 10;
  return result;
}

function skipped(part: Part, engine: EngineName, reason: string): Result {
  return {
    part: part.name,
    engine: part.engines === 'each' ? engine : null,
    seed: seedBase,
    rounds: 0,
    seconds: 0,
    counts: {},
    skipped: reason,
  };
}

function report(part: Part, { engine, rounds, seconds, counts, skipped, failure }: Result): void {
  if (stderr.isTTY) stderr.write('\r\x1b[K');
  const name = `${part.name} ${engine ?? ''}`.padEnd(34);
  if (skipped !== undefined) stdout.write(`${name} not here: ${skipped}\n`);
  else if (!failure)
    stdout.write(`${name} ok  ${rounds} rounds in ${seconds} s: ${describeCounts(counts)}\n`);
  else {
    const engineOption = engine === null ? '' : `--engine ${engine} `;
    stdout.write(`${name} FAILED in round ${rounds + 1}: ${part.promise}\n${failure.error}\n`);
    stdout.write(`Again: npm run torture -- ${engineOption}--seed ${failure.seed} --rounds 1 ${part.name}\n`);
  }
}

/** One line that is overwritten on a terminal; elsewhere a line every 30 s, so that a log shows life. */
function progress(line: () => string): () => void {
  const everyMs = stderr.isTTY ? 200 : 30_000;
  let next = performance.now() + (stderr.isTTY ? 0 : everyMs);
  return () => {
    if (performance.now() < next) return;
    next = performance.now() + everyMs;
    stderr.write(stderr.isTTY ? `\r\x1b[K${line().slice(0, (stderr.columns ?? 120) - 1)}` : `${line()}\n`);
  };
}

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function engineOf(name: string): EngineName {
  if (!ENGINES.includes(name as EngineName)) usage(`--engine is one of ${ENGINES.join(', ')}`);
  return name as EngineName;
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) usage(`${option} is a whole number`);
  return Number(text);
}

function usage(message: string): never {
  stderr.write(`${message}\n`);
  process.exit(2);
}
