// fio's job files: sections of options, one per line. This file knows their syntax, job-options.ts what they mean.
//
//   [global]            options of every section below, until another [global] overrides them
//   rw=randread
//   [small]             a section is a job: its name, its options
//   bs=4k               ; and # begin comments, anywhere in a line
//   filename=${DATA}    the environment variable DATA
//
// https://fio.readthedocs.io/en/latest/fio_doc.html#job-file-format
import { UsageError } from '../usage-error.js';

/** Longer files are something else: fio's own examples are below 5 KiB. */
export const JOB_FILE_BYTES_MAX = 1024 * 1024;

export interface JobOption {
  name: string;
  /** null: given without a value, as fio's `stonewall`. */
  value: string | null;
  /** Of the file, from 1 on. */
  line: number;
}

export interface JobSection {
  name: string;
  line: number;
  /** Those of [global] first. Where one comes twice, the later counts. */
  options: readonly JobOption[];
}

/** The job sections of `text`. Throws a UsageError that begins with `path` and the line. */
export function parseJobFile(text: string, path: string, env: NodeJS.ProcessEnv): JobSection[] {
  if (text.includes('\0')) throw new UsageError(`${path} is not a job file: it is not text`);
  const sections: { name: string; line: number; options: JobOption[] }[] = [];
  const global: JobOption[] = [];
  let current: JobOption[] | null = null;
  for (const [i, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = i + 1;
    const content = raw.replace(/[;#].*/s, '').trim();
    if (content === '') continue;
    const fail = (message: string): never => {
      throw new UsageError(`${path}:${line}: ${message}`);
    };
    if (content.startsWith('[')) {
      const name = /^\[([^\]]+)\]$/.exec(content)?.[1].trim();
      if (!name) return fail(`'${content}' is not a section; write [name]`);
      if (name === 'global') {
        current = global;
      } else {
        current = [...global];
        sections.push({ name, line, options: current });
      }
      continue;
    }
    if (/^include\s/.test(content)) fail('include is not supported; put the options of that file here');
    if (current === null) return fail(`'${content}' stands before the first [section]`);
    current.push(optionOf(content, line, env, fail));
  }
  if (sections.length === 0) {
    throw new UsageError(
      `${path} has no job${global.length > 0 ? ', only [global]' : ''}: add a section [name]`,
    );
  }
  return sections;
}

function optionOf(
  content: string,
  line: number,
  env: NodeJS.ProcessEnv,
  fail: (message: string) => never,
): JobOption {
  const equals = content.indexOf('=');
  if (equals === -1) return { name: content, value: null, line };
  const name = content.slice(0, equals).trim();
  if (name === '') fail(`'${content}' has no name before the =`);
  const value = content.slice(equals + 1).replace(/\$\{(\w+)\}/g, (_all, variable: string) => {
    const found = env[variable];
    // fio puts nothing in its place, and goes on with `size=`.
    return found ? found : fail(`the environment variable ${variable} is not set`);
  });
  if (value.trim() === '') fail(`${name} needs a value`);
  return { name, value: value.trim(), line };
}
