// The command line of `aio bench` as a plan: fio's option names and meanings, checked, with nothing left to
// decide. docs/bench-command.md explains each option.
import { constants as bufferConstants } from 'node:buffer';
import type { OptionSpecs, OptionValues } from '../options.js';
import { didYouMean } from '../suggest.js';
import { formatBytes, parseInteger, parseSeconds, parseSize } from '../units.js';
import { UsageError } from '../usage-error.js';
import { BLOCK_UNIT_BYTES } from './block.js';
import { burstCapacity } from './burst.js';

/** `node` is node:fs/promises; the others are the package's own engines. */
export const BENCH_ENGINES = ['io_uring', 'native', 'threads', 'node'] as const;
export type BenchEngine = (typeof BENCH_ENGINES)[number];

/** fio's names. readPercent is what rw and randrw begin with. */
export const WORKLOADS = {
  read: { random: false, readPercent: 100 },
  write: { random: false, readPercent: 0 },
  randread: { random: true, readPercent: 100 },
  randwrite: { random: true, readPercent: 0 },
  rw: { random: false, readPercent: 50 },
  readwrite: { random: false, readPercent: 50 },
  randrw: { random: true, readPercent: 50 },
} as const;
export type Workload = keyof typeof WORKLOADS;

export interface Plan {
  /** Of the job: given with --name, or the section of a job file; null: neither. */
  name: string | null;
  /** The file to work on; null: a temporary one. */
  filename: string | null;
  /** Where the temporary file goes; null: os.tmpdir(). */
  directory: string | null;
  /** Bytes of the file to use; null: all of an existing file, else SIZE_DEFAULT. */
  size: number | null;
  workload: Workload;
  random: boolean;
  /** How many of a hundred transfers are reads. */
  readPercent: number;
  blockSize: number;
  depths: readonly number[];
  engines: readonly BenchEngine[];
  direct: boolean;
  /** Seconds per engine and depth, over all rounds, checking included. */
  runtime: number;
  overwrite: boolean;
  format: 'normal' | 'json';
  output: string | null;
  /** Where the page with the charts goes; null: none is wanted. */
  html: string | null;
  /** What a job file asks for and does not get, with the reason; docs/bench-command.md has the rules. */
  notApplied: readonly string[];
  /** The options of the command line, for the JSON report. */
  given: OptionValues;
}

export const SIZE_DEFAULT = 64 * 1024 * 1024;

/** The engines of a depth take turns this often, so that a noisy minute of the machine does not hit only one. */
export const ROUNDS = 3;

const DEPTH_MAX = 100_000;

/** Buffers are allocated for a whole burst. */
const BUFFER_BYTES_MAX = Math.min(1024 * 1024 * 1024, bufferConstants.MAX_LENGTH);

export const BENCH_OPTIONS: OptionSpecs = {
  filename: {
    kind: 'value',
    value: 'path',
    help: 'the file to use; by default a temporary one, removed at the end',
  },
  directory: { kind: 'value', value: 'path', help: 'where to put the temporary file' },
  size: {
    kind: 'value',
    value: 'bytes',
    help: 'how much of the file to use: 64m (default), 1g; k, m, g are powers of 1024',
  },
  rw: { kind: 'value', value: 'kind', help: 'read, write, rw, randread (default), randwrite, randrw' },
  rwmixread: {
    kind: 'value',
    value: 'percent',
    help: 'percentage of reads for rw and randrw; default 50',
  },
  bs: { kind: 'value', value: 'bytes', help: 'block size, a multiple of 512; default 4k' },
  iodepth: {
    kind: 'value',
    value: 'list',
    help: 'transfers in flight: one number or several; default 1,32,128',
  },
  ioengine: {
    kind: 'value',
    value: 'list',
    help: 'one or more of io_uring, native, threads, node; default io_uring,node',
  },
  direct: { kind: 'switch', help: 'bypass the page cache (O_DIRECT)' },
  runtime: {
    kind: 'value',
    value: 'time',
    help: 'per engine and depth, all rounds together: 500ms, 1m; default 3 (seconds)',
  },
  overwrite: {
    kind: 'switch',
    help: 'allow overwriting an existing file that aio bench did not write',
  },
  name: { kind: 'value', value: 'text', help: 'a name for the job, for the JSON report' },
  'output-format': { kind: 'value', value: 'format', help: 'normal (default) or json' },
  output: { kind: 'value', value: 'path', help: 'write the report to this file' },
  html: { kind: 'value', value: 'path', help: 'also write a page with charts to this file' },
  section: { kind: 'value', value: 'list', help: 'only these sections of the job file' },
};

/** Names of fio's engines that people will try, and what is meant here. */
export const FIO_ENGINES: Readonly<Record<string, BenchEngine>> = {
  libaio: 'native',
  posixaio: 'threads',
  psync: 'node',
  sync: 'node',
  uring: 'io_uring',
};

