// `npm run bench`: this package against node:fs, Bun, Deno and C on a raw ring; see docs/benchmarks.md. Options in
// options.ts, what is run in workloads/, by whom in contestants/, how in measure.ts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, findContestants, takesPart } from './contestants/index.js';
import { Fixtures } from './fixtures.js';
import { describeMachine } from './machine.js';
import { measure, type Plan, runners } from './measure.js';
import { type Options, parseOptions, UsageError, usage } from './options.js';
import { factor, gist, markdown, quantity, writeDocs } from './report.js';
import { goalsOf, lossesOf, type Results, type Row, rowOf } from './results.js';
import { runRouting } from './routing/run.js';
import { compile, Host, type Programs } from './runners.js';
import { startup } from './startup.js';
import { surface } from './surface/run.js';
import { workloads } from './workloads/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

function list(contestants: Contestant[], absent: Record<string, string>): void {
  for (const workload of workloads) {
    const { id, title } = workload;
    const taking = contestants.filter((each) => takesPart(each, workload)).map((each) => each.id);
    console.log(`${id.padEnd(20)} ${title.padEnd(62)} ${taking.join(' ')}`);
  }
  for (const [id, reason] of Object.entries(absent)) console.log(`\n${id}: ${reason}`);
}

/** One line on a terminal, overwritten; nothing in a pipe. */
function status(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function line(row: Row, contestants: Contestant[]): string {
  if (row.skipped) return `${row.id.padEnd(20)} skipped: ${row.skipped}`;
  const cells = contestants.flatMap(({ id, ours }) => {
    const figure = row.figures[id];
    if (!figure) return row.failures[id] ? [`${id} FAILED`] : [];
    const over = figure.over.node ?? figure.over.glibc;
    const times = ours && over ? ` (${factor(over.median)}×)` : '';
    return [`${id} ${quantity(figure.perSecond)}${times}`];
  });
  return `${row.id.padEnd(20)} ${cells.join('  ')}`;
}

async function main(options: Options): Promise<void> {
  const { present, absent } = findContestants();
  let contestants = present.filter(({ id }) => options.contestants.includes(id));
  if (options.list) return list(contestants, absent);

  const fixtures = new Fixtures();
  const cleanUp = () => {
    for (const runner of runners) runner.kill();
    fixtures.remove();
  };
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      status('');
      cleanUp();
      process.exit(code);
    });
  }

  try {
    const machine = describeMachine(fixtures.folder);
    const programs: Programs = {};
    for (const [id, source] of [
      ['c', 'limit'],
      ['glibc', 'glibc'],
    ] as const) {
      try {
        programs[id] = compile(source, fixtures.folder);
      } catch (error) {
        absent[id] = (error as Error).message;
        contestants = contestants.filter((each) => each.id !== id);
      }
    }
    const ours = contestants.find((contestant) => contestant.module === 'linux-aio');
    if (ours) {
      try {
        const host = await Host.start(ours);
        machine.engine = host.hello;
        await host.close();
      } catch {
        // every workload will report it
      }
    }
    if (machine.load > 0.5)
      console.error(`This machine is busy (load average ${machine.load}): expect noise.`);

    const rows: Row[] = [];
    for (const workload of options.workloads) {
      const plan: Plan = {
        rounds: options.rounds,
        milliseconds: options.milliseconds,
        fixtures,
        programs,
        progress: (text) => status(`${workload.id}: ${text}`),
      };
      const row = rowOf(await measure(workload, contestants, plan));
      status('');
      console.log(line(row, contestants));
      for (const [id, reason] of Object.entries(row.failures)) console.error(`  ${id}: ${gist(reason)}`);
      for (const [id, reason] of Object.entries(row.complaints)) console.error(`  ${id}: ${reason}`);
      rows.push(row);
    }

    const results: Results = {
      schema: 2,
      machine,
      rounds: options.rounds,
      sliceMilliseconds: options.milliseconds,
      contestants: contestants.map(({ id, title, ours, version }) => ({ id, title, ours, version })),
      absent,
      workloads: rows,
      goals: goalsOf(rows),
      losses: lossesOf(rows, contestants),
    };
    publish(results, options);
  } finally {
    cleanUp();
  }
}

function publish(results: Results, options: Options): void {
  const json = resolve(options.json);
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  const text = markdown(results);
  console.log(`\n${text.slice(text.indexOf('### Goals'))}\nResults: ${json}`);
  if (options.docs) {
    writeDocs(resolve(root, 'docs', 'benchmarks.md'), results);
    console.log('Tables: docs/benchmarks.md');
  } else {
    console.log('docs/benchmarks.md is left alone: this was not a full run (--docs writes it all the same).');
  }
  const broken = results.contestants.filter(
    ({ id, ours }) => ours && results.workloads.some((row) => row.failures[id]),
  );
  if (broken.length > 0) process.exitCode = 1;
}

try {
  const args = process.argv.slice(2);
  if (args[0] === 'routing') {
    await runRouting(args.slice(1));
  } else if (args[0] === 'surface') {
    await surface(args.slice(1));
  } else if (args[0] === 'startup') {
    startup(args.slice(1));
  } else {
    const options = parseOptions(args);
    if (options.help) console.log(usage);
    else await main(options);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
