// What the options of a fio job mean to `aio bench`. Each is one of three:
//
//   applied       both know it: it becomes the option of the same meaning
//   true anyway   what it asks for is what happens without it: nothing to do, nothing to say
//   not applied   everything else: named in a warning with its line, and in the reports
//
// A misspelt name of the first kind is an error: what was meant would be silently missing.
import { nearest } from '../suggest.js';
import { UsageError } from '../usage-error.js';
import type { JobOption, JobSection } from './job-file.js';
import type { BenchEngine } from './plan.js';
import { FIO_ENGINES, WORKLOADS } from './plan.js';

/** The options of a section in terms of `aio bench`. */
export interface SectionPlan {
  values: Partial<Record<string, string>>;
  /** In words: `numjobs=4 (line 7): …`. */
  notApplied: string[];
}

type Apply = (value: string, values: SectionPlan['values']) => void;

const rename =
  (name: string): Apply =>
  (value, values) => {
    values[name] = value;
  };

/** By fio's name. Values are checked later, by planFrom, as those of the command line are. */
const APPLIED: Readonly<Record<string, Apply>> = {
  rw: rename('rw'),
  readwrite: rename('rw'),
  bs: rename('bs'),
  blocksize: rename('bs'),
  size: rename('size'),
  iodepth: rename('iodepth'),
  runtime: rename('runtime'),
  timeout: rename('runtime'),
  filename: (value, values) => {
    // fio separates files with colons, and writes \: for a colon in a name.
    if (/(?<!\\):/.test(value)) throw new RangeError('one file only (a colon in a name is \\:)');
    values['filename'] = value.replaceAll('\\:', ':');
  },
  directory: rename('directory'),
  rwmixread: rename('rwmixread'),
  rwmixwrite: (value, values) => {
    const percent = /^\d+$/.test(value) ? 100 - Number(value) : Number.NaN;
    if (!(percent >= 0)) throw new RangeError(`'${value}' is not a whole number from 0 to 100`);
    values['rwmixread'] = String(percent);
  },
  direct: (value, values) => {
    values['direct'] = switchOf(value);
  },
  buffered: (value, values) => {
    values['direct'] = switchOf(value) === '1' ? '0' : '1';
  },
  ioengine: (value, values) => {
    values['ioengine'] = engineOf(value);
  },
};

/** Of these, a bare name means 1. */
const SWITCHES = ['direct', 'buffered'];

/** Options that ask for what happens anyway, if they have one of these values; null: whatever they say. */
const TRUE_ANYWAY: Readonly<Record<string, readonly string[] | null>> = {
  description: null,
  name: null,
  stonewall: null, // sections run one after the other
  wait_for_previous: null,
  new_group: null,
  group_reporting: null,
  exitall: null,
  thread: null,
  time_based: ['1'],
  numjobs: ['1'],
  nrfiles: ['1'],
  loops: ['1'],
  overwrite: null, // fio's: write to blocks that exist
  randrepeat: ['1'],
  norandommap: ['0'],
  unlink: ['0'],
  invalidate: ['0'],
  fsync: ['0'],
  fdatasync: ['0'],
  end_fsync: ['0'],
  kb_base: ['1024'],
  percentile_list: null,
  clat_percentiles: null,
  refill_buffers: null, // every block is stamped anew
};

/** Why an option that people often write has no counterpart, and what to do instead. */
const REASONS: Readonly<Record<string, string>> = {
  numjobs: 'aio bench is one process with one thread; raise iodepth instead',
  time_based: 'aio bench always runs for runtime',
  io_size: 'aio bench runs for a time, not for an amount',
  number_ios: 'aio bench runs for a time, not for an amount',
  loops: 'aio bench runs for a time, not for an amount',
  ramp_time: 'the first tenth of each round warms up',
  norandommap: 'every block is visited once per pass',
  randrepeat: 'the order is the same in every run',
  invalidate: 'without direct=1 the page cache is warm',
  verify: 'every block is checked anyway, in a way of its own',
  bssplit: 'all blocks are of one size',
  bsrange: 'all blocks are of one size',
  fsync: 'nothing is flushed while the clock runs',
  fdatasync: 'nothing is flushed while the clock runs',
};

/** Throws a UsageError that begins with `path` and the line. */
export function applyJobOptions(section: JobSection, path: string): SectionPlan {
  const values: SectionPlan['values'] = {};
  const notApplied = new Map<string, string>();
  for (const option of section.options) {
    const { name, value, line } = option;
    const apply = Object.hasOwn(APPLIED, name) ? APPLIED[name] : undefined;
    if (apply !== undefined) {
      if (value === null && !SWITCHES.includes(name))
        throw new UsageError(`${path}:${line}: ${name} needs a value`);
      try {
        apply(value ?? '1', values);
      } catch (error) {
        throw new UsageError(`${path}:${line}: ${name}: ${(error as Error).message}`, { cause: error });
      }
      continue;
    }
    refuseMisspelling(option, path);
    notApplied.delete(name); // [global] may have said something else
    if (isTrueAnyway(option)) continue;
    const reason = Object.hasOwn(REASONS, name) ? `: ${REASONS[name]}` : '';
    notApplied.set(name, `${value === null ? name : `${name}=${value}`} (line ${line})${reason}`);
  }
  return { values: completed(values), notApplied: [...notApplied.values()] };
}

/** fio's defaults, and what one option says about another. */
function completed(values: SectionPlan['values']): SectionPlan['values'] {
  // fio's, where a job file says nothing. ioengine is left to the choice of aio bench.
  const all: SectionPlan['values'] = { rw: 'read', iodepth: '1', ...values };
  // In fio directory is put before filename. Without filename it makes up one: that is our temporary file, and
  // without directory it lies where fio would put it.
  if (all['filename'] === undefined) all['directory'] ??= '.';
  else if (all['directory'] !== undefined) {
    all['filename'] = `${all['directory']}/${all['filename']}`;
    delete all['directory'];
  }
  // Often in [global], for those sections that do mix.
  const workload = Object.entries(WORKLOADS).find(([name]) => name === all['rw']);
  if (workload !== undefined && workload[1].readPercent !== 50) delete all['rwmixread'];
  return all;
}

function refuseMisspelling({ name, line }: JobOption, path: string): void {
  if (Object.hasOwn(TRUE_ANYWAY, name) || Object.hasOwn(REASONS, name)) return;
  const meant = nearest(name, Object.keys(APPLIED));
  if (meant !== undefined) {
    throw new UsageError(`${path}:${line}: unknown option '${name}' (did you mean ${meant}?)`);
  }
}

function isTrueAnyway({ name, value }: JobOption): boolean {
  if (!Object.hasOwn(TRUE_ANYWAY, name)) return false;
  const accepted = TRUE_ANYWAY[name];
  return accepted === null || accepted.includes(value ?? '1');
}

function switchOf(value: string): string {
  if (value !== '0' && value !== '1') throw new RangeError(`is 0 or 1, not '${value}'`);
  return value;
}

/** One of ours, or the counterpart of fio's; planFrom refuses the rest. */
function engineOf(value: string): BenchEngine | string {
  return Object.hasOwn(FIO_ENGINES, value) ? FIO_ENGINES[value] : value;
}
