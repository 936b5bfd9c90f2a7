// What all runs together have shown, and the shape that `--json` prints and the HTML page carries.
import { type Measures, measuresOf } from './measures.js';
import type { Run } from './models.js';
import type { Recording } from './recording.js';
import type { SourceName } from './task.js';

/** The job, the same for every model. */
export interface JobDescription {
  source: SourceName;
  blocks: number;
  blockBytes: number;
  /** From the request for a block to the block: as asked for with pipe and socket, as measured with a file. */
  delayMs: number;
  /** Computing per block, on this machine without disturbance. */
  computeMs: number;
}

export interface Result extends Run {
  recording: Recording;
  measures: Measures;
}

export function resultOf(run: Run, recording: Recording): Result {
  return { ...run, recording, measures: measuresOf(recording) };
}

/** A result without its functions. */
export interface ResultJson {
  model: string;
  title: string;
  figure: number | null;
  asynchronous: boolean;
  blocking: boolean;
  engine: string | null;
  measures: Measures;
  recording: Recording;
}

export function resultToJson({ model, engine, measures, recording }: Result): ResultJson {
  const { name, title, figure, corner } = model;
  return { model: name, title, figure, ...corner, engine, measures, recording };
}
