// Which files aio bench makes, uses, refuses to touch, and removes.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { prepareFile } from '#dist/cli/bench/bench-file.js';
import { checkBlock, stampBlock, wordsOf } from '#dist/cli/bench/block.js';
import { VerifyError, verifyWritten } from '#dist/cli/bench/layout.js';
import { planFrom } from '#dist/cli/bench/plan.js';
import { Interrupt } from '#dist/cli/interrupt.js';
import { Progress } from '#dist/cli/progress.js';
import { UsageError } from '#dist/cli/usage-error.js';

let directory: string;
let interrupt: Interrupt;
const progress = new Progress(process.stderr);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aio-file-'));
  interrupt = new Interrupt();
});
afterEach(() => {
  interrupt[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

/** Prepares with small values unless told otherwise. */
const prepare = (values: Record<string, string>) =>
  prepareFile(planFrom({ bs: '512', iodepth: '4', ...values }), interrupt, progress);
const pathOf = (name: string) => join(directory, name);

/** Writes one byte of the file anew. */
function damage(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] ^= 1;
  writeFileSync(path, bytes);
}

describe('prepareFile, where it must not write', () => {
  const writing = { rw: 'randwrite' };

  it("refuses to overwrite somebody else's data, and leaves it as it was", async () => {
    const filename = pathOf('precious');
    writeFileSync(filename, 'x'.repeat(4096));
    await assert.rejects(prepare({ filename, ...writing }), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /holds data that aio bench did not write.*--overwrite/);
      return true;
    });
    assert.equal(readFileSync(filename, 'utf8'), 'x'.repeat(4096));
  });

  it('refuses a file that only begins like one of ours', async () => {
    const filename = pathOf('half');
    const bytes = new Uint8Array(8192);
    stampBlock(wordsOf(bytes.subarray(0, 512)), 0, 0);
    writeFileSync(filename, bytes);
    await assert.rejects(prepare({ filename, ...writing }), UsageError);
    assert.deepEqual(new Uint8Array(readFileSync(filename)), bytes);
  });

  it('refuses directories and devices', async () => {
    mkdirSync(pathOf('folder'));
    await assert.rejects(prepare({ filename: pathOf('folder') }), /is not a regular file/);
    await assert.rejects(prepare({ filename: '/dev/zero' }), /is not a regular file/);
  });

  it("does not enlarge somebody else's file for reading", async () => {
    const filename = pathOf('small');
    writeFileSync(filename, 'x'.repeat(4096));
    await assert.rejects(prepare({ filename, size: '1m' }), /has only 4 KiB/);
    assert.equal(statSync(filename).size, 4096);
  });

  it('refuses a directory that is not there', async () => {
    await assert.rejects(prepare({ directory: pathOf('absent') }), /ENOENT/);
  });
});

describe('prepareFile, where the file is damaged', () => {
  it('throws with the offset, before anything is measured', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    damage(filename, 3 * 512 + 99);
    await assert.rejects(prepare({ filename }), (error) => {
      assert.ok(error instanceof VerifyError);
      assert.match(error.message, /at offset 1536: the block has checksum .*\nNothing was measured/);
      return true;
    });
  });

  it('lists at most ten blocks and counts the rest', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '16k' });
    for (let number = 1; number < 31; number++) damage(filename, number * 512 + 99);
    await assert.rejects(prepare({ filename }), /30 blocks are not .*… and 20 more/s);
  });

  it('lays it out anew with --overwrite', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    damage(filename, 99);
    assert.equal((await prepare({ filename, overwrite: '1' })).checked, true);
    await prepare({ filename });
  });
});

