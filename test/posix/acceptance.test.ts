// Every row of the acceptance table has a test, and docs/posix-acceptance.md says which.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import { listTests, page, pageOf } from './acceptance-page.js';
import { table } from './table.js';

const tests = listTests();

describe('the acceptance table', () => {
  test('has every row once, and a level for each', () => {
    assert.equal(new Set(table.map(({ id }) => id)).size, table.length);
    assert.deepEqual(
      table.filter(({ level }) => !'MCOX'.includes(level)),
      [],
    );
  });

  for (const { id, level, requirement, choice } of table) {
    if (level === 'X') {
      test(`${id} cannot apply, and says why`, () => assert.ok(choice.length > 20, requirement));
      continue;
    }
    test(`${id} is covered`, () => {
      const mine = tests.filter(({ rows }) => rows.includes(id));
      assert.ok(mine.length > 0, `no test covers ${id}: ${requirement}`);
      const here = mine.filter(({ skip }) => skip === false || skip.startsWith('about '));
      assert.ok(here.length > 0, `every test of ${id} is skipped: ${mine.map(({ skip }) => skip)}`);
      if (level === 'C') assert.ok(choice.length > 0, `${id} is a choice, and the table does not say ours`);
    });
  }

  test('is what docs/posix-acceptance.md shows', () => {
    assert.equal(
      readFileSync(page, 'utf8'),
      pageOf(tests),
      'run node build/test/posix/acceptance-page.js, which writes it',
    );
  });
});
