// The addon under AddressSanitizer: out of bounds, freed, freed twice. (What the kernel writes it does not see: that
// is what the canaries of the other files are for.)
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageRoot, runNode } from '../support/program.js';
import { ADDRESS, missing, Sanitized } from '../support/sanitizers.js';
import { temporaryDirectory } from '../support/temp.js';

const skip = missing(ADDRESS);
const program = (name: string) => join(packageRoot, 'build', 'test', 'safety', name);

async function runSanitized(t: TestContext, args: string[]) {
  const sanitized = new Sanitized(ADDRESS, temporaryDirectory(t));
  const outcome = await runNode(args, { env: sanitized.environment, timeoutMs: 60_000 });
  assert.deepEqual(sanitized.reports(), []);
  return outcome;
}

for (const end of ['idle', 'busy']) {
  test(`the addon makes no invalid access, in a process that ends ${end}`, { skip }, async (t) => {
    const outcome = await runSanitized(t, [program('exercise.js'), end]);
    assert.deepEqual([outcome.stdout, outcome.code], ['exercised\n', 0], outcome.stderr.slice(0, 4000));
  });
}

test('nor at any stage of a request, whatever happens to its buffer', { skip }, async (t) => {
  const { code, stdout, stderr } = await runSanitized(t, [program('buffer-stages.test.js')]);
  assert.equal(code, 0, stdout.slice(-4000) + stderr.slice(0, 4000));
  assert.match(stdout, /^# pass [1-9]/m);
});
