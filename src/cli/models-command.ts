// `aio models`: from the command line to the report. What is measured is in src/models/; here the runs are arranged,
// and models/ beside this file draws them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctor } from '../doctor/doctor.js';
import type { Run } from '../models/models.js';
import { type Result, resultOf } from '../models/results.js';
import { ModelError, nameOf, runModel } from '../models/run.js';
import { layOut, typicalReadMs } from '../models/source.js';
import { unitsFor } from '../models/work.js';
import { ENGINE_NAMES, type EngineName } from '../ring/engine.js';
import type { Command, Io } from './command.js';
import { EXIT } from './command.js';
import { environmentOf } from './environment.js';
import { Interrupt, Interrupted } from './interrupt.js';
import { type Findings, findingsToJson } from './models/findings.js';
import { renderModelsPage } from './models/page.js';
import { MODELS_OPTIONS, type ModelsPlan, planFrom } from './models/plan.js';
import { renderReport } from './models/report.js';
import { Progress } from './progress.js';
import { painterFor } from './terminal.js';
import { packageVersion } from './version.js';
import { checkWritable, WriteError, writeReport } from './writable.js';

/** So much of the time that a block takes to come can be computed in. */
const COMPUTE_SHARE = 0.8;

/** How disturbed a run may be, in percent, and how often and how long others are tried. */
const DISTURBED_ACCEPTED = 5;
const TRIES_MAX = 3;
const REPEATING_MS = 6000;

export const modelsCommand: Command = {
  name: 'models',
  summary: 'the same job in every I/O model: blocking, select, AIO …',
  description: [
    'Does the same job in every I/O model of Linux: reads blocks from a slow source',
    'while there is computing to do, and draws who waited for whom. docs/models.md',
    'explains the models.',
  ],
  options: MODELS_OPTIONS,
  examples: [
    'aio models',
    'aio models --html models.html',
    'aio models --models blocking,select,aio-signal --source socket',
    'aio models --source file --directory /var/tmp',
    'aio models --json > events.json',
  ],
  exitCodes: [
    '0    every model was measured',
    '1    a model failed, or an engine that was asked for does not work here',
    '2    the command line is wrong, or cannot be carried out',
    '130  stopped by Ctrl-C (143: by SIGTERM)',
  ],
  async run(values, io) {
    const plan = planFrom(values);
    if (plan.html !== null) checkWritable('html', plan.html);
    using interrupt = new Interrupt();
    const progress = new Progress(io.stderr);
    try {
      const findings = await measure(plan, interrupt, progress);
      progress.clear();
      if (plan.html !== null) writeReport(plan.html, renderModelsPage(findings));
      publish(findings, plan, io);
      return isComplete(findings, plan) ? EXIT.OK : EXIT.FAILED;
    } catch (error) {
      progress.clear();
      if (error instanceof Interrupted) return error.exitCode;
      if (!isExpected(error)) throw error;
      io.stderr.write(`aio models: ${error.message}${hintFor(error, plan)}\n`);
      return EXIT.FAILED;
    }
  },
};

async function measure(plan: ModelsPlan, interrupt: Interrupt, progress: Progress): Promise<Findings> {
  const stop = new AbortController();
  interrupt.onStop(() => stop.abort(new Interrupted(interrupt.exitCode)));
  const date = new Date().toISOString();
  const begin = performance.now();
  const { engines, refusals } = await enginesFor(plan);
  const { source, blocks, blockBytes } = plan;
  const path = source === 'file' ? temporaryFile(plan, interrupt) : null;
  if (path !== null) layOut(path, plan);
  const delayMs = plan.delayMs ?? typicalReadMs(path!, blockBytes);
  const computeMs = plan.computeMs ?? delayMs * COMPUTE_SHARE;
  const common = {
    source,
    blocks,
    blockBytes,
    delayMs,
    path,
    units: unitsFor(computeMs),
    signal: stop.signal,
  };
  const runs = runsOf(plan, engines);
  const results: Result[] = [];
  for (const run of runs) {
    progress.update(() => `model ${results.length + 1} of ${runs.length}: ${nameOf(run)}`);
    results.push(await leastDisturbed(begin, async () => resultOf(run, await runModel(run, common))));
    interrupt.throwIfRequested();
  }
  checkSameWork(results);
  return {
    job: { source, blocks, blockBytes, delayMs, computeMs },
    environment: environmentOf(path ?? tmpdir()),
    results,
    refusals,
    date,
    version: packageVersion(),
  };
}

