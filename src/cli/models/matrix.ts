// Figure 1 for the terminal: two questions, four answers, each with what was measured.
import type { Corner } from '../../models/models.js';
import type { Result } from '../../models/results.js';
import type { Painter } from '../terminal.js';
import { formatNumber, formatRate } from '../units.js';

const SIDE = 13;
const CELL = 31;

export function renderMatrix(results: readonly Result[], paint: Painter): string[] {
  const line = (left: string, ...cells: string[]): string =>
    [left.padEnd(SIDE), ...cells.map((cell) => ` ${cell.padEnd(CELL)}`)].join('│').trimEnd();
  const rule = ['─'.repeat(SIDE), '─'.repeat(CELL + 1), '─'.repeat(CELL + 1)].join('┼');
  const row = (title: string, asynchronous: boolean): string[] => {
    const left = cellLines(cornerResult(results, { asynchronous, blocking: true }));
    const right = cellLines(cornerResult(results, { asynchronous, blocking: false }));
    return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
      const whole = line(i === 0 ? title : '', left[i] ?? '', right[i] ?? '');
      return i === 0 ? paint('bold', whole) : whole;
    });
  };
  return [
    paint('bold', line('', 'blocking', 'non-blocking')),
    rule,
    ...row('synchronous', false),
    rule,
    ...row('asynchronous', true),
  ];
}

/** The result that stands in a corner of Figure 1: the article's own model for it, on the first engine. */
export function cornerResult(results: readonly Result[], corner: Corner): Result | undefined {
  return results.find(
    ({ model }) =>
      model.figure !== null &&
      model.corner.asynchronous === corner.asynchronous &&
      model.corner.blocking === corner.blocking,
  );
}

function cellLines(result: Result | undefined): string[] {
  if (result === undefined) return ['not measured'];
  const { model, engine, measures } = result;
  return [
    `${model.title}${engine === null ? '' : ` (${engine})`}`,
    ...figuresOf(measures).map(({ label, value }) => `${label.padEnd(22)}${value.padStart(9)}`),
  ];
}

/** The figures that tell the four corners apart. */
export function figuresOf(measures: Result['measures']): { label: string; value: string }[] {
  return [
    { label: 'time for the job', value: `${formatNumber(measures.wallMs)} ms` },
    { label: 'thread blocked', value: `${formatNumber(measures.blockedMs)} ms` },
    { label: 'CPU burnt waiting', value: `${formatNumber(measures.waitingCpuMs)} ms` },
    { label: 'system calls per block', value: formatRate(measures.systemCallsPerBlock) },
    { label: 'overlap', value: `${Math.round(measures.overlapPercent)} %` },
  ];
}
