// What this package has promised: ratios of medians of ours against a rival, by workload. The report says met or not
// met; nothing fails over it, because a shared machine may miss one for reasons of its own.
import type { ContestantId } from './contestants/index.js';
import type { Rival } from './results.js';

export interface Goal {
  workload: string;
  ours: ContestantId;
  rival: Rival;
  atLeast: number;
}

export const goals: readonly Goal[] = [
  { workload: 'read-cached-1', ours: 'promises', rival: 'node', atLeast: 8 },
  { workload: 'read-cached-128', ours: 'promises', rival: 'node', atLeast: 4 },
  { workload: 'read-cached-128', ours: 'promises', rival: 'c', atLeast: 0.6 },
  { workload: 'read-cached-128', ours: 'ring', rival: 'c', atLeast: 0.85 },
  { workload: 'read-direct-128', ours: 'promises', rival: 'node', atLeast: 2 },
  { workload: 'read-direct-128', ours: 'promises', rival: 'c', atLeast: 0.9 },
  { workload: 'posix-direct-128', ours: 'posix', rival: 'glibc', atLeast: 3.5 },
  { workload: 'posix-direct-128', ours: 'posix', rival: 'fio', atLeast: 3.5 },
];
