// The files of the test suite: which there are, which of them depend on the engine, and which run alone. For `npm test`
// (test.mjs) and for the suite under sanitizers (test/torture/sanitized.ts).
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ENGINES = ['io_uring', 'native', 'threads'];
/** Folders whose tests run on whatever engine there is: on each. All others run once. */
const ENGINE_FOLDERS = ['ring/', 'file/', 'fs/', 'posix/', 'safety/', 'examples/', 'torture/'];
/** Files in them that choose their engines themselves, or need none: once, too. */
const ONCE = [
  'fs/fuzz/watchdog.test.js',
  'fs/surface.test.js',
  'posix/acceptance.test.js',
  'ring/native.test.js',
  'ring/threads.test.js',
  'torture/figures.test.js',
  'torture/mutants.test.js',
  'torture/races.test.js',
];
const INSIDE_THE_CALL =
  'expects answers inside the call, for which a turn has a millisecond: src/ring/fairness.ts';
/** Files that run before the others and one at a time, and why. */
export const ALONE = {
  'fs/cached-reads.test.js': INSIDE_THE_CALL,
  'fs/read-ahead.test.js': INSIDE_THE_CALL,
  'models/theory.test.js': 'compares how long a thread computed, waited and was blocked',
  'ring/limits.test.js': 'becomes nobody, whose locked memory is counted over all processes',
  'ring/memory-files.test.js': INSIDE_THE_CALL,
  'ring/native.test.js': 'counts fs.aio-nr, and takes fs.aio-max-nr from the whole system for a moment',
  'torture/sample.test.js':
    'fills disks, limits processes, takes fs.aio-max-nr for a moment, looks for memory that grows and ends that take too long',
};

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'build', 'test');

/** Every compiled test file, below build/test. */
export function testFiles() {
  // One that has been renamed would run on every engine, or beside others, without a word.
  const gone = [...ONCE, ...Object.keys(ALONE)].filter((file) => !existsSync(join(folder, file)));
  if (gone.length > 0) throw new Error(`there is no ${gone.join(', ')}: mend the lists in scripts/suite.mjs`);
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.test.js'))
    .sort();
}

/** Whether it runs on each engine. */
export const isDependent = (file) =>
  ENGINE_FOLDERS.some((prefix) => file.startsWith(prefix)) && !ONCE.includes(file);
