// The report for people: what was measured where, one table, and how to read it. At most 80 columns.

import type { Environment } from '../environment.js';
import type { Align, Column } from '../table.js';
import { renderTable, wrap } from '../table.js';
import type { Painter } from '../terminal.js';
import { LINE_WIDTH } from '../terminal.js';
import { formatNumber, formatRate } from '../units.js';
import type { BenchFile } from './bench-file.js';
import type { Measurement } from './measurement.js';
import type { Plan } from './plan.js';
import { ROUNDS } from './plan.js';
import { titleOf } from './title.js';

export interface Refusal {
  engine: string;
  reason: string;
}

export interface Results {
  plan: Plan;
  file: Pick<BenchFile, 'path' | 'size' | 'temporary' | 'checked'>;
  environment: Environment;
  measurements: readonly Measurement[];
  /** Engines that could not be opened. */
  refusals: readonly Refusal[];
  blocksChecked: number;
  /** ISO 8601 */
  date: string;
}

/** Rounds that lie further apart than this are mentioned. */
const SPREAD_NOTED = 0.3;

const NS_PER_US = 1000;
const MIB = 1024 * 1024;

export function renderReport(results: Results, paint: Painter): string {
  const refused = refusalLines(results, paint);
  // With every engine refused there is nothing to tell but that.
  const lines =
    results.measurements.length === 0
      ? refused
      : [...heading(results, paint), '', ...table(results, paint), '', ...notes(results, paint), ...refused];
  return `${lines.join('\n')}\n`;
}

function heading({ plan, file, environment }: Results, paint: Painter): string[] {
  const conditions = {
    rw: plan.workload,
    rwmixread: String(plan.readPercent),
    bs: String(plan.blockSize),
    size: String(file.size),
    direct: plan.direct ? '1' : '0',
  };
  const title = titleOf({ name: plan.name ?? plan.workload, conditions });
  const where = file.temporary ? 'temporary file' : file.path;
  const machine =
    `Linux ${environment.kernel}, Node ${environment.node}, ${environment.cpus} × ${environment.cpu}, ` +
    `${where} on ${environment.fileSystem}`;
  return [paint('bold', title), ...wrap(machine, LINE_WIDTH).map((line) => paint('dim', line))];
}

function table({ plan, measurements }: Results, paint: Painter): string[] {
  const mixed = plan.readPercent > 0 && plan.readPercent < 100;
  const column = (title: string, align: Align = 'right'): Column => ({ title, align });
  const columns = [
    column('depth'),
    column('engine', 'left'),
    ...(mixed ? [column('kind', 'left')] : []),
    column('IOPS'),
    column('MiB/s'),
    column('p50\nµs'),
    column('p99\nµs'),
    column('p99.9\nµs'),
    column('CPU\nµs/op'),
    column('loop\np99 ms'),
    column('times\nnode'),
  ];
  const rows = measurements.flatMap((measurement, i) => {
    const kinds = mixed
      ? (['reads', 'writes'] as const)
      : ([plan.readPercent > 0 ? 'reads' : 'writes'] as const);
    const first = i === 0 || measurements[i - 1].depth !== measurement.depth;
    return kinds.map((kind, line) => {
      const { latency } = kind === 'reads' ? measurement.read : measurement.write;
      const iops = measurement.iops(kind);
      const us = (percent: number): string =>
        latency.count === 0 ? '–' : formatMicroseconds(latency.percentile(percent) / NS_PER_US);
      return [
        first && line === 0 ? String(measurement.depth) : '',
        line === 0 ? measurement.engine : '',
        ...(mixed ? [kind === 'reads' ? 'read' : 'write'] : []),
        formatRate(iops),
        formatNumber((iops * plan.blockSize) / MIB),
        us(50),
        us(99),
        us(99.9),
        // The process is one, so these stand once for reads and writes together.
        line === 0 ? formatNumber(measurement.cpuPerOperation) : '',
        line === 0 ? formatNumber(measurement.loopDelay.percentile(99)) : '',
        line === 0 ? factorCell(measurement, measurements, paint) : '',
      ];
    });
  });
  const [upper, lower, ...body] = renderTable(columns, rows);
  return [paint('dim', upper), paint('dim', lower), ...body];
}

/** Tenths of a second and more are not worth six digits: `120k`. */
function formatMicroseconds(us: number): string {
  return us < 1e5 ? formatNumber(us) : formatRate(us);
}

function factorCell(measurement: Measurement, all: readonly Measurement[], paint: Painter): string {
  const factor = factorAgainstNode(measurement, all);
  if (measurement.engine === 'node' || Number.isNaN(factor)) return '–';
  return paint(factor >= 1 ? 'green' : 'red', formatNumber(factor));
}

/** IOPS against those of node:fs/promises at the same depth; NaN where that was not measured. */
export function factorAgainstNode(measurement: Measurement, all: readonly Measurement[]): number {
  const node = all.find((other) => other.engine === 'node' && other.depth === measurement.depth);
  return node === undefined ? Number.NaN : measurement.iops('all') / node.iops('all');
}

function notes({ plan, file, measurements, blocksChecked }: Results, paint: Painter): string[] {
  const paragraphs = [
    `Medians of ${ROUNDS} rounds in which the engines take turns; latencies and loop delay over all rounds. loop: ` +
      'by how much timers were late, their own millisecond subtracted. node: node:fs/promises.',
  ];
  if (!file.checked) {
    paragraphs.push(
      'Nothing was checked: the file was not laid out by aio bench, so what it should hold is unknown.',
    );
  } else if (plan.readPercent > 0) {
    paragraphs.push(`Every block read was what had been written: ${blocksChecked} blocks checked.`);
  } else {
    paragraphs.push('All that was written has been read back and was right.');
  }
  const unsteady = measurements.filter((measurement) => measurement.spread > SPREAD_NOTED);
  if (unsteady.length > 0) {
    const list = unsteady.map(
      ({ engine, depth, spread }) => `${engine} at depth ${depth} by ${Math.round(spread * 100)} %`,
    );
    paragraphs.push(`Rounds differed (is the machine busy?): ${list.join(', ')}.`);
  }
  return paragraphs.flatMap((text) => wrap(text, LINE_WIDTH)).map((line) => paint('dim', line));
}

function refusalLines({ refusals }: Results, paint: Painter): string[] {
  return refusals
    .flatMap(({ engine, reason }) =>
      wrap(`${engine} was not measured: ${reason} (aio doctor says more)`, LINE_WIDTH),
    )
    .map((line) => paint('yellow', line));
}
