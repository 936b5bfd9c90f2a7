// The order in which blocks are visited.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Positions, scramble } from '#dist/cli/bench/positions.js';

const take = (positions: Positions, count: number) => Array.from({ length: count }, () => positions.next());

describe('Positions', () => {
  it('throws without blocks, and for more than it can number', () => {
    assert.throws(() => new Positions(0, true), RangeError);
    assert.throws(() => new Positions(2 ** 32 + 1, true), RangeError);
  });

  it('goes through a file in sequence, again and again', () => {
    assert.deepEqual(take(new Positions(3, false), 7), [0, 1, 2, 0, 1, 2, 0]);
  });

  for (const blocks of [1, 2, 3, 5, 64, 1000, 1024, 4097]) {
    it(`visits each of ${blocks} blocks once per pass, at random`, () => {
      const positions = new Positions(blocks, true);
      for (let pass = 0; pass < 4; pass++) {
        assert.equal(positions.remainingInPass, blocks);
        const visited = take(positions, blocks);
        assert.equal(new Set(visited).size, blocks);
        assert.ok(visited.every((block) => block >= 0 && block < blocks));
      }
    });
  }

  it('orders no two passes alike', () => {
    const positions = new Positions(1000, true);
    assert.notDeepEqual(take(positions, 1000), take(positions, 1000));
  });

  it('is the same for every engine', () => {
    assert.deepEqual(take(new Positions(1000, true), 2500), take(new Positions(1000, true), 2500));
  });

  it('does not go through the file in steps of one length', () => {
    const visited = take(new Positions(4096, true), 4096);
    const steps = new Map<number, number>();
    for (let i = 1; i < visited.length; i++) {
      const step = visited[i] - visited[i - 1];
      steps.set(step, (steps.get(step) ?? 0) + 1);
    }
    assert.ok(Math.max(...steps.values()) < 40, 'one step occurs in more than one per cent of the cases');
  });

  it('numbers the largest file', () => {
    const positions = new Positions(2 ** 32, true);
    for (const block of take(positions, 1000)) assert.ok(block >= 0 && block < 2 ** 32);
  });
});

describe('scramble', () => {
  it('maps numbers of any width one to one', () => {
    for (let bits = 1; bits <= 12; bits++) {
      const images = new Set(Array.from({ length: 2 ** bits }, (_, i) => scramble(i, bits, 5)));
      assert.equal(images.size, 2 ** bits);
    }
  });
});
