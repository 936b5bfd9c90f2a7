// All families, in the order of the tables.
import type { Family, Workload } from '../workload.js';
import { durableAppends } from './durable-appends.js';
import { posixReads } from './posix-reads.js';
import { randomReads } from './random-reads.js';
import { randomWrites } from './random-writes.js';
import { sequence } from './sequence.js';
import { wholeFilesFamily } from './whole-files.js';

export const families: readonly Family[] = [
  randomReads,
  randomWrites,
  durableAppends,
  wholeFilesFamily,
  sequence,
  posixReads,
];

export const workloads: readonly Workload[] = families.flatMap((family) => family.workloads);

/** The loops that run a workload. */
export function familyOf(id: string): Family {
  const family = families.find((each) => each.workloads.some((workload) => workload.id === id));
  if (!family) throw new Error(`no workload ${id}`);
  return family;
}
