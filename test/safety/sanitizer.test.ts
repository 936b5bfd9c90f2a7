// The addon under AddressSanitizer: out of bounds, freed, freed twice. (What the kernel writes it does not see: that
// is what the canaries of the other files are for.)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { packageRoot, runNode } from '../support/program.js';

const CC = process.env['CC'] ?? 'cc';

/** The sanitizer's library, which has to be loaded before Node; null where the compiler has none. */
function libasan(): string | null {
  try {
    const path = execFileSync(CC, ['-print-file-name=libasan.so'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
    return path.startsWith('/') && existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

const directory = mkdtempSync(join(tmpdir(), 'linux-aio-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let built: string | undefined;

function addon(): string {
  built ??= buildAddon('-fsanitize=address -g -fno-omit-frame-pointer');
  return built;
}

function buildAddon(flags: string): string {
  const out = join(directory, 'linux-aio.node');
  execFileSync(process.execPath, [join(packageRoot, 'scripts', 'build-native.mjs')], {
    env: { ...process.env, LINUX_AIO_CFLAGS: flags, LINUX_AIO_ADDON_OUT: out },
    stdio: 'pipe',
  });
  return out;
}

const library = libasan();
const skip = library === null ? `${CC} has no libasan.so` : false;
const program = (name: string) => join(packageRoot, 'build', 'test', 'safety', name);

function runSanitized(args: string[]) {
  return runNode(args, {
    env: {
      LD_PRELOAD: library!,
      ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:exitcode=9',
      LINUX_AIO_ADDON: addon(),
    },
    timeoutMs: 60_000,
  });
}

for (const end of ['idle', 'busy']) {
  test(`the addon makes no invalid access, in a process that ends ${end}`, { skip }, async () => {
    const outcome = await runSanitized([program('exercise.js'), end]);
    assert.deepEqual([outcome.stdout, outcome.code], ['exercised\n', 0], outcome.stderr.slice(0, 4000));
    assert.doesNotMatch(outcome.stderr, /AddressSanitizer/);
  });
}

test('nor at any stage of a request, whatever happens to its buffer', { skip }, async () => {
  const { code, stdout, stderr } = await runSanitized([program('buffer-stages.test.js')]);
  assert.equal(code, 0, stdout.slice(-4000) + stderr.slice(0, 4000));
  assert.match(stdout, /^# pass [1-9]/m);
  assert.doesNotMatch(stderr, /AddressSanitizer/);
});
