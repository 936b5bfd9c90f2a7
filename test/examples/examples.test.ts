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
  'drop-in.js': /^100 files read\ntrue\n$/,
  'register.js': /^stat promise \/etc done\nreadFile callback \/nowhere ENOENT\n$/,
  'ring.js': /^409600 bytes in \d+ system calls\n$/,
  'stream.js': /^\d+ lines\n$/,
  'listing-2-aio_read.js': /^got 4096 bytes on the read, having looked \d+ times\n$/,
  'listing-3-aio_suspend.js': /^read 4096 bytes\n$/,
  'listing-4-lio_listio.js': /^62 reads, 253952 bytes\n$/,
  'listing-5-signal.js': /^50 signals, 204800 bytes\n$/,
  'listing-6-callback.js': /^16 reads, 65536 bytes\n$/,
  'posix-await.js': /^one read: 4096 bytes\na list: 65536 bytes\nan error: EBADF\n$/,
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
