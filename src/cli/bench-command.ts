// `aio bench`: from the command line to the report. The work is in bench/, one concern per file: plan.ts reads the
// options, bench-file.ts makes the file, runner.ts measures, report.ts and fio-json.ts tell.
import { writeFile } from 'node:fs/promises';
import { prepareFile } from './bench/bench-file.js';
import { Buffers } from './bench/buffers.js';
import { environmentOf } from './bench/environment.js';
import { toFioJson } from './bench/fio-json.js';
import { VerifyError, verifyWritten } from './bench/layout.js';
import type { Plan } from './bench/plan.js';
import { BENCH_OPTIONS, planFrom } from './bench/plan.js';
import type { Refusal, Results } from './bench/report.js';
import { renderReport } from './bench/report.js';
import { Runner, TransferError } from './bench/runner.js';
import type { Target, TargetOptions } from './bench/target.js';
import { EngineRefused, openTarget } from './bench/target.js';
import type { Command, Io } from './command.js';
import { EXIT } from './command.js';
import { Interrupt, Interrupted } from './interrupt.js';
import { Progress } from './progress.js';
import { painterFor } from './terminal.js';
import { packageVersion } from './version.js';

export const benchCommand: Command = {
  name: 'bench',
  summary: "speed, latency and CPU against node:fs/promises, by fio's options",
  description: [
    'Measures every engine at every depth on the same blocks of the same file, in',
    'turns, and checks every block that is read. docs/bench-command.md explains the',
    'figures.',
  ],
  options: BENCH_OPTIONS,
  examples: [
    'aio bench',
    'aio bench --rw randread --bs 4k --iodepth 1,32 --ioengine io_uring,node',
    'aio bench --rw randwrite --direct --size 1g --directory /var/tmp',
    'aio bench --filename blocks --output-format json --output result.json',
  ],
  exitCodes: [
    '0    measured, and every block was right',
    '1    a block was wrong, a transfer failed, or an engine was not available',
    '2    the command line cannot be carried out',
    '130  stopped by Ctrl-C (143: by SIGTERM)',
  ],
  async run(values, io) {
    const plan = planFrom(values);
    using interrupt = new Interrupt();
    const progress = new Progress(io.stderr);
    try {
      const results = await bench(plan, interrupt, progress);
      progress.clear();
      await publish(results, io);
      return results.refusals.length === 0 ? EXIT.OK : EXIT.FAILED;
    } catch (error) {
      progress.clear();
      if (error instanceof Interrupted) return interrupt.exitCode;
      if (!isExpected(error)) throw error;
      io.stderr.write(`aio bench: ${error.message}${hintFor(error, plan)}\n`);
      return EXIT.FAILED;
    }
  },
};

async function bench(plan: Plan, interrupt: Interrupt, progress: Progress): Promise<Results> {
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

async function publish(results: Results, io: Io): Promise<void> {
  const { format, output } = results.plan;
  const stream = output === null ? io.stdout : { isTTY: false };
  const text =
    format === 'json'
      ? `${JSON.stringify(toFioJson(results, packageVersion()), null, 2)}\n`
      : renderReport(results, painterFor(stream));
  if (output === null) io.stdout.write(text);
  else await writeFile(output, text);
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
  if (code === 'ENOSPC') return '\nChoose another place with --directory, or a smaller --size.';
  if (code === 'EINVAL' && plan.direct) {
    return '\nWith --direct: the file system may not have O_DIRECT, or want blocks larger than --bs.';
  }
  return '';
}
