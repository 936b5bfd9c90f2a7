// Node's own fs tests under `--import linux-aio/register`: the same outcome as without. They are not part of this package;
// LINUX_AIO_NODE_TESTS names a folder that has them: docs/drop-in-tests.md.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testFiles } from './select.js';
import { outdated, runSuite } from './suite.js';

const major = Number(process.versions.node.split('.')[0]);

/** The folder of the running version: `24/test/parallel` or `test/parallel` in it. */
function folder(): string | undefined {
  const given = process.env['LINUX_AIO_NODE_TESTS'];
  if (!given) return undefined;
  return [join(given, String(major)), given].find((each) => existsSync(join(each, 'test', 'parallel')));
}

const found = folder();
const skip =
  found === undefined &&
  `LINUX_AIO_NODE_TESTS does not name a folder with the tests of Node ${major}: see docs/drop-in-tests.md`;

describe(`the fs tests of Node ${major} under register`, { skip }, () => {
  it('end as they do without', async () => {
    const results = await runSuite({
      folder: found!,
      node: process.execPath,
      major,
      register: import.meta.resolve('linux-aio/register'),
    });
    assert.ok(results.length >= 200, `only ${results.length} test files were found`);
    assert.equal(results.length, testFiles(found!).length);
    const different = results.filter(({ verdict }) => verdict === 'different');
    assert.deepEqual(
      different.map(({ test, plain, registered }) => `${test}: ${plain.end}, ${registered.end}`),
      [],
    );
    assert.deepEqual(outdated(results, major), []);
  });
});
