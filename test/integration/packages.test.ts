// Well-known packages, unchanged, under `--import linux-aio/register`: what they see and what they leave behind is the
// same as with Node alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packageRoot, runNode } from '../support/program.js';
import { jobs } from './jobs.js';

const program = fileURLToPath(new URL('./jobs.js', import.meta.url));
/** Said by the child when it ends: how many requests its ring has had. */
const WITNESS = `data:text/javascript,
  import { defaultRing } from '${import.meta.resolve('linux-aio')}';
  process.on('exit', () => process.stderr.write('requests ' + defaultRing().stats.submitted + '\\n'));`;

const REGISTERED = ['--import', 'linux-aio/register', '--import', WITNESS];
/** What uses none but synchronous functions, which are Node's own. */
const SYNCHRONOUS = ['typescript'];

/** The packages, once, beside this package's own development dependencies; the reason when they cannot be had. */
function install(): string | false {
  const folder = join(packageRoot, 'node_modules', '.cache', 'integration-packages');
  const source = join(packageRoot, 'test', 'integration', 'packages');
  const lock = fs.readFileSync(join(source, 'package-lock.json'), 'utf8');
  const marker = join(folder, 'installed');
  if (fs.existsSync(marker) && fs.readFileSync(marker, 'utf8') === lock) return false;
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) fs.cpSync(join(source, name), join(folder, name));
  try {
    // Not `npm ci`, for the reason given in scripts/setup.mjs.
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 120_000,
    });
  } catch (error) {
    return `the packages cannot be installed from the npm registry: ${(error as { stderr?: string }).stderr?.slice(0, 200)}`;
  }
  fs.writeFileSync(marker, lock);
  return false;
}

/** Names, modes, targets of links and contents of everything below. */
function treeOf(directory: string): unknown[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const info = fs.lstatSync(path);
      if (info.isSymbolicLink()) return [name, fs.readlinkSync(path)];
      return [name, info.mode.toString(8), info.isFile() ? fs.readFileSync(path).toString('base64') : ''];
    });
}

describe('well-known packages under register', { skip: install(), concurrency: 2 }, () => {
  let base: string;
  before(() => {
    base = fs.mkdtempSync(join(tmpdir(), 'linux-aio-packages-'));
  });
  after(() => fs.rmSync(base, { recursive: true, force: true }));

  /** In a directory of the same name each time: packages print it, and lock by it. */
  async function run(name: string, flags: string[]) {
    const directory = join(base, name);
    fs.mkdirSync(directory);
    const modules = join(packageRoot, 'node_modules', '.cache', 'integration-packages');
    const { code, signal, stdout, stderr } = await runNode([program, name, directory, modules], {
      flags,
      limits: name === 'graceful-fs' ? 'ulimit -n 80' : undefined,
      timeoutMs: 60_000,
    });
    assert.equal(code ?? signal, 0, stderr);
    const tree = treeOf(directory);
    fs.rmSync(directory, { recursive: true });
    return { result: JSON.parse(stdout), tree, requests: Number(/requests (\d+)/.exec(stderr)?.[1]) };
  }

  for (const name of Object.keys(jobs)) {
    it(name, async () => {
      const plain = await run(name, []);
      const registered = await run(name, REGISTERED);
      assert.deepEqual(registered.result, plain.result);
      assert.deepEqual(registered.tree, plain.tree);
      if (!SYNCHRONOUS.includes(name)) assert.ok(registered.requests > 0, 'it has not used the ring');
    });
  }
});
