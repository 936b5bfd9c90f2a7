// `aio doctor`: the report of doctor() for people, or as JSON.
import { doctor, reportToJson } from '../doctor/doctor.js';
import type { Advice, DoctorReport, Limits } from '../doctor/report.js';
import { ENGINE_NAMES } from '../ring/engine.js';
import type { Command } from './command.js';
import { EXIT } from './command.js';
import { renderTable, wrap } from './table.js';
import type { Painter, Style } from './terminal.js';
import { LINE_WIDTH, painterFor } from './terminal.js';
import { formatBytes } from './units.js';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'what this machine can do, and what stands in the way',
  description: [
    'Opens a small ring on every engine and looks at the limits that concern them.',
    'Changes nothing. docs/doctor.md explains every line.',
  ],
  options: {
    json: { kind: 'flag', help: 'print the report as JSON' },
  },
  examples: ['aio doctor', 'aio doctor --json'],
  exitCodes: ['0  some engine works', '1  none does', '2  the command line is wrong'],
  async run(values, io) {
    const report = await doctor();
    const text = values['json'] ? `${reportToJson(report)}\n` : renderDoctor(report, painterFor(io.stdout));
    io.stdout.write(text);
    return ENGINE_NAMES.some((name) => report.engines[name].available) ? EXIT.OK : EXIT.FAILED;
  },
};

export function renderDoctor(report: DoctorReport, paint: Painter): string {
  const lines = [
    paint('bold', `${report.platform} ${report.kernel} on ${report.arch}, Node ${report.node}`),
    '',
    paint('bold', 'Engines'),
    ...engineLines(report, paint),
    '',
    paint('bold', 'Limits'),
    ...limitLines(report).map((line) => `  ${line}`),
    '',
    paint('bold', 'Advice'),
    ...(report.advice.length === 0
      ? ['  Nothing stands in the way.']
      : report.advice.flatMap((advice) => adviceLines(advice, paint))),
  ];
  return `${lines.join('\n')}\n`;
}

function engineLines(report: DoctorReport, paint: Painter): string[] {
  const width = Math.max(...ENGINE_NAMES.map((name) => name.length));
  // Listed once: usually all engines have the same.
  let shown = '';
  return ENGINE_NAMES.flatMap((name) => {
    const { available, reason, operations } = report.engines[name];
    const chosen = available && name === report.chosen ? ', chosen' : '';
    const list = operations.join(' ');
    const same = list === shown ? 'the same ' : '';
    const text = available ? `works${chosen}; ${same}${operations.length} operations` : `no: ${reason}`;
    const indent = ' '.repeat(width + 4);
    const lines = wrap(text, LINE_WIDTH - indent.length);
    const style: Style = available ? 'green' : 'yellow';
    const listed = available && same === '' ? wrap(list, LINE_WIDTH - indent.length) : [];
    if (available) shown = list;
    return [
      ...lines.map((line, i) => `${i === 0 ? `  ${name.padEnd(width)}  ` : indent}${paint(style, line)}`),
      ...listed.map((line) => indent + paint('dim', line)),
    ];
  });
}

/** One line per value, whether or not it is in the way: what is asked for first when somebody seeks help. */
function limitLines({ limits, seccomp, container }: DoctorReport): string[] {
  const rows: [string, string, string][] = [
    ['kernel.io_uring_disabled', limits.ioUringDisabled?.toString() ?? 'none', disabledMeans(limits)],
    ['seccomp', seccomp, seccomp === 'filter' ? 'system calls are filtered' : ''],
    ['container', container ?? 'none seen', ''],
    [
      'locked memory (ulimit -l)',
      known(limits.memlock, formatBytes),
      'per user; rings count on some kernels',
    ],
    ['memory control group', known(limits.memoryCgroup, formatBytes), ''],
    [
      'open files (ulimit -n)',
      known(limits.openFiles, countOf),
      `${known(limits.openFilesUsed, countOf)} open now`,
    ],
    [
      'fs.aio-nr',
      known(limits.aioNr, countOf),
      `of ${known(limits.aioMaxNr, countOf)} (fs.aio-max-nr) reserved`,
    ],
    ['UV_THREADPOOL_SIZE', String(limits.uvThreads), 'threads for fs, dns, zlib, crypto'],
  ];
  const columns = [
    { title: '', align: 'left' as const },
    { title: '', align: 'left' as const },
    { title: '', align: 'left' as const },
  ];
  return renderTable(columns, rows).slice(1);
}

function disabledMeans({ ioUringDisabled, ioUringGroup }: Limits): string {
  if (ioUringDisabled === null) return 'this kernel has no such switch';
  if (ioUringDisabled === 0) return 'everybody may use io_uring';
  if (ioUringDisabled === 2) return 'nobody may use io_uring';
  const group = ioUringGroup !== null && ioUringGroup >= 0 ? `group ${ioUringGroup}` : 'no group';
  return `only CAP_SYS_ADMIN and ${group}`;
}

function adviceLines({ level, text, command }: Advice, paint: Painter): string[] {
  const style: Style = level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'cyan';
  const label = `${level}:`.padEnd(7);
  const indent = ' '.repeat(2 + label.length);
  const lines = wrap(text, LINE_WIDTH - indent.length);
  return [
    ...lines.map((line, i) => (i === 0 ? `  ${paint(style, label)}${line}` : indent + line)),
    // Not wrapped: a command is there to be copied.
    ...(command === undefined ? [] : [`${indent}  ${paint('bold', command)}`]),
  ];
}

function known(value: number, format: (value: number) => string): string {
  return value < 0 ? 'unknown' : format(value);
}

function countOf(value: number): string {
  return value === Infinity ? 'unlimited' : String(value);
}