describe('prepareFile', () => {
  it('makes a temporary file that is gone after the end', async () => {
    const file = await prepare({ directory, size: '8k' });
    assert.equal(file.temporary, true);
    assert.equal(statSync(file.path).size, 8192);
    interrupt[Symbol.dispose]();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('leaves no half of a new file behind when laying it out fails, and keeps one that was there', async () => {
    const failing = new Interrupt();
    failing.throwIfRequested = () => {
      throw new Error('ENOSPC');
    };
    for (const existed of [false, true]) {
      const filename = pathOf('data');
      if (existed) writeFileSync(filename, '');
      const plan = planFrom({ bs: '512', iodepth: '4', filename, size: '8k' });
      await assert.rejects(prepareFile(plan, failing, progress), /ENOSPC/);
      assert.equal(existsSync(filename), existed);
    }
    failing[Symbol.dispose]();
  });

  it('lays out a new file with valid blocks, and keeps it', async () => {
    const filename = pathOf('data');
    const file = await prepare({ filename, size: '8k' });
    assert.deepEqual(
      { ...file, sequences: null },
      {
        path: filename,
        size: 8192,
        blocks: 16,
        temporary: false,
        checked: true,
        sequences: null,
      },
    );
    const bytes = new Uint8Array(readFileSync(filename));
    for (let number = 0; number < 16; number++) {
      const words = wordsOf(bytes.subarray(number * 512, (number + 1) * 512));
      assert.equal(checkBlock(words, number, 0), null);
    }
    interrupt[Symbol.dispose]();
    assert.ok(existsSync(filename));
  });

  it('fills an empty file', async () => {
    const filename = pathOf('empty');
    writeFileSync(filename, '');
    assert.equal((await prepare({ filename, size: '8k' })).size, 8192);
  });

  it('uses what it laid out before, as large as it is, without writing to it', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    const { mtimeMs } = statSync(filename);
    const file = await prepare({ filename });
    assert.equal(file.size, 8192);
    assert.equal(statSync(filename).mtimeMs, mtimeMs);
  });

  it('remembers how often each block of it was written', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    const bytes = new Uint8Array(readFileSync(filename));
    stampBlock(wordsOf(bytes.subarray(1024, 1536)), 2, 41);
    writeFileSync(filename, bytes);
    const file = await prepare({ filename, rw: 'randwrite' });
    assert.equal(file.sequences![2], 41);
    assert.equal(file.sequences![3], 0);
  });

  it('lays its own file out again for another block size, or when it is too small', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    assert.equal((await prepare({ filename, bs: '1k' })).blocks, 8);
    assert.equal((await prepare({ filename, bs: '1k', size: '16k' })).blocks, 16);
    assert.equal((await prepare({ filename, bs: '512', size: '4k' })).blocks, 8);
    assert.equal((await prepare({ filename })).checked, true, 'still known as ours');
  });

  it('uses only whole blocks', async () => {
    const filename = pathOf('data');
    await prepare({ filename, size: '8k' });
    truncateSync(filename, 8000);
    assert.equal((await prepare({ filename })).blocks, 15);
  });

  it("reads somebody else's file without checking it", async () => {
    const filename = pathOf('foreign');
    writeFileSync(filename, 'x'.repeat(5000));
    const file = await prepare({ filename });
    assert.equal(file.checked, false);
    assert.equal(file.size, 4608);
    assert.equal(readFileSync(filename, 'utf8'), 'x'.repeat(5000));
  });

  it("overwrites somebody else's file when told to", async () => {
    const filename = pathOf('foreign');
    writeFileSync(filename, 'x'.repeat(8192));
    const file = await prepare({ filename, rw: 'randwrite', overwrite: '1' });
    assert.equal(file.checked, true);
  });

  it('stops between two pieces of work when interrupted', async () => {
    process.emit('SIGTERM', 'SIGTERM');
    await assert.rejects(prepare({ directory, size: '8k' }), /interrupted/);
    assert.equal(interrupt.exitCode, 143);
    interrupt[Symbol.dispose]();
    assert.deepEqual(readdirSync(directory), []);
  });
});

describe('verifyWritten', () => {
  it('throws when the file does not hold the last version of a block', async () => {
    const filename = pathOf('data');
    const { path, blocks } = await prepare({ filename, size: '8k' });
    const job = { path, blocks, blockSize: 512, interrupt, progress };
    const sequences = new Uint32Array(blocks);
    await verifyWritten(job, sequences);
    sequences[5] = 1;
    await assert.rejects(
      verifyWritten(job, sequences),
      /at offset 2560: the block is version 0 .* instead of 1/,
    );
  });

  it('throws when the file has become shorter', async () => {
    const filename = pathOf('data');
    const { path, blocks } = await prepare({ filename, size: '8k' });
    truncateSync(filename, 4096);
    const job = { path, blocks, blockSize: 512, interrupt, progress };
    await assert.rejects(verifyWritten(job, new Uint32Array(blocks)), /8 blocks are not .* is not there/s);
  });
});
