// Figures 2 to 5 for the terminal: what application and kernel did, moment by moment, for the first blocks of a job.
// All models on one scale, so that their lengths can be compared.
import { storyOf } from '../../models/models.js';
import type { Mark, Read, Span, State } from '../../models/recording.js';
import type { Result } from '../../models/results.js';
import type { SourceName } from '../../models/task.js';
import { wrap } from '../table.js';
import type { Painter, Style } from '../terminal.js';
import { LINE_WIDTH } from '../terminal.js';
import { formatNumber, formatRate } from '../units.js';
import type { Findings } from './findings.js';

/** Blocks that a model without overlap has read at the right edge. */
const BLOCKS_SHOWN = 3;

const LABEL = 14;
const CELLS = LINE_WIDTH - LABEL;

/** How each state looks; the first that applies to a moment is shown, so that a short one is not lost. */
const LOOKS: Readonly<Record<State, { mark: string; style: Style; text: string }>> = {
  computing: { mark: '█', style: 'green', text: 'computing' },
  polling: { mark: '▒', style: 'yellow', text: 'asking again and again' },
  blocked: { mark: '░', style: 'red', text: 'blocked' },
  idle: { mark: '·', style: 'dim', text: 'idle, nothing left to compute' },
};
const IO = { mark: '━', style: 'cyan' as Style, text: 'I/O in progress' };

export function renderTimelines({ results, job }: Findings, paint: Painter): string[] {
  // One per model: the other engines look alike.
  const shown = results.filter(({ model }, i) => results.findIndex((other) => other.model === model) === i);
  const windowMs = BLOCKS_SHOWN * (job.delayMs + job.computeMs);
  return [
    ...wrap(
      `What the application and the kernel did in the first ${formatNumber(windowMs)} ms (a digit: the request for that block)`,
      LINE_WIDTH,
    ).map((line) => paint('bold', line)),
    ...legend(paint),
    ...shown.flatMap((result) => ['', ...timeline(result, job.source, windowMs, paint)]),
  ];
}

function legend(paint: Painter): string[] {
  const items = [...Object.values(LOOKS), IO].map(
    ({ mark, style, text }) => `${paint(style, mark.repeat(2))} ${text}`,
  );
  // Five items are too long for one line.
  return [items.slice(0, 3).join('   '), items.slice(3).join('   ')];
}

function timeline(
  { model, engine, recording, measures }: Result,
  source: SourceName,
  windowMs: number,
  paint: Painter,
): string[] {
  const figure = model.figure === null ? '' : `Figure ${model.figure}: `;
  const title = `${figure}${model.title}${engine === null ? '' : ` (${engine})`}`;
  const { spans, reads, marks } = recording;
  const lane = (name: string, content: string): string => (`  ${name}`.padEnd(LABEL) + content).trimEnd();
  return [
    paint('bold', `${title}; system calls per block: ${formatRate(measures.systemCallsPerBlock)}`),
    lane('calls', paint('dim', labels(marks, 'down', windowMs))),
    lane('application', applicationLane(spans, windowMs, paint)),
    lane('kernel', kernelLane(reads, windowMs, paint)),
    lane('answers', paint('dim', labels(marks, 'up', windowMs))),
    ...wrap(storyOf(model, source), LINE_WIDTH - 2).map((line) => `  ${line}`),
  ];
}

/** The texts of the marks in one direction, each beginning at its moment. What has no room is left out. */
function labels(marks: readonly Mark[], direction: Mark['direction'], windowMs: number): string {
  const cellOf = (mark: Mark): number => Math.floor((mark.at / windowMs) * CELLS);
  const shown = marks.filter((mark) => mark.direction === direction && cellOf(mark) < CELLS);
  let line = '';
  for (let i = 0; i < shown.length; ) {
    const cell = cellOf(shown[i]);
    const texts = new Set<string>();
    for (; i < shown.length && cellOf(shown[i]) === cell; i++) texts.add(shown[i].text);
    const text = [...texts].join(' ');
    const hasRoom = cell >= line.length + (line === '' ? 0 : 1) && cell + text.length <= CELLS;
    if (hasRoom) line = line.padEnd(cell) + text;
  }
  return line;
}

function applicationLane(spans: readonly Span[], windowMs: number, paint: Painter): string {
  const cellMs = windowMs / CELLS;
  const cells = Array.from({ length: CELLS }, (_, cell): State | null => {
    const [from, to] = [cell * cellMs, (cell + 1) * cellMs];
    const shares = new Map<State, number>();
    for (const span of spans) {
      const share = Math.min(to, span.to) - Math.max(from, span.from);
      if (share > 0) shares.set(span.state, (shares.get(span.state) ?? 0) + share);
    }
    const [most] = [...shares].sort((a, b) => b[1] - a[1]);
    return most === undefined ? null : most[0];
  });
  return painted(cells, (state) => LOOKS[state], paint);
}

function kernelLane(reads: readonly Read[], windowMs: number, paint: Painter): string {
  const cellMs = windowMs / CELLS;
  const cells = Array.from({ length: CELLS }, (_, cell): string | null => {
    const middle = (cell + 0.5) * cellMs;
    const begins = reads.findIndex(({ asked }) => Math.floor(asked / cellMs) === cell);
    if (begins >= 0) return String((begins + 1) % 10);
    return reads.some(({ asked, ready, taken }) => asked <= middle && middle < (ready ?? taken))
      ? IO.mark
      : null;
  });
  return painted(cells, (mark) => ({ mark, style: IO.style }), paint);
}

/** Neighbours that look alike are painted together, so that the line is not mostly escape sequences. */
function painted<T>(
  cells: readonly (T | null)[],
  lookOf: (cell: T) => { mark: string; style: Style },
  paint: Painter,
): string {
  let line = '';
  for (let i = 0; i < cells.length; ) {
    let text = '';
    const cell = cells[i];
    const style = cell === null ? null : lookOf(cell).style;
    for (; i < cells.length; i++) {
      const next = cells[i];
      if ((next === null ? null : lookOf(next).style) !== style) break;
      text += next === null ? ' ' : lookOf(next).mark;
    }
    line += style === null ? text : paint(style, text);
  }
  return line.trimEnd();
}
