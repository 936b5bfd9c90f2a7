// The JSON report as a type, and how one is read back: `aio bench` writes it, its page is drawn from it, and
// `aio bench compare` reads two. fio's keys where the figures are fio's; docs/bench-command.md lists them.
import { readFileSync } from 'node:fs';

export interface BenchDocument {
  'linux-aio version': string;
  /** Seconds since 1970. */
  timestamp: number;
  /** ISO 8601. */
  time: string;
  environment: {
    kernel: string;
    node: string;
    arch: string;
    cpu: string;
    cpus: number;
    memory_bytes: number;
    filesystem: string;
  };
  'global options': Record<string, string>;
  verify: { checked: boolean; blocks: number };
  jobs: BenchJob[];
  not_available: { engine: string; reason: string }[];
  /** Options of a fio job file that had no effect, with the reason. */
  not_applied: string[];
}

/** One engine at one depth. Figures that were not measured are null. */
export interface BenchJob {
  jobname: string;
  error: number;
  'job options': {
    filename: string;
    size: string;
    rw: string;
    rwmixread: string;
    bs: string;
    iodepth: string;
    ioengine: string;
    direct: string;
    runtime: string;
  };
  read: BenchDirection;
  write: BenchDirection;
  usr_cpu: number;
  sys_cpu: number;
  cpu_us_per_op: number | null;
  cpu_us_per_op_rounds: (number | null)[];
  loop_delay_ms_p99: number | null;
  factor_against_node: number | null;
}

export interface BenchDirection {
  io_bytes: number;
  bw_bytes: number;
  /** KiB per second, whole; and the KiB transferred: as fio has them. */
  bw?: number;
  io_kbytes?: number;
  iops: number;
  runtime: number;
  total_ios: number;
  iops_min: number;
  iops_max: number;
  iops_rounds: number[];
  clat_ns: {
    min: number;
    max: number;
    mean: number;
    stddev: number;
    N: number;
    /** fio's keys: '99.900000'. */
    percentile: Record<string, number>;
  };
  clat_ns_rounds: { p50: (number | null)[]; p99: (number | null)[] };
}

export type Kind = 'read' | 'write';
export const KINDS: readonly Kind[] = ['read', 'write'];

/** The key of a percentile, in fio's spelling: '99.900000'. */
export function percentileKey(percent: number): string {
  return percent.toFixed(6);
}

/** What must be equal for two figures to be comparable: options, as a job states them. */
export const CONDITIONS = ['rw', 'rwmixread', 'bs', 'size', 'direct'] as const;
export type Conditions = Readonly<Record<(typeof CONDITIONS)[number], string>>;

export function conditionsOf(job: BenchJob): Conditions {
  const options = job['job options'];
  const entries = CONDITIONS.map((name) => [name, options[name]] as const);
  return Object.fromEntries(entries) as Conditions;
}

/** The name without what `aio bench` appends to it. */
export function nameOf(job: BenchJob): string {
  const { ioengine, iodepth } = job['job options'];
  const suffix = `-${ioengine}-${iodepth}`;
  return job.jobname.endsWith(suffix) ? job.jobname.slice(0, -suffix.length) : job.jobname;
}

/** A file that is no report of `aio bench`, or not one that can be used. */
export class DocumentError extends Error {
  override name = 'DocumentError';
}

/** Reads a report. Throws a DocumentError that names the file and what is wrong with it. */
export function readDocument(path: string): BenchDocument {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new DocumentError(`${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseDocument(text, path);
}

/** `path` is only for messages. */
export function parseDocument(text: string, path: string): BenchDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DocumentError(`${path} is not JSON (${(error as Error).message}); ${WANTED}`, { cause: error });
  }
  if (isObject(value) && 'fio version' in value) {
    throw new DocumentError(`${path} is a report of fio and has no rounds to judge noise by; ${WANTED}`);
  }
  if (!isObject(value) || !('linux-aio version' in value)) {
    throw new DocumentError(`${path} is not a report of aio bench; ${WANTED}`);
  }
  const wrong = firstMismatch(value, SHAPE, '');
  if (wrong !== null) {
    throw new DocumentError(
      `${path} is damaged, or was made by another version (${String(value['linux-aio version'])}): ${wrong}`,
    );
  }
  return value as unknown as BenchDocument;
}

const WANTED = 'make one with: aio bench --output-format json --output FILE';

/** What a document must look like where it is used: a type name, a list of one shape, or an object of shapes. */
type Shape =
  | 'string'
  | 'number'
  | 'number or null'
  | 'boolean'
  | readonly [Shape]
  | { readonly [key: string]: Shape };

const DIRECTION_SHAPE: Shape = {
  bw_bytes: 'number',
  iops: 'number',
  total_ios: 'number',
  iops_rounds: ['number'],
  clat_ns: { min: 'number', max: 'number', mean: 'number', N: 'number', percentile: {} },
  clat_ns_rounds: { p50: ['number or null'], p99: ['number or null'] },
};

const SHAPE: Shape = {
  'linux-aio version': 'string',
  time: 'string',
  environment: {
    kernel: 'string',
    node: 'string',
    arch: 'string',
    cpu: 'string',
    cpus: 'number',
    memory_bytes: 'number',
    filesystem: 'string',
  },
  verify: { checked: 'boolean', blocks: 'number' },
  jobs: [
    {
      jobname: 'string',
      'job options': {
        size: 'string',
        rw: 'string',
        rwmixread: 'string',
        bs: 'string',
        iodepth: 'string',
        ioengine: 'string',
        direct: 'string',
        runtime: 'string',
      },
      read: DIRECTION_SHAPE,
      write: DIRECTION_SHAPE,
      cpu_us_per_op: 'number or null',
      cpu_us_per_op_rounds: ['number or null'],
      loop_delay_ms_p99: 'number or null',
      factor_against_node: 'number or null',
    },
  ],
  not_available: [{ engine: 'string', reason: 'string' }],
  not_applied: ['string'],
};

/** The first place where `value` is not of `shape`, as `jobs[0].read.iops is missing`; null where all is well. */
function firstMismatch(value: unknown, shape: Shape, path: string): string | null {
  if (value === undefined) return `${path} is missing`;
  if (typeof shape === 'string') {
    const fits = typeof value === shape || (shape === 'number or null' && isNumberOrNull(value));
    return fits ? null : `${path} is no ${shape}`;
  }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return `${path} is no list`;
    for (const [i, item] of value.entries()) {
      const wrong = firstMismatch(item, shape[0], `${path}[${i}]`);
      if (wrong !== null) return wrong;
    }
    return null;
  }
  if (!isObject(value)) return `${path} is no object`;
  for (const [key, inner] of Object.entries(shape)) {
    const own = Object.hasOwn(value, key) ? value[key] : undefined;
    const wrong = firstMismatch(own, inner, path === '' ? key : `${path}.${key}`);
    if (wrong !== null) return wrong;
  }
  return null;
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || typeof value === 'number';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
