// Builds everything: the addon, dist/ (the package) and build/ (tests, benchmarks and examples, compiled).
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';
import { bundle } from './bundle.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

export async function build() {
  if (process.platform === 'linux') buildNative();
  // Only the compiled modules are removed, so that a test of a deleted source file cannot linger.
  for (const dir of ['dist', 'build']) rmSync(join(root, dir), { recursive: true, force: true });
  const declarations = ['-p', 'tsconfig.json', '--emitDeclarationOnly'];
  execFileSync(process.execPath, [tsc, ...declarations], { cwd: root, stdio: 'inherit' });
  // Style and script of the HTML reports, which are read when one is written.
  const assets = join('cli', 'html', 'assets');
  cpSync(join(root, 'src', assets), join(root, 'dist', assets), { recursive: true });
  // The same declarations once more for `require` under TypeScript's node16 resolution, which reads the module
  // kind of a .d.ts from the nearest package.json.
  const cjsTypes = join(root, 'dist', 'cjs-types');
  cpSync(join(root, 'dist'), join(root, 'build', '.types'), { recursive: true });
  mkdirSync(cjsTypes, { recursive: true });
  cpSync(join(root, 'build', '.types'), cjsTypes, { recursive: true });
  rmSync(join(root, 'build', '.types'), { recursive: true });
  writeFileSync(join(cjsTypes, 'package.json'), '{ "type": "commonjs" }\n');
  await bundle();
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.test.json'], { cwd: root, stdio: 'inherit' });
  chmodSync(join(root, 'dist', 'cli', 'aio.js'), 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
