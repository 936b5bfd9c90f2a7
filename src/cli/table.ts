// Plain-text tables: columns as wide as their widest cell, numbers to the right. Colour is added by the caller,
// and its escape sequences count as no width.
import { stripVTControlCharacters } from 'node:util';

export type Align = 'left' | 'right';

export interface Column {
  /** The heading; a line break makes it two lines. */
  title: string;
  align: Align;
}

/** Width of the gap between two columns, in characters. */
const GAP = 2;

/** One string per line: the headings, then a line per row. Lines have no trailing blanks. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map((column) => column.title.split('\n'));
  const titleLines = Math.max(...titles.map((lines) => lines.length));
  // A shorter heading stands on the last line, next to its column.
  const headings = Array.from({ length: titleLines }, (_, line) =>
    titles.map((lines) => lines[line - (titleLines - lines.length)] ?? ''),
  );
  const all = [...headings, ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => width(row[i] ?? ''))));
  return all.map((row) =>
    columns
      .map((column, i) => pad(row[i] ?? '', widths[i], column.align))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

/** `text` broken at blanks into lines of at most `columns` characters, all but the first indented by `indent`. */
export function wrap(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (width(longer) > columns && line.trim() !== '') {
      lines.push(line);
      line = indent + word;
    } else {
      line = longer;
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

function pad(text: string, columns: number, align: Align): string {
  const blanks = ' '.repeat(Math.max(0, columns - width(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
