// The list of safeguards is about the sources as they are: one that a change has moved would never be taken out again.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { packageRoot } from '../support/program.js';
import { MUTANTS } from './mutants-list.js';

describe('each safeguard in mutants-list.ts', () => {
  test('stands in its file exactly once', () => {
    for (const { file, find, wrong } of MUTANTS) {
      const count = readFileSync(join(packageRoot, file), 'utf8').split(find).length - 1;
      assert.equal(count, 1, `${wrong}: ${file} has ${count} times ${find}`);
    }
  });

  test('has tests that exist', () => {
    for (const { checks, wrong } of MUTANTS) {
      assert.ok(checks.length > 0, wrong);
      for (const check of checks) {
        if (check !== 'model') assert.ok(existsSync(join(packageRoot, 'build', 'test', check)), check);
      }
    }
  });
});
