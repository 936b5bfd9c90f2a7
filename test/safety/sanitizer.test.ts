// The addon under AddressSanitizer: out of bounds, freed, freed twice. (What the kernel writes it does not see: that
// is what the canaries of the other files are for.)
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageRoot, runNode } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';

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

function buildAddon(t: TestContext, flags: string): string {
  const out = join(temporaryDirectory(t), 'linux-aio.node');
  execFileSync(process.execPath, [join(packageRoot, 'scripts', 'build-native.mjs')], {
    env: { ...process.env, LINUX_AIO_CFLAGS: flags, LINUX_AIO_ADDON_OUT: out },
    stdio: 'pipe',
  });
  return out;
}

const library = libasan();
const skip = library === null ? `${CC} has no libasan.so` : false;
const exercise = join(packageRoot, 'build', 'test', 'safety', 'exercise.js');

for (const end of ['idle', 'busy']) {
  test(`the addon makes no invalid access, in a process that ends ${end}`, { skip }, async (t) => {
    const addon = buildAddon(t, '-fsanitize=address -g -fno-omit-frame-pointer');
    const outcome = await runNode([exercise, end], {
      env: {
        LD_PRELOAD: library!,
        ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:exitcode=9',
        LINUX_AIO_ADDON: addon,
      },
      timeoutMs: 60_000,
    });
    assert.deepEqual([outcome.stdout, outcome.code], ['exercised\n', 0], outcome.stderr.slice(0, 4000));
    assert.doesNotMatch(outcome.stderr, /AddressSanitizer/);
  });
}
