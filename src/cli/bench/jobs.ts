// The plans of one call of `aio bench`: one from the options alone, or one per section of a job file.
import { readFileSync, statSync } from 'node:fs';
import type { OptionValues } from '../options.js';
import { didYouMean } from '../suggest.js';
import { UsageError } from '../usage-error.js';
import type { JobOption, JobSection } from './job-file.js';
import { JOB_FILE_BYTES_MAX, parseJobFile } from './job-file.js';
import { applyJobOptions } from './job-options.js';
import type { Plan } from './plan.js';
import { planFrom } from './plan.js';

/**
 * `values` are the options of the command line, and override those of the job file. Throws a UsageError for whatever
 * cannot be carried out, before anything is.
 */
export function plansFrom(
  values: OptionValues,
  jobFile: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Plan[] {
  if (jobFile === undefined) {
    if (values['section'] !== undefined)
      throw new UsageError('--section needs a job file: aio bench FILE --section NAME');
    return [planFrom(values)];
  }
  const sections = parseJobFile(readJobFile(jobFile), jobFile, env);
  return chosen(sections, values['section'], jobFile).map((section, i) =>
    planOf(section, i, jobFile, values),
  );
}

function readJobFile(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile() && !stats.isFIFO()) throw new UsageError(`${path} is not a file`);
    if (stats.size > JOB_FILE_BYTES_MAX) throw new UsageError(`${path} is not a job file: it is too large`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new UsageError(`job file ${path}: ${message}`, { cause: error });
    // `aio bench iodepth=4` and `aio bench randread`: an option without its dashes.
    const hint = /^\w+=/.test(path) ? ` (did you mean --${path}?)` : '';
    throw new UsageError(`there is no job file '${path}'${hint}`, { cause: error });
  }
}

function chosen(sections: JobSection[], list: string | undefined, path: string): JobSection[] {
  if (list === undefined) return sections;
  const names = list.split(',').map((name) => name.trim());
  const known = sections.map((section) => section.name);
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UsageError(
        `--section: ${path} has no section '${name}'${didYouMean(name, known)}; it has ${known.join(', ')}`,
      );
    }
  }
  return sections.filter((section) => names.includes(section.name));
}

function planOf(section: JobSection, index: number, path: string, given: OptionValues): Plan {
  const { values, notApplied } = applyJobOptions(section, path);
  if (index > 0 && !section.options.some(isStonewall)) {
    notApplied.push('runs after the section before it; fio, without stonewall, runs both at once');
  }
  // A file given instead of the job's, or a place for one.
  if (given['filename'] !== undefined) delete values['directory'];
  if (given['directory'] !== undefined) delete values['filename'];
  if (given['rw'] !== undefined && given['rwmixread'] === undefined) delete values['rwmixread'];
  const name = given['name'] === undefined ? section.name : `${given['name']}-${section.name}`;
  try {
    return planFrom(
      { ...values, ...given, name },
      { given, notApplied: notApplied.map((text) => `[${section.name}] ${text}`) },
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${path} [${section.name}]: ${error.message}`, { cause: error });
  }
}

function isStonewall({ name, value }: JobOption): boolean {
  return (name === 'stonewall' || name === 'wait_for_previous') && value !== '0';
}
