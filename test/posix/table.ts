// The acceptance table (acceptance.csv) and the one way to write a test under test/posix/: `covers('R1 R4', title, body)`
// says which rows the test is for. The same declarations that run the tests also list them: with LINUX_AIO_LIST_ROWS in
// the environment nothing is run, and the list goes to standard output when the process ends. acceptance.test.ts asks
// for that list, so a row cannot be "covered" by a test that nobody would run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineUnderTest } from '../support/engines.js';
import { packageRoot } from '../support/program.js';

export type Level = 'M' | 'C' | 'O' | 'X';

export interface Row {
  id: string;
  /** must, POSIX leaves a choice, optional, cannot apply */
  level: Level;
  requirement: string;
  /** for C what we chose, for X why it cannot apply, otherwise a remark */
  choice: string;
}

/** A test as it was declared. */
export interface Listed {
  rows: string[];
  title: string;
  file: string;
  /** why it does not run in this run */
  skip: string | false;
}

export interface CoverOptions {
  /** a reason known before the test runs; there is no way to skip later, which the list could not show */
  skip?: string | false;
  /** the test is about this engine only */
  engine?: 'io_uring' | 'native' | 'threads';
}

export const table: readonly Row[] = readTable(join(packageRoot, 'test', 'posix', 'acceptance.csv'));
const known = new Set(table.map(({ id }) => id));

const listing = process.env['LINUX_AIO_LIST_ROWS'] !== undefined;
const listed: Listed[] = [];
if (listing) process.once('exit', () => process.stdout.write(JSON.stringify(listed)));

let engine: string | undefined;

/** A test for the rows named, separated by spaces; '' for what no row asks for. */
export function covers(
  rows: string,
  title: string,
  ...rest: [body: (t: TestContext) => unknown] | [options: CoverOptions, body: (t: TestContext) => unknown]
): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const ids = rows.split(' ').filter(Boolean);
  for (const id of ids) assert.ok(known.has(id), `the table has no row ${id}`);
  let skip = options.skip ?? false;
  if (options.engine) {
    engine ??= engineUnderTest();
    if (engine !== options.engine) skip = `about ${options.engine}; this run is on ${engine}`;
  }
  if (listing) listed.push({ rows: ids, title, file: callingFile(), skip });
  else
    test(ids.length > 0 ? `${title} [${rows}]` : title, { skip }, (t) => {
      t.skip = t.todo = () => assert.fail('say it in the options of covers(): the table must know');
      return body(t) as Promise<void>;
    });
}

/** The test file that `covers` was called from: source maps are not needed for its name. */
function callingFile(): string {
  const line = new Error().stack!.split('\n').find((text) => text.includes('.test.'));
  const path = /(?:file:\/\/)?(\/[^:)]+)/.exec(line ?? '')?.[1];
  assert.ok(path, 'covers() is for test files');
  return basename(path).replace(/\.test\.[jt]s$/, '.test.ts');
}

/** Comma-separated values with double quotes around what has commas. */
function readTable(path: string): Row[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n').map(cells);
  assert.deepEqual(head, ['id', 'level', 'requirement', 'choice']);
  return lines.map(([id, level, requirement, choice]) => ({
    id,
    level: level as Level,
    requirement,
    choice,
  }));
}

function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain,
  );
}

export const folder = fileURLToPath(new URL('.', import.meta.url));
