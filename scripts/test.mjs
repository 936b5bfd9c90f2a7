// `npm test`: lint, then every test under build/test. Arguments are passed on as file-name filters:
// `npm test -- ring/` runs only the files whose path contains "ring/".
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.slice(2);

function run(args) {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(signal ? 1 : status);
}

if (filters.length === 0) run([join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check']);

const files = readdirSync(join(root, 'build', 'test'), { recursive: true })
  .filter((f) => f.endsWith('.test.js'))
  .map((f) => relative(root, join(root, 'build', 'test', f)))
  .filter((f) => filters.length === 0 || filters.some((filter) => f.includes(filter)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${filters.join(' ')}`);
  process.exit(1);
}
// --expose-gc: the memory-safety tests collect garbage while requests are in flight.
run(['--expose-gc', '--enable-source-maps', '--test', '--test-reporter=spec', ...files]);