/**
 * A run during which other programs had the processor says little about its model, and is repeated; the one that was
 * disturbed least counts. While time allows: a machine that is always busy is not made to wait for.
 */
async function leastDisturbed(begin: number, run: () => Promise<Result>): Promise<Result> {
  let best = await run();
  for (let tries = 1; tries < TRIES_MAX; tries++) {
    if (best.measures.disturbedPercent <= DISTURBED_ACCEPTED) break;
    if (performance.now() - begin > REPEATING_MS) break;
    const again = await run();
    if (again.measures.disturbedPercent < best.measures.disturbedPercent) best = again;
  }
  return best;
}

/** Those that were asked for, or all; and which of them are not there, with the reasons. */
async function enginesFor(
  plan: ModelsPlan,
): Promise<{ engines: EngineName[]; refusals: { engine: string; reason: string }[] }> {
  const wanted = plan.models.some((model) => model.perEngine) ? (plan.engines ?? ENGINE_NAMES) : [];
  if (wanted.length === 0) return { engines: [], refusals: [] };
  const report = await doctor();
  return {
    engines: wanted.filter((engine) => report.engines[engine].available),
    refusals: wanted
      .filter((engine) => !report.engines[engine].available)
      .map((engine) => ({ engine, reason: report.engines[engine].reason ?? 'unknown' })),
  };
}

function runsOf(plan: ModelsPlan, engines: readonly EngineName[]): Run[] {
  return plan.models.flatMap((model): Run[] =>
    model.perEngine ? engines.map((engine) => ({ model, engine })) : [{ model, engine: null }],
  );
}

function temporaryFile(plan: ModelsPlan, interrupt: Interrupt): string {
  const directory = mkdtempSync(join(plan.directory ?? tmpdir(), 'aio-models-'));
  interrupt.onExit(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'blocks');
}

/** Otherwise the models would not have done the same job, and comparing them would mean nothing. */
function checkSameWork(results: readonly Result[]): void {
  const [first, ...others] = results;
  const odd = others.find(({ recording }) => recording.checksum !== first.recording.checksum);
  if (odd === undefined) return;
  throw new ModelError(`${nameOf(odd)} has not computed what ${nameOf(first)} has`);
}

function publish(findings: Findings, plan: ModelsPlan, io: Io): void {
  const text = plan.json
    ? `${JSON.stringify(findingsToJson(findings), null, 1)}\n`
    : renderReport(findings, painterFor(io.stdout));
  io.stdout.write(text);
}

/** An engine that is not there matters when it was asked for, or when there is none at all. */
function isComplete({ results, refusals }: Findings, plan: ModelsPlan): boolean {
  if (refusals.length === 0) return true;
  return plan.engines === null && results.some(({ engine }) => engine !== null);
}

/** Failures of the machine, as against mistakes in this program, which keep their stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof ModelError || error instanceof WriteError) return true;
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' || code === 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
}

function hintFor(error: Error, plan: ModelsPlan): string {
  const { code } = error as NodeJS.ErrnoException;
  if (plan.source !== 'file' || (code !== 'EINVAL' && code !== 'ENOSPC')) return '';
  const reason = code === 'EINVAL' ? ' Its file system may not have O_DIRECT.' : '';
  return `\nChoose another place for the file with --directory.${reason}`;
}
