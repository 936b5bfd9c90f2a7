// `npm run torture -- sanitized` runs the suite under sanitizers. Here: what is wrong on purpose is reported, and a small
// file of the suite runs so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { engineUnderTest } from '../support/engines.js';
import { packageRoot } from '../support/program.js';
import { ADDRESS, missing, type Plant, Sanitized, THREADS } from '../support/sanitizers.js';
import { temporaryDirectory } from '../support/temp.js';
import { QUICK_ENGINE } from './parts.js';
import { runFile } from './sanitized.js';
import { APART, CANNOT_PASS } from './sanitized-exceptions.js';
import { checkPlants, PLANTS } from './sanitized-plants.js';

/** Small, and through all of the addon: rings, the pool, duplicates, a clean-up. */
const FILE = 'file/close.test.js';

const engine = engineUnderTest();
const elsewhere = engine === QUICK_ENGINE ? false : `tried on ${QUICK_ENGINE}`;

for (const sanitizer of [ADDRESS, THREADS]) {
  describe(sanitizer.name, { skip: missing(sanitizer) }, () => {
    test('reports what is wrong on purpose', { skip: elsewhere }, async (t) => {
      await checkPlants(sanitizer, engine, temporaryDirectory(t));
    });

    test(`reports nothing in ${FILE}`, async (t) => {
      const counts = await runFile(FILE, new Sanitized(sanitizer, temporaryDirectory(t)));
      assert.deepEqual([counts['test files'], counts['reports']], [1, 0]);
      assert.ok(counts['tests passed'] > 0);
    });
  });
}

describe('a round fails', { skip: elsewhere || missing(ADDRESS) }, () => {
  const rejects = (t: TestContext, file: string, plant: Plant | undefined, expected: RegExp) =>
    assert.rejects(runFile(file, new Sanitized(ADDRESS, temporaryDirectory(t), plant)), expected);

  test('for a report', async (t) => {
    const overflow = PLANTS.get(ADDRESS)!.find(({ name }) => name === 'overflow');
    await rejects(t, 'ring/descriptors.test.js', overflow, /heap-buffer-overflow/);
  });

  test('for a file that does not get as far as its tests', async (t) => {
    await rejects(t, 'no-such.test.js', undefined, /no-such.test.js ended with 1/);
  });
});

test('what a sanitizer is excepted from is in the suite', () => {
  const compiled = (file: string) => readFileSync(join(packageRoot, 'build', 'test', file), 'utf8');
  for (const file of Object.keys(APART)) compiled(file);
  for (const { file, test } of CANNOT_PASS) assert.ok(compiled(file).includes(test), `${file}: ${test}`);
});
