// node build/test/fs/node-suite/run.js FOLDER [--node BINARY] [--filter TEXT] [--verbose]
//
// Node's own fs tests with and without `--import linux-aio/register`; exit code 1 if any ends differently that is not
// among the expected differences. docs/drop-in-tests.md says how to get the folder.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { outdated, runSuite } from './suite.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    filter: { type: 'string' },
    register: { type: 'string' },
    verbose: { type: 'boolean' },
  },
});
if (positionals.length !== 1) {
  console.error('node build/test/fs/node-suite/run.js FOLDER [--node BINARY] [--filter TEXT] [--verbose]');
  process.exit(2);
}

const version = execFileSync(values.node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
const major = Number(version.split('.')[0]);
const results = await runSuite({
  folder: resolve(positionals[0]),
  node: values.node,
  major,
  register: values.register ?? import.meta.resolve('linux-aio/register'),
  filter: values.filter,
  progress: (done, of) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of}`);
  },
});

const count = (verdict: string) => results.filter((each) => each.verdict === verdict).length;
for (const { test, plain, registered, verdict, expected } of results) {
  if (verdict === 'same') continue;
  if (verdict === 'same, but fails without register too') {
    if (values.verbose) console.log(`${test}: ${plain.end} both times`);
    continue;
  }
  console.log(`${test}: ${plain.end} without, ${registered.end} with register`);
  if (expected) console.log(`  expected: ${expected.reason}`);
  else console.log(`  ${(registered.raw || '(no output)').trim().split('\n').slice(0, 30).join('\n  ')}`);
}
console.log(
  `Node ${version}: ${results.length} test files; ${count('same')} pass with and without, ` +
    `${count('same, but fails without register too')} fail with and without in the same way, ` +
    `${count('expected')} differ as expected, ${count('different')} differ`,
);
for (const test of outdated(results, major))
  console.log(`${test} no longer differs: it should leave the list`);
process.exitCode = count('different') > 0 ? 1 : 0;
