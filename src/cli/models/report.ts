// The report of `aio models` for people: Figure 1 with the measured figures in it, a table, and a timeline per model.
// At most 80 columns.
import type { Result } from '../../models/results.js';
import { nameOf } from '../../models/run.js';
import { renderTable, wrap } from '../table.js';
import type { Painter } from '../terminal.js';
import { LINE_WIDTH } from '../terminal.js';
import { formatBytes, formatNumber, formatRate } from '../units.js';
import { formatMs } from './drawing.js';
import type { Findings } from './findings.js';
import { renderMatrix } from './matrix.js';
import { renderTimelines } from './timeline.js';

export function renderReport(findings: Findings, paint: Painter): string {
  const { results } = findings;
  const sections =
    results.length === 0
      ? []
      : [
          heading(findings, paint),
          renderMatrix(results, paint),
          [...table(results, paint), '', ...notes(results, paint)],
          renderTimelines(findings, paint),
        ];
  const all = [...sections, refusals(findings, paint)].filter((lines) => lines.length > 0);
  return `${all.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function heading(findings: Findings, paint: Painter): string[] {
  const { kernel, node, cpus, cpu } = findings.environment;
  return [
    ...wrap(jobInWords(findings), LINE_WIDTH).map((line) => paint('bold', line)),
    ...wrap(`Linux ${kernel}, Node ${node}, ${cpus} × ${cpu}`, LINE_WIDTH).map((line) => paint('dim', line)),
  ];
}

export function jobInWords({ job }: Findings): string {
  const { source, blocks, blockBytes, delayMs, computeMs } = job;
  const what = `${blocks} ${blocks === 1 ? 'block' : 'blocks'} of ${formatBytes(blockBytes)}`;
  const where = source === 'file' ? 'from a file past the page cache' : `from a ${source}`;
  const slow = source === 'file' ? 'about ' : '';
  return (
    `The same job in every model: read ${what} ${where}, each available ${slow}${formatMs(delayMs)} ms after it ` +
    `is requested, and do ${formatMs(computeMs)} ms of other computing per block.`
  );
}

function table(results: readonly Result[], paint: Painter): string[] {
  const number = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'model', align: 'left' as const },
    { title: 'engine', align: 'left' as const },
    number('wall\nms'),
    number('blocked\nms'),
    number('CPU\nwaiting\nms'),
    number('calls/\nblock'),
    number('EAGAIN'),
    number('over-\nlap\n%'),
    number('late\nµs'),
  ];
  const rows = results.map(({ model, engine, measures }) => [
    model.name,
    engine ?? '',
    formatNumber(measures.wallMs),
    formatNumber(measures.blockedMs),
    formatNumber(measures.waitingCpuMs),
    formatRate(measures.systemCallsPerBlock),
    formatRate(measures.eagain),
    Math.round(measures.overlapPercent).toString(),
    formatNumber(measures.latencyUs.median),
  ]);
  const lines = renderTable(columns, rows);
  const titleLines = lines.length - rows.length;
  return lines.map((line, i) => (i < titleLines ? paint('dim', line) : line));
}

/** More of the time than this is mentioned. */
const DISTURBED_NOTED = 10;

function notes(results: readonly Result[], paint: Painter): string[] {
  const text =
    'blocked: inside a system call that had not returned. CPU waiting: CPU time not spent computing. calls: system ' +
    'calls. overlap: how much of the computing was done while a read was in progress. late: from the moment the data ' +
    'was there until the program had it, median.';
  return [
    ...wrap(text, LINE_WIDTH).map((line) => paint('dim', line)),
    ...wrap(disturbance(results), LINE_WIDTH).map((line) => paint('yellow', line)),
  ];
}

/** What other programs have done to the figures; empty where that was little. */
export function disturbance(results: readonly Result[]): string {
  const disturbed = results.filter(({ measures }) => measures.disturbedPercent > DISTURBED_NOTED);
  if (disturbed.length === 0) return '';
  const list = disturbed.map(
    (result) => `${nameOf(result)} (${Math.round(result.measures.disturbedPercent)} %)`,
  );
  return `This machine is busy: other programs had the processor during part of ${list.join(', ')}. The less CPU a model gets, the less it can overlap. Run it again when the machine is quiet.`;
}

function refusals({ refusals }: Findings, paint: Painter): string[] {
  return refusals
    .flatMap(({ engine, reason }) =>
      wrap(`AIO on ${engine} was not measured: ${reason} (aio doctor says more)`, LINE_WIDTH),
    )
    .map((line) => paint('yellow', line));
}
