// What a workload is. A family (one file under workloads/) lists its workloads and holds the loop of each kind of door,
// so that everything a reader must compare to judge a figure stands in one file.
import type { ProgramId } from './contestants/index.js';
import type { DoorKind, DoorOf } from './doors.js';
import type { FixtureName } from './fixtures.js';
import type { Outcome, Slice } from './slice.js';

export interface Workload {
  id: string;
  title: string;
  /** what the tables count; MiB/s where transfers are large */
  unit: 'ops/s' | 'files/s' | 'MiB/s';
  fixture: FixtureName;
  /** its own table: contestants that take part nowhere else */
  group?: 'posix';
  /** who takes part; C on a raw ring always does */
  doors: readonly DoorKind[];
  /** and these other programs */
  programs?: readonly ProgramId[];
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
