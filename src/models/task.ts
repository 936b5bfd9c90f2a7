// What the command and the process that runs one model tell each other.

export const SOURCES = ['pipe', 'socket', 'file'] as const;
export type SourceName = (typeof SOURCES)[number];

/** Given to runner.js as its only argument, as JSON. */
export interface Task {
  model: string;
  source: SourceName;
  blocks: number;
  blockBytes: number;
  /** Units of work per block: see work.ts. */
  units: number;
}

/** Descriptors that the process of a model inherits. */
export const FD = {
  /** Blocks come from here. */
  DATA: 3,
  /** Blocks are asked for here; not with a file. */
  REQUESTS: 4,
} as const;

/** Blocks read before the recording, so that nothing in it is compiled or opened for the first time. */
export const BLOCKS_BEFORE = 2;
