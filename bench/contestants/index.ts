// Who takes part: for each contestant the module with its door, the program that runs it, and what the tables call it.
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { DoorKind } from '../doors.js';
import type { Workload } from '../workload.js';

export const contestantIds = [
  'promises',
  'ring',
  'many',
  'node',
  'callbacks',
  'sync',
  'bun',
  'deno',
  'posix',
  'glibc',
  'fio',
  'c',
] as const;
export type ContestantId = (typeof contestantIds)[number];

/** Contestants that are no JavaScript: limit.c, glibc.c, and fio. */
export type ProgramId = 'c' | 'glibc' | 'fio';

export interface Contestant {
  id: ContestantId;
  title: string;
  /** one of this package's own */
  ours: boolean;
  door?: DoorKind;
  /** not JavaScript */
  program?: ProgramId;
  /** the module under contestants/ and its export */
  module?: string;
  /** program and arguments before the host script; undefined: this Node */
  runtime?: string[];
  version?: string;
}

const javascript: Contestant[] = [
  { id: 'promises', title: 'linux-aio promises', ours: true, door: 'promises', module: 'linux-aio' },
  { id: 'ring', title: 'linux-aio `Ring` callbacks', ours: true, door: 'ring', module: 'linux-aio' },
  { id: 'many', title: 'linux-aio `readMany`/`writeMany`', ours: true, door: 'many', module: 'linux-aio' },
  { id: 'node', title: 'node:fs/promises', ours: false, door: 'promises', module: 'node' },
  { id: 'callbacks', title: 'node:fs callbacks', ours: false, door: 'callbacks', module: 'node' },
  { id: 'sync', title: 'node:fs sync (blocks)', ours: false, door: 'sync', module: 'node' },
];

/** Whether a contestant takes part in a workload. */
export function takesPart({ door, program }: Contestant, workload: Workload): boolean {
  if (door) return workload.doors.includes(door);
  return program === 'c' || (program !== undefined && (workload.programs ?? []).includes(program));
}

/** Everybody who is here; with the reason for each who is not. */
export function findContestants(): { present: Contestant[]; absent: Record<string, string> } {
  const present = [...javascript];
  const absent: Record<string, string> = {};
  for (const [id, title, args] of [
    ['bun', 'Bun', ['run']],
    ['deno', 'Deno', ['run', '--allow-all', '--no-config']],
  ] as const) {
    const variable = `BENCH_${id.toUpperCase()}`;
    const program = process.env[variable] || onPath(id);
    if (!program) {
      absent[id] = `not found on PATH, ${variable} not set`;
      continue;
    }
    try {
      const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).match(
        /\d+\.\d+\.\d+\S*/,
      )?.[0];
      present.push({
        id,
        title: `${title} node:fs/promises`,
        ours: false,
        door: 'promises',
        module: 'node',
        runtime: [program, ...args],
        version,
      });
    } catch (error) {
      absent[id] = `${program} --version failed: ${(error as Error).message}`;
    }
  }
  present.push({
    id: 'posix',
    title: 'linux-aio/posix',
    ours: true,
    door: 'posix',
    module: 'linux-aio-posix',
  });
  present.push({ id: 'glibc', title: 'C, the library’s aio.h', ours: false, program: 'glibc' });
  const fio = onPath('fio');
  if (fio) {
    const version = execFileSync(fio, ['--version'], { encoding: 'utf8' }).trim();
    present.push({ id: 'fio', title: 'fio posixaio', ours: false, program: 'fio', version });
  } else absent['fio'] = 'not found on PATH';
  present.push({ id: 'c', title: 'C on a raw ring', ours: false, program: 'c' });
  return { present, absent };
}

function onPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}
