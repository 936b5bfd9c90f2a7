// From outcomes to figures: medians over the rounds, and ratios that are medians of the rounds' own ratios, because a
// slow minute of the machine slows both sides of a ratio.
import type { Contestant, ContestantId } from './contestants/index.js';
import { goals } from './goals.js';
import type { Machine } from './machine.js';
import type { Measured } from './measure.js';
import type { Outcome } from './slice.js';
import type { Workload } from './workload.js';

export interface Ratio {
  median: number;
  least: number;
  most: number;
}

/** Whom ours are divided by. */
export const rivals = ['node', 'glibc', 'fio', 'c'] as const;
export type Rival = (typeof rivals)[number];

export interface Figure {
  /** in the workload's unit */
  perSecond: number;
  rounds: number[];
  cpuMicrosPerOperation: number;
  over: Partial<Record<Rival, Ratio>>;
}

export interface Row {
  id: string;
  title: string;
  unit: Workload['unit'];
  group?: Workload['group'];
  figures: Partial<Record<ContestantId, Figure>>;
  failures: Partial<Record<ContestantId, string>>;
  complaints: Partial<Record<ContestantId, string>>;
  /** why nobody could run it here */
  skipped?: string;
}

export interface GoalResult {
  workload: string;
  ours: ContestantId;
  rival: Rival;
  atLeast: number;
  measured?: number;
  met?: boolean;
}

export interface Loss {
  workload: string;
  ours: ContestantId;
  rival: Rival;
  ratio: number;
  /** undefined: slower than node:fs/promises; otherwise the goal it missed */
  goal?: number;
}

export interface Results {
  schema: 2;
  machine: Machine;
  rounds: number;
  sliceMilliseconds: number;
  contestants: Pick<Contestant, 'id' | 'title' | 'ours' | 'version'>[];
  absent: Record<string, string>;
  workloads: Row[];
  goals: GoalResult[];
  losses: Loss[];
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function rowOf({ workload, outcomes, failures, complaints, skipped }: Measured): Row {
  const rate = ({ operations, bytes, seconds }: Outcome) =>
    (workload.unit === 'MiB/s' ? bytes / 2 ** 20 : operations) / seconds;
  const rates = new Map([...outcomes].map(([id, list]) => [id, list.map(rate)]));
  const row: Row = {
    id: workload.id,
    title: workload.title,
    unit: workload.unit,
    group: workload.group,
    figures: {},
    failures: Object.fromEntries(failures),
    complaints: Object.fromEntries(complaints),
    skipped,
  };
  for (const [id, list] of outcomes) {
    const rounds = rates.get(id)!;
    row.figures[id] = {
      perSecond: median(rounds),
      rounds,
      cpuMicrosPerOperation: median(list.map(({ cpuMicros, operations }) => cpuMicros / operations)),
      over: {},
    };
    for (const rival of rivals) {
      const theirs = rates.get(rival);
      if (theirs && rival !== id) row.figures[id].over[rival] = ratio(rounds, theirs);
    }
  }
  return row;
}

function ratio(ours: number[], theirs: number[]): Ratio {
  const each = ours.map((value, round) => value / theirs[round]);
  return { median: median(each), least: Math.min(...each), most: Math.max(...each) };
}

export function goalsOf(rows: Row[]): GoalResult[] {
  return goals.map((goal) => {
    const figure = rows.find(({ id }) => id === goal.workload)?.figures[goal.ours];
    const measured = figure?.over[goal.rival]?.median;
    return measured === undefined ? goal : { ...goal, measured, met: measured >= goal.atLeast };
  });
}

/** Every workload where one of ours is slower than node:fs/promises, or short of a goal. */
export function lossesOf(rows: Row[], contestants: Results['contestants']): Loss[] {
  const ours = contestants.filter((contestant) => contestant.ours).map(({ id }) => id);
  const slower = rows.flatMap((row) =>
    ours.flatMap((id): Loss[] => {
      const over = row.figures[id]?.over.node?.median;
      return over !== undefined && over < 1
        ? [{ workload: row.id, ours: id, rival: 'node', ratio: over }]
        : [];
    }),
  );
  const missed = goalsOf(rows)
    .filter(({ met }) => met === false)
    .map((goal): Loss => {
      const { workload, rival, atLeast, measured } = goal;
      return { workload, ours: goal.ours, rival, ratio: measured!, goal: atLeast };
    });
  return [...slower, ...missed];
}
