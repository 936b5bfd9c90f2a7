// Every example runs and says what it promises.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples');

const EXPECTED: Record<string, RegExp> = {
  'overlap.js': /^read 32768 bytes while computing 499999500000\n$/,
  'cancel.js': /^AbortError: the read was cancelled\n$/,
  'durable-writes.js': /^durable: 64 \+ 64 \+ 64 bytes\n$/,
  'direct.js': /^alignment in bytes: .*\nread back 4096 bytes of 42\n$/,
  'many-reads.js': /^64 reads, 262144 bytes\n$/,
  'ring.js': /^409600 bytes in \d+ system calls\n$/,
  'stream.js': /^\d+ lines\n$/,
};

describe('examples', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));

  it('are all expected here', () => {
    assert.deepEqual(files.sort(), Object.keys(EXPECTED).sort());
  });

  for (const file of files) {
    it(`${file} runs`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, file)], {
        encoding: 'utf8',
      });
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.match(stdout, EXPECTED[file]);
    });
  }
});
