// What a workload is. A family (one file under workloads/) lists its workloads and holds the loop of each kind of door,
// so that everything a reader must compare to judge a figure stands in one file.
import type { DoorKind, DoorOf } from './doors.js';
import type { FixtureName } from './fixtures.js';
import type { Outcome, Slice } from './slice.js';

export interface Workload {
  id: string;
  title: string;
  /** what the tables count; MiB/s where transfers are large */
  unit: 'ops/s' | 'files/s' | 'MiB/s';
  fixture: FixtureName;
  /** who takes part; C always does */
  doors: readonly DoorKind[];
  /** the workload's name in limit.c */
  limit: 'read' | 'write' | 'append' | 'sequence' | 'small' | 'whole';
  depth: number;
  size: number;
  count: number;
  direct?: boolean;
  perFolder?: number;
  /** once, before the first slice */
  warm?(path: string): void;
  /** before every slice, outside the clock */
  reset?(path: string, slice: Slice): void;
  /** after every slice, outside the clock: throws where the work was not done */
  check?(path: string, slice: Slice, outcome: Outcome): void;
}

export type Loops = {
  [K in DoorKind]?: (door: DoorOf<K>, slice: Slice) => Promise<Outcome>;
};

export interface Family {
  workloads: Workload[];
  loops: Loops;
}
