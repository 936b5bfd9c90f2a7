// The thread pool under ThreadSanitizer and AddressSanitizer, without Node: pool-stress.c drives native/pool.h with
// random operations and cancellations. LINUX_AIO_STRESS_ROUNDS makes it longer; a failure names its seed.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { promisify } from 'node:util';
import { CC, compiledOnce } from '../support/compiled.js';
import { POOL_SOURCES } from '../support/pool-sources.js';
import { packageRoot } from '../support/program.js';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'linux-aio-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const rounds = process.env['LINUX_AIO_STRESS_ROUNDS'] ?? '3';
const SEEDS = [1, Date.now() % 1e6];
const FLAGS = '-std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -pthread'.split(' ');
const SOURCES = [join(packageRoot, 'test', 'native', 'pool-stress.c'), ...POOL_SOURCES];
const HEADERS = readdirSync(join(packageRoot, 'native'))
  .filter((file) => file.endsWith('.h'))
  .map((file) => join(packageRoot, 'native', file));

const CONFIGURATIONS = [
  { name: 'as it is', flags: [] },
  { name: 'under ThreadSanitizer', flags: ['-fsanitize=thread'] },
  { name: 'under AddressSanitizer', flags: ['-fsanitize=address,undefined', '-fno-sanitize-recover'] },
];

/** Why the compiler or its sanitizer cannot be used here, or null. */
async function missing(flags: string[], program: string): Promise<string | null> {
  const source = 'int main(void) { return 0; }';
  try {
    const compiled = run(CC, [...flags, '-x', 'c', '-', '-o', program]);
    compiled.child.stdin?.end(source);
    await compiled;
    await run(program);
    return null;
  } catch (error) {
    return `${CC} ${flags.join(' ')} does not work here: ${String((error as Error).message).split('\n')[0]}`;
  }
}

for (const [i, { name, flags }] of CONFIGURATIONS.entries()) {
  test(`the pool keeps its promises ${name}`, { timeout: 300_000 }, async (t) => {
    const reason = await missing(flags, join(directory, `empty-${i}`));
    if (reason !== null) return t.skip(reason);
    const args = [...FLAGS, ...flags, ...SOURCES];
    const program = compiledOnce(
      `pool-stress-${i}`,
      [...SOURCES, ...HEADERS],
      [...FLAGS, ...flags],
      (out) => {
        execFileSync(CC, [...args, '-o', out], { stdio: 'pipe' });
      },
    );
    for (const seed of SEEDS) {
      await t.test(`seed ${seed}`, async () => {
        const { stdout, stderr } = await run(program, [String(seed), rounds, directory]);
        assert.deepEqual({ stdout, stderr }, { stdout: 'ok\n', stderr: '' });
      });
    }
  });
}
