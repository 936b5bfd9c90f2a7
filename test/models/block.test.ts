// The blocks of the slow device, and that damage is seen.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { checkBlock, fillBlock, stampBlock } from '#dist/models/block.js';

describe('blocks', () => {
  const block = Buffer.alloc(4096);

  test('carry the time at which they were handed over', () => {
    fillBlock(block, 7);
    assert.equal(checkBlock(block, 7), 0n);
    stampBlock(block, 123_456_789_012n);
    assert.equal(checkBlock(block, 7), 123_456_789_012n);
  });

  test('of another number are refused', () => {
    fillBlock(block, 7);
    assert.throws(() => checkBlock(block, 8), /block 8 was to come, and block 7 came/);
  });

  for (const at of [16, 17, 2000, 4095]) {
    test(`damaged at byte ${at} are refused`, () => {
      fillBlock(block, 7);
      block[at] ^= 1;
      assert.throws(() => checkBlock(block, 7), /block 7 is damaged/);
    });
  }
});
