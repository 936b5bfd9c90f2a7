// Installs what is missing and builds what is out of date: the first half of `npm start`, `npm test` and
// `npm run bench`, so that each works in a fresh clone.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`linux-aio needs Node 20.19 or newer; this is ${process.version}`);
  process.exit(1);
}

/** npm leaves a copy of the lock file in node_modules; it lists the same packages when nothing has changed. */
function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(marker, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version,
  );
}

if (!installed()) {
  // Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, and npm leaves those out
  // where a registry does not have them. Versions and integrity come from the lock file all the same.
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund'], { cwd: root, stdio: 'inherit' });
}
const { build } = await import('./build.mjs');
await build();
