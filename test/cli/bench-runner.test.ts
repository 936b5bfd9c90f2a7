// The measuring loop on targets made of memory: what it checks, what it counts, and that it stops when told.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { BenchFile } from '#dist/cli/bench/bench-file.js';
import { checkBlock, stampBlock, wordsOf } from '#dist/cli/bench/block.js';
import { VerifyError } from '#dist/cli/bench/layout.js';
import { Runner, TransferError } from '#dist/cli/bench/runner.js';
import type { Target } from '#dist/cli/bench/target.js';
import { Interrupt, Interrupted } from '#dist/cli/interrupt.js';
import { Progress } from '#dist/cli/progress.js';

const BLOCK_SIZE = 512;
const BLOCKS = 64;
const path = join(tmpdir(), `aio-runner-${process.pid}`);
const fd = openSync(path, 'w+');
ftruncateSync(fd, BLOCKS * BLOCK_SIZE);
after(() => {
  closeSync(fd);
  rmSync(path);
});

interface Setup {
  readPercent?: number;
  random?: boolean;
  depth?: number;
  /** Changes what a transfer does; gets the slot's bytes and the position, after the transfer. */
  spoil?: (bytes: Uint8Array, position: number, kind: 'read' | 'write') => number | undefined;
  checked?: boolean;
}

/** A runner over a freshly laid out file of 64 blocks, and what its target saw. */
function setUp({ readPercent = 100, random = true, depth = 4, spoil, checked = true }: Setup = {}) {
  const memory = new Uint8Array(BLOCK_SIZE);
  for (let number = 0; number < BLOCKS; number++) {
    stampBlock(wordsOf(memory), number, 0);
    writeSync(fd, memory, 0, BLOCK_SIZE, number * BLOCK_SIZE);
  }
  const slots = Array.from({ length: 32 }, () => new Uint8Array(BLOCK_SIZE));
  const seen = { inFlight: 0, inFlightMax: 0, reads: 0, writes: 0, writing: new Set<number>(), overlaps: 0 };
  const transfer = async (kind: 'read' | 'write', slot: number, position: number): Promise<number> => {
    seen.inFlight++;
    seen.inFlightMax = Math.max(seen.inFlightMax, seen.inFlight);
    if (seen.writing.has(position)) seen.overlaps++;
    if (kind === 'write') seen.writing.add(position);
    await new Promise(setImmediate);
    seen.inFlight--;
    if (kind === 'write') {
      seen.writes++;
      seen.writing.delete(position);
      writeSync(fd, slots[slot], 0, BLOCK_SIZE, position);
    } else {
      seen.reads++;
      readSync(fd, slots[slot], 0, BLOCK_SIZE, position);
    }
    return spoil?.(slots[slot], position, kind) ?? BLOCK_SIZE;
  };
  const target: Target = {
    engine: 'node',
    read: async (slot, position) => ({ bytesRead: await transfer('read', slot, position) }),
    write: async (slot, position) => ({ bytesWritten: await transfer('write', slot, position) }),
    close: async () => {},
  };
  const file: BenchFile = {
    path,
    size: BLOCKS * BLOCK_SIZE,
    blocks: BLOCKS,
    temporary: true,
    checked,
    sequences: readPercent < 100 ? new Uint32Array(BLOCKS) : null,
  };
  const interrupt = new Interrupt();
  const runner = new Runner({
    plan: { blockSize: BLOCK_SIZE, depths: [depth], direct: false, random, readPercent, runtime: 0.06 },
    file,
    targets: [target],
    slots,
    interrupt,
    progress: new Progress(process.stderr),
  });
  const run = async () => {
    try {
      return await runner.run();
    } finally {
      interrupt[Symbol.dispose]();
    }
  };
  return { run, runner, seen, file, interrupt };
}

