// Two builds of the addon from the same sources are the same file, byte for byte, wherever they are made; so whoever has
// the sources can check the one in the package (SECURITY.md).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { packageRoot } from '../support/program.js';

test('two builds of the addon in two places are identical', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'linux-aio-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [first, second] = ['one', 'another/and/deeper'].map((name) => {
    const place = join(directory, name);
    mkdirSync(place, { recursive: true });
    for (const part of ['native', 'scripts', 'package.json'])
      cpSync(join(packageRoot, part), join(place, part), { recursive: true });
    symlinkSync(join(packageRoot, 'node_modules'), join(place, 'node_modules'));
    const { LINUX_AIO_CFLAGS: _, LINUX_AIO_ADDON_OUT: __, ...env } = process.env;
    const out = execFileSync(process.execPath, [join(place, 'scripts', 'build-native.mjs')], {
      env,
      encoding: 'utf8',
    });
    return readFileSync(out.trim());
  });
  assert.ok(first.equals(second));
});
