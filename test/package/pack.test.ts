// The package as a user gets it: packed, installed without scripts into an empty project, used from ESM, CommonJS
// and TypeScript, on every supported line of Node.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeBinaries } from './node-binaries.js';
import { TYPED_PROGRAM, VALUES } from './surface.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const project = mkdtempSync(join(tmpdir(), 'linux-aio-pack-'));
const installed = join(project, 'node_modules', 'linux-aio');

/** Reads a file through the package, whichever way `open` and `doctor` came in. */
const BODY = `
  const file = await open(process.argv[2]);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(5), { position: 0 });
  await file.close();
  const report = await doctor();
  console.log(JSON.stringify({ text: buffer.toString(), bytesRead, chosen: report.chosen }));
`;

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  assert.equal(stderr, '');
  return stdout;
}

describe('the package', () => {
  before(() => {
    const out = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      cwd: root,
      encoding: 'utf8',
    });
    const packed = JSON.parse(out) as { filename: string }[] | Record<string, { filename: string }>;
    const { filename } = Object.values(packed)[0];
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    writeFileSync(join(project, 'data.txt'), 'hello world\n');
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(project, filename)], {
      cwd: project,
      stdio: 'pipe',
    });
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  it('has the addon of this platform inside, no dependency and no install script', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.gypfile, false);
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      assert.equal(manifest.scripts[script], undefined, script);
    }
    assert.ok(existsSync(join(installed, 'prebuilds', `linux-${process.arch}`, 'linux-aio.node')));
    assert.ok(!existsSync(join(installed, 'binding.gyp')));
    assert.ok(!existsSync(join(installed, 'src')));
  });

  it('needs no shared library of its own', () => {
    const addon = readFileSync(join(installed, 'prebuilds', `linux-${process.arch}`, 'linux-aio.node'));
    assert.ok(!addon.includes('libc.so.6'), 'the addon names glibc, so it would not load on musl');
  });

  for (const { name, path } of nodeBinaries(root)) {
    it(`works through import on ${name}`, () => {
      writeFileSync(join(project, 'use.mjs'), `import { open, doctor } from 'linux-aio';\n${BODY}`);
      const result = JSON.parse(run(path, ['use.mjs', 'data.txt']));
      assert.deepEqual({ text: result.text, bytesRead: result.bytesRead }, { text: 'hello', bytesRead: 5 });
    });

    it(`works through require on ${name}`, () => {
      const script = `const { open, doctor } = require('linux-aio');\n(async () => {${BODY}})();\n`;
      writeFileSync(join(project, 'use.cjs'), script);
      const result = JSON.parse(run(path, ['use.cjs', 'data.txt']));
      assert.deepEqual({ text: result.text, bytesRead: result.bytesRead }, { text: 'hello', bytesRead: 5 });
    });
  }

  it('runs the aio command', () => {
    const report = JSON.parse(run(join(project, 'node_modules', '.bin', 'aio'), ['doctor', '--json']));
    assert.equal(typeof report.chosen, 'string');
  });

  it('says what is missing on another system, and only when used', () => {
    const script = `
      Object.defineProperty(process, 'platform', { value: 'darwin' });
      const { open } = await import('linux-aio');
      await open('data.txt').catch((error) => console.log(error.code, error.message));
    `;
    const out = run(process.execPath, ['--input-type=module', '-e', script]);
    assert.match(out, /^ERR_FEATURE_UNAVAILABLE_ON_PLATFORM .*this is darwin/);
  });

  it('builds the addon from the tarball, with the headers that came with Node', (t) => {
    if (!existsSync(join(dirname(dirname(process.execPath)), 'include', 'node', 'node_api.h'))) {
      t.skip('this Node came without headers');
      return;
    }
    const built = join(project, 'built.node');
    const script = join(installed, 'scripts', 'build-native.mjs');
    execFileSync(process.execPath, [script], { env: { ...process.env, LINUX_AIO_ADDON_OUT: built } });
    assert.ok(existsSync(built));
  });

  it('says how to build the addon where there is none for the CPU', () => {
    const script = `
      process.env.LINUX_AIO_ADDON = '/nonexistent.node';
      const { open } = await import('linux-aio');
      await open('data.txt').catch((error) => console.log(error.code, error.message));
    `;
    const out = run(process.execPath, ['--input-type=module', '-e', script]);
    assert.match(out, /^ERR_FEATURE_UNAVAILABLE_ON_PLATFORM .*C compiler/);
  });

  it('exports every name of its public surface, to import and to require alike', () => {
    for (const [module, names] of Object.entries(VALUES)) {
      const missing = `${JSON.stringify(names)}.filter((name) => !(name in loaded))`;
      const imported = `import * as loaded from '${module}'; console.log(${missing}.join());`;
      assert.equal(run(process.execPath, ['--input-type=module', '-e', imported]), '\n');
      assert.equal(
        run(process.execPath, ['-e', `const loaded = require('${module}'); console.log(${missing}.join());`]),
        '\n',
      );
    }
  });

  it('carries the pages that its help and its README point to, and nothing that is for development', () => {
    for (const file of [
      'SECURITY.md',
      'CHANGELOG.md',
      'docs/files.md',
      'docs/models.md',
      'examples/ring.ts',
      'dist/chunks/core.js',
      'dist/ring/ring.d.ts',
    ]) {
      assert.ok(existsSync(join(installed, file)), file);
    }
    for (const file of ['docs/images', 'test', 'bench', 'dist/cjs-types/cli', 'dist/ring/ring.js']) {
      assert.ok(!existsSync(join(installed, file)), file);
    }
  });

  for (const [kind, extension, module, resolution] of [
    ['ES modules', 'mts', 'node16', 'node16'],
    ['ES modules', 'mts', 'nodenext', 'nodenext'],
    ['CommonJS', 'cts', 'node16', 'node16'],
    ['CommonJS', 'cts', 'nodenext', 'nodenext'],
    ['a bundler', 'ts', 'esnext', 'bundler'],
  ]) {
    it(`has types for ${kind} under "moduleResolution": "${resolution}"`, () => {
      writeFileSync(join(project, `types.${extension}`), TYPED_PROGRAM);
      run(process.execPath, [
        join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
        ...['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2023'],
        ...['--module', module, '--moduleResolution', resolution],
        ...['--lib', 'es2023,esnext.disposable', '--types', 'node'],
        ...['--typeRoots', join(root, 'node_modules', '@types')],
        `types.${extension}`,
      ]);
    });
  }
});
