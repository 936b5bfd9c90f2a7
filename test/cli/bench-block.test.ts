// The blocks of a benchmark's file: what checking one notices.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkBlock, checksum, fillRandom, readHeader, stampBlock } from '#dist/cli/bench/block.js';

/** Block 7 in version 3, of 4 KiB. */
function block(): Int32Array {
  const words = new Int32Array(1024);
  fillRandom(words, 1);
  stampBlock(words, 7, 3);
  return words;
}

describe('checkBlock', () => {
  it('says when it is no block at all', () => {
    assert.match(checkBlock(new Int32Array(1024), 0, null)!, /is not a block of aio bench/);
  });

  it('says when it is another block', () => {
    assert.equal(checkBlock(block(), 8, null), 'holds block 7 instead of 8');
  });

  it('says when it is a block of another size', () => {
    assert.equal(checkBlock(block().subarray(0, 128), 7, null), 'is a block of 4096 bytes');
  });

  it('says when it is an older version', () => {
    assert.equal(checkBlock(block(), 7, 4), 'is version 3 of the block instead of 4');
  });

  it('notices every single changed bit', () => {
    const words = block();
    for (let i = 0; i < words.length; i++) {
      const bit = 1 << (i % 32);
      words[i] ^= bit;
      assert.notEqual(checkBlock(words, 7, 3), null, `word ${i}`);
      words[i] ^= bit;
    }
    assert.equal(checkBlock(words, 7, 3), null);
  });

  it('notices two words exchanged, and a half from another version', () => {
    const words = block();
    [words[500], words[504]] = [words[504], words[500]];
    assert.match(checkBlock(words, 7, 3)!, /has checksum 0x[0-9a-f]{8} instead of 0x[0-9a-f]{8}/);
    const torn = block();
    stampBlock(torn, 7, 4);
    torn.set(new Int32Array(512).fill(9), 512);
    assert.notEqual(checkBlock(torn, 7, 4), null);
  });

  it('accepts the block it expects, in any version where none is named, and leaves it as it is', () => {
    const words = block();
    const copy = words.slice();
    assert.equal(checkBlock(words, 7, 3), null);
    assert.equal(checkBlock(words, 7, null), null);
    assert.deepEqual(words, copy);
  });
});

describe('stampBlock', () => {
  it('numbers blocks beyond 2^32, and versions up to 2^32 - 1', () => {
    const words = block();
    stampBlock(words, 2 ** 40 + 5, 2 ** 32 - 1);
    assert.deepEqual(readHeader(words), { blockSize: 4096, number: 2 ** 40 + 5, sequence: 2 ** 32 - 1 });
    assert.equal(checkBlock(words, 2 ** 40 + 5, 2 ** 32 - 1), null);
  });
});

describe('checksum', () => {
  it('differs for equal changes in two lanes', () => {
    const words = new Int32Array(8);
    const before = checksum(words);
    words[0] = words[1] = 1;
    assert.notEqual(checksum(words), before);
  });
});
