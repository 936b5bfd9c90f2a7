// `npm test`: lint, then every test under build/test, then what depends on the engine once more on each of the other
// engines that work here.
//
//   npm test -- ring/                    only the files whose path contains "ring/", on every engine
//   npm test -- --engine threads ring/   on that engine only (LINUX_AIO_ENGINE=threads)
//
// Without --engine the first run is on the engine that 'auto' takes, or that LINUX_AIO_ENGINE names: then on no other.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process, { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALONE, ENGINES, isDependent, testFiles } from './suite.mjs';

/**
 * How many of the others run at once, each in a process of its own. On two cores Node would run one; but half of the
 * time is waiting for disks, timers and processes to start.
 */
const AT_ONCE = Math.max(2, availableParallelism() - 1);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals: filters } = parseArgs({
  options: { engine: { type: 'string' } },
  allowPositionals: true,
});
if (values.engine !== undefined && !ENGINES.includes(values.engine))
  fail(`--engine is one of ${ENGINES.join(', ')}`);

const files = testFiles().filter(
  (file) => filters.length === 0 || filters.some((filter) => `test/${file}`.includes(filter)),
);
if (files.length === 0) fail(`no test file matches ${filters.join(' ')}`);
const dependent = files.filter(isDependent);

if (filters.length === 0 && !values.engine)
  run([join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check']);
if (values.engine) {
  // An engine that was asked for and does not work is a failure, not a reason to run nothing.
  if (!works(values.engine)) fail(`the engine ${values.engine} does not work here`);
  runTests(values.engine, filters.length === 0 ? dependent : files);
} else {
  const first = tried('auto');
  if (!first) fail('no engine works here: see aio doctor');
  runTests(first, files);
  if (!env.LINUX_AIO_ENGINE && dependent.length > 0) {
    for (const engine of ENGINES.filter((name) => name !== first)) {
      if (works(engine)) runTests(engine, dependent);
      else heading(`${engine} does not work here: not tested`);
    }
  }
}

/** Whether a ring can be opened on it. */
function works(engine) {
  return tried(engine) === engine;
}

/** The engine of a ring that is opened, or nothing: in a process of its own, for this one loads no addon. */
function tried(engine) {
  const program = `import { Ring } from 'linux-aio'; console.log(Ring.open({ engine: '${engine}' }).engine);`;
  const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], options).stdout.trim();
}

function runTests(engine, list) {
  // io_uring, unless asked for, without the variable: as a program finds it. The others would explain themselves on
  // stderr, which is for test/container to look at.
  const chosen = values.engine || engine !== 'io_uring' ? { LINUX_AIO_ENGINE: engine } : {};
  for (const [how, concurrency, some] of [
    ['one at a time', 1, list.filter((file) => file in ALONE)],
    [`${AT_ONCE} at once`, AT_ONCE, list.filter((file) => !(file in ALONE))],
  ]) {
    if (some.length === 0) continue;
    heading(`on ${engine}: ${some.length} files, ${how}`);
    // --expose-gc: the memory-safety tests collect garbage while requests are in flight.
    const args = ['--expose-gc', '--enable-source-maps', '--test', '--test-reporter=spec'];
    const paths = some.map((file) => relative(root, join(root, 'build', 'test', file)));
    run([...args, `--test-concurrency=${concurrency}`, ...paths], { ...env, ...chosen });
  }
}

function heading(text) {
  console.log(`\n━━━ ${text} ━━━\n`);
}

/** What fails does not keep the other engines from being tested. */
function run(args, environment = env) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: environment });
  if (status !== 0) process.exitCode = status ?? 1;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
