// The table of docs/reliability.md that says how often each fault was tried, through each door, on each engine.
import { ENGINES } from '../support/engines.js';
import { DOORS, type DoorName } from './doors.js';
import { FAULTS, type Fault } from './faults-list.js';
import type { Total } from './log.js';

const TITLES: Record<DoorName, string> = {
  ring: 'ring',
  promises: '`File`',
  posix: '`<aio.h>`',
  'drop-in': '`fs/promises`',
  callbacks: '`fs`',
};

/** Reasons, each said once below the table. */
class Footnotes {
  readonly #texts: string[] = [];

  mark(text: string): string {
    if (!this.#texts.includes(text)) this.#texts.push(text);
    return `<sup>${this.#texts.indexOf(text) + 1}</sup>`;
  }

  lines(): string[] {
    return this.#texts.map((text, i) => `<sup>${i + 1}</sup> ${text}.`);
  }
}

export function faultTable(totals: readonly Total[]): string[] {
  const footnotes = new Footnotes();
  const rows = Object.entries(FAULTS).flatMap(([part, faults]) =>
    faults.map((fault: Fault) => {
      const note = fault.note === undefined ? '' : ` ${footnotes.mark(fault.note)}`;
      const counts = (door: DoorName) =>
        ENGINES.map((engine) => countOf(totals, part, engine, fault.name, door));
      const cells = DOORS.map((door) => {
        const reason = fault.untried?.[door];
        if (reason !== undefined) return `–${footnotes.mark(reason)}`;
        return counts(door)
          .map(({ tried }) => tried)
          .join(' · ');
      });
      const failed = DOORS.flatMap(counts).reduce((sum, count) => sum + count.failed, 0);
      return `| ${fault.name}${note} | ${[...cells, failed].join(' | ')} |`;
    }),
  );
  return [
    `| fault: cases on ${ENGINES.join(' · ')} | ${DOORS.map((door) => TITLES[door]).join(' | ')} | failed |`,
    `|---|${DOORS.map(() => '---:').join('|')}|---:|`,
    ...rows,
    sumRow(totals),
    '',
    ...footnotes.lines().flatMap((line) => [line, '']),
  ];
}

function countOf(totals: readonly Total[], part: string, engine: string, fault: string, door: string) {
  const total = totals.find((one) => one.part === part && one.engine === engine);
  return total?.cases?.[fault]?.[door] ?? { tried: 0, failed: 0 };
}

function sumRow(totals: readonly Total[]): string {
  const counts = totals.flatMap(({ engine, cases = {} }) =>
    Object.values(cases).flatMap((doors) =>
      Object.entries(doors).map(([door, count]) => ({ engine, door, ...count })),
    ),
  );
  const sum = (of: typeof counts, what: 'tried' | 'failed') => of.reduce((n, count) => n + count[what], 0);
  const cells = DOORS.map((door) =>
    ENGINES.map((engine) =>
      sum(
        counts.filter((count) => count.door === door && count.engine === engine),
        'tried',
      ),
    ).join(' · '),
  );
  return `| **all** | ${[...cells, sum(counts, 'failed')].join(' | ')} |`;
}
