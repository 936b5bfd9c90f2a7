// `aio bench compare`: two reports of the same benchmark, before and after a change.
import { compareDocuments, MismatchError } from './bench/compare.js';
import { renderComparePage } from './bench/compare-page.js';
import { comparisonToJson, renderComparison } from './bench/compare-report.js';
import { DocumentError, readDocument } from './bench/document.js';
import type { Command } from './command.js';
import { EXIT } from './command.js';
import { painterFor } from './terminal.js';
import { checkWritable, WriteError, writeReport } from './writable.js';

export const benchCompareCommand: Command = {
  name: 'bench compare',
  summary: 'two reports, before and after: what is more than noise',
  description: [
    'Reads two JSON reports of aio bench and compares what is in both, row by row:',
    'B / A, how far the rounds spread it, and whether that is a difference.',
  ],
  options: {
    json: { kind: 'flag', help: 'print the comparison as JSON' },
    html: { kind: 'value', value: 'path', help: 'also write a page with charts to this file' },
  },
  operands: { usage: 'A.json B.json', min: 2, max: 2 },
  examples: [
    'aio bench --output-format json --output before.json',
    'aio bench --output-format json --output after.json',
    'aio bench compare before.json after.json',
    'aio bench compare before.json after.json --html compared.html',
  ],
  exitCodes: [
    '0  compared, whatever the outcome',
    '1  a file is no report of aio bench, or the two measured different things',
    '2  the command line is wrong',
  ],
  async run(values, io, [pathA, pathB]) {
    const page = values['html'];
    if (page !== undefined) checkWritable('html', page);
    try {
      const a = { path: pathA, document: readDocument(pathA) };
      const b = { path: pathB, document: readDocument(pathB) };
      const comparison = compareDocuments(a, b);
      const text = values['json']
        ? `${JSON.stringify(comparisonToJson(comparison), null, 2)}\n`
        : renderComparison(comparison, painterFor(io.stdout));
      io.stdout.write(text);
      if (page !== undefined) writeReport(page, renderComparePage(comparison));
      return EXIT.OK;
    } catch (error) {
      const expected =
        error instanceof DocumentError || error instanceof MismatchError || error instanceof WriteError;
      if (!expected) throw error;
      io.stderr.write(`aio bench compare: ${(error as Error).message}\n`);
      return EXIT.FAILED;
    }
  },
};
