// docs/posix-acceptance.md: every row of the table with the tests that cover it. Written by
//
//   node build/test/posix/acceptance-page.js
//
// and compared by acceptance.test.ts, so it cannot be out of date.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, execPath } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageRoot } from '../support/program.js';
import { folder, type Level, type Listed, type Row, table } from './table.js';

export const page = join(packageRoot, 'docs', 'posix-acceptance.md');

/** Every test under test/posix, as declared on this engine: the files are loaded in a process that runs none of them. */
export function listTests(): Listed[] {
  const files = readdirSync(folder).filter(
    (file) => file.endsWith('.test.js') && file !== 'acceptance.test.js',
  );
  const program = files
    .map((file) => `await import(${JSON.stringify(pathToFileURL(join(folder, file)).href)});`)
    .join('\n');
  const { NODE_TEST_CONTEXT: _, ...inherited } = env;
  const { status, stdout, stderr } = spawnSync(execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    maxBuffer: 1 << 24,
    env: { ...inherited, LINUX_AIO_LIST_ROWS: '1' },
  });
  if (status !== 0) throw new Error(`the tests could not be listed: ${stderr}`);
  return JSON.parse(stdout) as Listed[];
}

const SECTIONS: readonly [prefix: RegExp, title: string][] = [
  [/^H/, 'The header'],
  [/^R/, '`aio_read`'],
  [/^W/, '`aio_write`'],
  [/^E/, '`aio_error`'],
  [/^T/, '`aio_return`'],
  [/^S/, '`aio_suspend`'],
  [/^C/, '`aio_cancel`'],
  [/^L/, '`lio_listio`'],
  [/^F/, '`aio_fsync`'],
  [/^X/, 'POSIX.1-2008 beyond the Open POSIX Test Suite'],
  [/^B/, 'In the manner of FreeBSD’s tests'],
  [/^G/, 'In the manner of glibc’s tests'],
  [/^K/, 'The system calls under the native engine'],
];

const LEVELS: Readonly<Record<Level, string>> = {
  M: 'must',
  C: 'our choice',
  O: 'optional',
  X: 'cannot apply',
};

export function pageOf(tests: readonly Listed[]): string {
  const count = (level: Level) => table.filter((row) => row.level === level).length;
  const lines = [
    '# The acceptance table of linux-aio/posix',
    '',
    '<!-- Written by `node build/test/posix/acceptance-page.js` from test/posix/acceptance.csv and the tests. -->',
    '',
    `${table.length} requirements: ${count('M')} that POSIX makes, ${count('C')} where it leaves a choice (the line says`,
    `ours), ${count('O')} optional ones, ${count('X')} that cannot apply here, with the reason. Each is covered by the tests`,
    'named, on every engine unless a test is about one. A row without a test fails the build.',
    '',
    'The rows follow the assertions of the Open POSIX Test Suite (H, R, W, E, T, S, C, L, F), what POSIX.1-2008 says beyond',
    'them (X), and what the tests of FreeBSD (B), glibc (G) and the Linux Test Project’s system-call tests (K) look at.',
  ];
  for (const [prefix, title] of SECTIONS) {
    const rows = table.filter(({ id }) => prefix.test(id));
    lines.push('', `## ${title}`, '', '| row | | requirement | tests |', '|---|---|---|---|');
    for (const row of rows) lines.push(lineOf(row, tests));
  }
  return `${lines.join('\n')}\n`;
}

function lineOf({ id, level, requirement, choice }: Row, tests: readonly Listed[]): string {
  const mine = tests.filter(({ rows }) => rows.includes(id));
  const remark = choice === '' ? '' : level === 'M' || level === 'O' ? ` (${choice})` : `. **${choice}**`;
  const names = mine.map(({ file, title }) => `${title} ([${file}](../test/posix/${file}))`);
  const cells = [id, LEVELS[level], requirement + remark, names.join('<br>') || '–'];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, pageOf(listTests()));