describe('Runner, checking what is read', () => {
  it('throws when a block is damaged, naming its offset', async () => {
    const { run } = setUp({
      spoil: (bytes, position) => {
        if (position === 5 * BLOCK_SIZE) bytes[100] ^= 1;
        return undefined;
      },
    });
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof VerifyError);
      assert.match(
        error.message,
        /^read by node: 1 block is not .*\n {2}at offset 2560: the block has checksum/,
      );
      return true;
    });
  });

  it('throws when the engine delivers the wrong block', async () => {
    const { run } = setUp({
      spoil: (bytes) => {
        stampBlock(wordsOf(bytes), 63, 0);
        return undefined;
      },
    });
    await assert.rejects(run(), /the block holds block 63 instead of/);
  });

  it('throws when the engine delivers nothing and says it did', async () => {
    // The buffer still holds what an earlier burst left in it: another block.
    const { run } = setUp({ spoil: (bytes) => void bytes.fill(0) });
    await assert.rejects(run(), /is not a block of aio bench/);
  });

  it('throws when a write is lost', async () => {
    const { run } = setUp({
      readPercent: 50,
      spoil: (bytes, position, kind) => {
        if (kind !== 'write' || position !== 5 * BLOCK_SIZE) return undefined;
        stampBlock(wordsOf(bytes), position / BLOCK_SIZE, 0);
        writeSync(fd, bytes, 0, BLOCK_SIZE, position);
        return undefined;
      },
    });
    await assert.rejects(run(), /at offset 2560: the block is version 0 of the block instead of \d+/);
  });

  it('checks nothing in a file that aio bench has not laid out', async () => {
    const { run, runner } = setUp({ checked: false, spoil: (bytes) => void bytes.fill(1) });
    await run();
    assert.equal(runner.blocksChecked, 0);
  });

  it('checks every block that is read, warm-up included', async () => {
    const { run, runner, seen } = setUp();
    const [measurement] = await run();
    assert.equal(runner.blocksChecked, seen.reads);
    assert.ok(measurement.read.operations <= seen.reads);
    assert.ok(measurement.read.operations > 0);
  });
});

describe('Runner, when a transfer fails', () => {
  it('throws for a short one', async () => {
    await assert.rejects(setUp({ spoil: () => 100 }).run(), (error) => {
      assert.ok(error instanceof TransferError);
      assert.match(error.message, /^node: read 100 of 512 bytes at offset \d+$/);
      return true;
    });
  });

  it('throws what the engine threw, after all that were in flight', async () => {
    const { run, seen } = setUp({
      spoil: (_bytes, position) => {
        if (position === 0) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
        return undefined;
      },
    });
    await assert.rejects(run(), /^TransferError: node: reading at offset 0: EIO: i\/o error, read$/);
    assert.equal(seen.inFlight, 0);
  });
});

describe('Runner, measuring', () => {
  it('keeps the depth asked for in flight, and no more', async () => {
    for (const depth of [1, 3, 16]) {
      const { run, seen } = setUp({ depth });
      await run();
      assert.equal(seen.inFlightMax, depth);
    }
  });

  it('measures every round, each with time, transfers and CPU', async () => {
    const [measurement] = await setUp().run();
    assert.equal(measurement.rounds.length, 3);
    for (const round of measurement.rounds) {
      assert.ok(round.seconds > 0);
      assert.ok(round.reads > 0);
      assert.equal(round.writes, 0);
    }
    assert.equal(measurement.read.latency.count, measurement.read.operations);
    assert.equal(measurement.read.bytes, measurement.read.operations * BLOCK_SIZE);
    assert.ok(measurement.iops('all') > 0);
  });

  it('mixes reads and writes as asked, without two of a kind in flight to one block', async () => {
    const { run, seen, file } = setUp({ readPercent: 75 });
    await run();
    const all = seen.reads + seen.writes;
    // Exact but for the bursts that the end of a round cut short.
    assert.ok(Math.abs(seen.reads / all - 0.75) < 0.05, `${seen.reads} of ${all}`);
    assert.equal(seen.overlaps, 0);
    assert.equal(
      file.sequences!.reduce((sum, sequence) => sum + sequence, 0),
      seen.writes,
    );
  });

  it('writes blocks that can be read back', async () => {
    const { run, file } = setUp({ readPercent: 0, random: false });
    await run();
    const memory = new Uint8Array(BLOCK_SIZE);
    for (let number = 0; number < BLOCKS; number++) {
      readSync(fd, memory, 0, BLOCK_SIZE, number * BLOCK_SIZE);
      assert.equal(checkBlock(wordsOf(memory), number, file.sequences![number]), null);
    }
  });
});

describe('Runner, interrupted', () => {
  it('awaits what is in flight and throws Interrupted', async () => {
    const { run, seen, interrupt } = setUp();
    const running = run();
    setImmediate(() => process.emit('SIGINT', 'SIGINT'));
    await assert.rejects(running, Interrupted);
    assert.equal(seen.inFlight, 0);
    assert.equal(interrupt.exitCode, 130);
  });
});