/**
 * Throws a UsageError that names the option for whatever cannot be carried out. `values` are those of the command
 * line, or of a job file with those of the command line (`given`) on top.
 */
export function planFrom(
  values: OptionValues,
  { given, notApplied }: Pick<Plan, 'given' | 'notApplied'> = { given: values, notApplied: [] },
): Plan {
  const workload = workloadOf(values['rw'] ?? 'randread');
  const blockSize = reading('bs', values['bs'] ?? '4k', blockSizeOf);
  const depths = listOf('iodepth', values['iodepth'] ?? '1,32,128', (text) =>
    parseInteger(text, 1, DEPTH_MAX),
  );
  const plan: Plan = {
    name: values['name'] ?? null,
    filename: values['filename'] ?? null,
    directory: values['directory'] ?? null,
    size: values['size'] === undefined ? null : reading('size', values['size'], parseSize),
    workload,
    random: WORKLOADS[workload].random,
    readPercent: readPercentOf(workload, values['rwmixread']),
    blockSize,
    depths,
    engines: listOf('ioengine', values['ioengine'] ?? 'io_uring,node', engineOf),
    direct: values['direct'] === '1',
    runtime: reading('runtime', values['runtime'] ?? '3', parseSeconds),
    overwrite: values['overwrite'] === '1',
    format: formatOf(values['output-format'] ?? 'normal'),
    output: values['output'] ?? null,
    html: values['html'] ?? null,
    notApplied,
    given,
  };
  check(plan);
  return plan;
}

function check(plan: Plan): void {
  if (plan.filename !== null && plan.directory !== null) {
    throw new UsageError('--directory is for the temporary file; with --filename there is none');
  }
  if (!(plan.runtime > 0)) throw new UsageError('--runtime: must be more than 0 seconds');
  const depthMax = Math.max(...plan.depths);
  if (plan.size !== null) checkSize(plan.size, plan);
  const bytes = burstCapacity(plan.blockSize, depthMax) * plan.blockSize;
  if (bytes > BUFFER_BYTES_MAX) {
    throw new UsageError(
      `--iodepth ${depthMax} with --bs ${plan.blockSize} needs ${formatBytes(bytes)} of buffers; ` +
        `at most ${formatBytes(BUFFER_BYTES_MAX)} are used`,
    );
  }
}

/** A file must hold the deepest queue at least once, because no two transfers in flight share a block. */
export function checkSize(size: number, plan: Pick<Plan, 'blockSize' | 'depths'>): void {
  const depthMax = Math.max(...plan.depths);
  if (size < plan.blockSize * depthMax) {
    throw new UsageError(
      `${formatBytes(size)} holds only ${Math.floor(size / plan.blockSize)} blocks of ${formatBytes(plan.blockSize)}; ` +
        `--iodepth ${depthMax} needs a --size of ${formatBytes(plan.blockSize * depthMax)} or more`,
    );
  }
}

function workloadOf(text: string): Workload {
  if (Object.hasOwn(WORKLOADS, text)) return text as Workload;
  const names = Object.keys(WORKLOADS);
  throw new UsageError(`--rw: '${text}' is none of ${names.join(', ')}${didYouMean(text, names)}`);
}

function readPercentOf(workload: Workload, mix: string | undefined): number {
  const { readPercent } = WORKLOADS[workload];
  if (mix === undefined) return readPercent;
  if (readPercent !== 50)
    throw new UsageError(`--rwmixread is for rw and randrw; --rw ${workload} has no mix`);
  return reading('rwmixread', mix, (text) => parseInteger(text, 0, 100));
}

function blockSizeOf(text: string): number {
  if (text.includes(',')) throw new RangeError('one size only, for reads and writes alike');
  const bytes = parseSize(text);
  if (bytes === 0 || bytes % BLOCK_UNIT_BYTES !== 0) {
    throw new RangeError(`'${text}' is not a multiple of ${BLOCK_UNIT_BYTES} bytes`);
  }
  return bytes;
}

function engineOf(text: string): BenchEngine {
  const found = BENCH_ENGINES.find((name) => name === text);
  if (found !== undefined) return found;
  const meant = Object.hasOwn(FIO_ENGINES, text)
    ? ` (here it is called ${FIO_ENGINES[text]})`
    : didYouMean(text, BENCH_ENGINES);
  throw new RangeError(`'${text}' is none of ${BENCH_ENGINES.join(', ')}${meant}`);
}

function formatOf(text: string): Plan['format'] {
  if (text === 'normal' || text === 'json') return text;
  throw new UsageError(
    `--output-format: '${text}' is neither normal nor json${didYouMean(text, ['normal', 'json'])}`,
  );
}

/** A list with commas, without duplicates, in the order given. */
function listOf<T>(option: string, text: string, parse: (item: string) => T): T[] {
  const items = text.split(',').map((item) => reading(option, item.trim(), parse));
  return [...new Set(items)];
}

/** Says which option a value belongs to that could not be read. */
function reading<T>(option: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`, { cause: error });
  }
}
