// The addon under AddressSanitizer: out of bounds, freed, freed twice. (What the kernel writes it does not see: that
// is what the canaries of the other files are for.)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import { CC, compiledOnce } from '../support/compiled.js';
import { packageRoot, runNode } from '../support/program.js';

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

const FLAGS = '-fsanitize=address -g -fno-omit-frame-pointer';

function buildAddon(): string {
  const native = join(packageRoot, 'native');
  const script = join(packageRoot, 'scripts', 'build-native.mjs');
  const headers = createRequire(import.meta.url).resolve('node-api-headers/package.json'); // their version
  const sources = [script, headers, ...readdirSync(native).map((file) => join(native, file))];
  return compiledOnce('address-sanitizer.node', sources, [FLAGS], (out) => {
    execFileSync(process.execPath, [script], {
      env: { ...process.env, LINUX_AIO_CFLAGS: FLAGS, LINUX_AIO_ADDON_OUT: out },
      stdio: 'pipe',
    });
  });
}

const library = libasan();
const skip = library === null ? `${CC} has no libasan.so` : false;
const program = (name: string) => join(packageRoot, 'build', 'test', 'safety', name);

function runSanitized(args: string[]) {
  return runNode(args, {
    env: {
      LD_PRELOAD: library!,
      ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:exitcode=9',
      LINUX_AIO_ADDON: buildAddon(),
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
