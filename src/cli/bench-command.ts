// `aio bench`: from the command line to the report. The work is in bench/, one concern per file: plan.ts reads the
// options and jobs.ts a job file, bench-file.ts makes the file, runner.ts measures, report.ts and fio-json.ts tell,
// page.ts draws.
import { prepareFile } from './bench/bench-file.js';
import { Buffers } from './bench/buffers.js';
import { toFioJson } from './bench/fio-json.js';
import { plansFrom } from './bench/jobs.js';
import { VerifyError, verifyWritten } from './bench/layout.js';
import { renderBenchPage } from './bench/page.js';
import type { Plan } from './bench/plan.js';
import { BENCH_OPTIONS } from './bench/plan.js';
import type { Refusal, Results } from './bench/report.js';
import { renderReport } from './bench/report.js';
import { Runner, TransferError } from './bench/runner.js';
import type { Target, TargetOptions } from './bench/target.js';
import { EngineRefused, openTarget } from './bench/target.js';
import type { Command, Io } from './command.js';
import { EXIT } from './command.js';
import { environmentOf } from './environment.js';
import { Interrupt, Interrupted } from './interrupt.js';
import { Progress } from './progress.js';
import { wrap } from './table.js';
import { LINE_WIDTH, painterFor } from './terminal.js';
import { packageVersion } from './version.js';
import { checkWritable, WriteError, writeReport } from './writable.js';

export const benchCommand: Command = {
  name: 'bench',
  summary: 'speed, latency and CPU, compared with node:fs/promises',
  description: [
    'Measures every engine at every depth on the same blocks of the same file,',
    'taking turns, and checks every block that is read. A fio job file may say what',
    'to measure; options on the command line override it. docs/bench-command.md',
    'explains the figures.',
  ],
  options: BENCH_OPTIONS,
  operands: { usage: '[job.fio]', min: 0, max: 1 },
  examples: [
    'aio bench',
    'aio bench --rw randread --bs 4k --iodepth 1,32 --ioengine io_uring,node',
    'aio bench --rw randwrite --direct --size 1g --directory /var/tmp',
    'aio bench --filename blocks --output-format json --output result.json',
    'aio bench --html result.html',
    'aio bench job.fio --ioengine io_uring,node',
  ],
  exitCodes: [
    '0    measured, and every block was right',
    '1    a block was wrong, a transfer failed, or an engine was not available',
    '2    the command line is wrong, or cannot be carried out',
    '130  stopped by Ctrl-C (143: by SIGTERM)',
  ],
  async run(values, io, operands) {
    const plans = plansFrom(values, operands[0]);
    for (const option of ['output', 'html'] as const) {
      const path = plans[0][option];
      if (path !== null) checkWritable(option, path);
    }
    warn(plans, io);
    const progress = new Progress(io.stderr);
    const runs: Results[] = [];
    for (const plan of plans) {
      try {
        runs.push(await bench(plan, progress));
      } catch (error) {
        progress.clear();
        if (error instanceof Interrupted) return error.exitCode;
        if (!isExpected(error)) throw error;
        io.stderr.write(`aio bench: ${error.message}${hintFor(error, plan)}\n`);
        return EXIT.FAILED;
      }
    }
    progress.clear();
    try {
      publish(runs, io);
    } catch (error) {
      if (!(error instanceof WriteError)) throw error;
      io.stderr.write(`aio bench: ${error.message}\n`);
      return EXIT.FAILED;
    }
    return runs.every((run) => run.refusals.length === 0) ? EXIT.OK : EXIT.FAILED;
  },
};
/** Says what a job file asks for and does not get, before anything is measured. */
function warn(plans: readonly Plan[], io: Io): void {
  const paint = painterFor(io.stderr);
  for (const text of plans.flatMap((plan) => plan.notApplied)) {
    const lines = wrap(`not applied: ${text}`, LINE_WIDTH, '  ');
    io.stderr.write(lines.map((line) => `${paint('yellow', line)}\n`).join(''));
  }
}

async function bench(plan: Plan, progress: Progress): Promise<Results> {
  using interrupt = new Interrupt();
  const file = await prepareFile(plan, interrupt, progress);
  const date = new Date().toISOString();
  using buffers = new Buffers(plan);
  const options = {
    path: file.path,
    direct: plan.direct,
    writes: plan.readPercent < 100,
    buffers: buffers.slots,
  };
  const { targets, refusals } = await openTargets(plan, options);
  const runner = new Runner({ plan, file, targets, slots: buffers.slots, interrupt, progress });
  let measurements: Results['measurements'];
  try {
    measurements = await runner.run();
  } finally {
    for (const target of targets) await target.close();
  }
  if (file.sequences !== null) {
    const { path, blocks } = file;
    await verifyWritten({ path, blocks, blockSize: plan.blockSize, interrupt, progress }, file.sequences);
  }
  const environment = environmentOf(file.path);
  return { plan, file, environment, measurements, refusals, blocksChecked: runner.blocksChecked, date };
}

/** Opens the file on every engine. One that is refused is left out, and said to be. */
async function openTargets(
  plan: Plan,
  options: TargetOptions,
): Promise<{ targets: Target[]; refusals: Refusal[] }> {
  const targets: Target[] = [];
  const refusals: Refusal[] = [];
  try {
    for (const engine of plan.engines) {
      try {
        targets.push(await openTarget(engine, options));
      } catch (error) {
        if (!(error instanceof EngineRefused)) throw error;
        refusals.push({ engine, reason: error.message });
      }
    }
  } catch (error) {
    for (const target of targets) await target.close();
    throw error;
  }
  return { targets, refusals };
}

/** The report first: if the page cannot be written, the figures are not lost. */
function publish(runs: readonly Results[], io: Io): void {
  const { format, output, html } = runs[0].plan;
  const document = toFioJson(runs, packageVersion());
  const stream = output === null ? io.stdout : { isTTY: false };
  const text =
    format === 'json'
      ? `${JSON.stringify(document, null, 2)}\n`
      : runs.map((run) => renderReport(run, painterFor(stream))).join('\n');
  if (output === null) io.stdout.write(text);
  else writeReport(output, text);
  // With every engine refused there is nothing to draw.
  if (html !== null && document.jobs.length > 0) writeReport(html, renderBenchPage(document));
}

/** Failures of the machine or of the data, as against mistakes in this program, which keep their stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof VerifyError || error instanceof TransferError) return true;
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // --direct takes its buffers from the package, which may not run here at all.
  return typeof syscall === 'string' || code === 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
}

function hintFor(error: Error, plan: Plan): string {
  const { code } = (error.cause ?? error) as NodeJS.ErrnoException;
  if (code === 'ENOSPC') {
    const place = plan.filename === null ? '--directory' : '--filename';
    return `\nChoose another place with ${place}, or a smaller --size.`;
  }
  if (code === 'EINVAL' && plan.direct) {
    return '\nWith --direct: the file system may not have O_DIRECT, or want blocks larger than --bs.';
  }
  return '';
}
