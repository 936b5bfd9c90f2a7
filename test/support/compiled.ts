// What tests compile from C and more than one run needs: kept beside node_modules under a hash of what it is made of, so
// that neither the runs on the other engines nor the next `npm test` compile it again.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './program.js';

export const CC = process.env['CC'] ?? 'cc';

const folder = join(packageRoot, 'node_modules', '.cache', 'compiled');

/**
 * The path of what `compile` writes to the path it is given; it is called unless that has been made of the same `sources`
 * with the same `settings` by the same compiler. It throws what `compile` throws.
 */
export function compiledOnce(
  name: string,
  sources: readonly string[],
  settings: readonly string[],
  compile: (out: string) => void,
): string {
  const version = execFileSync(CC, ['--version'], { encoding: 'utf8', stdio: 'pipe' });
  const hash = createHash('sha256').update(JSON.stringify([CC, version, settings]));
  for (const source of sources) {
    const content = readFileSync(source);
    hash.update(`${source.slice(packageRoot.length)} ${content.length}\n`).update(content);
  }
  const file = `${hash.digest('hex').slice(0, 32)}-${name}`;
  const path = join(folder, file);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  // Under another name until it is whole: another process may be looking for it, or the compiler be interrupted.
  const unfinished = join(folder, `${process.pid}-unfinished-${file}`);
  try {
    compile(unfinished);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  for (const other of readdirSync(folder)) {
    if (other !== file && other.replace(/^[0-9a-f]{32}-/, '') === name) rmSync(join(folder, other)); // of former sources
  }
  return path;
}
