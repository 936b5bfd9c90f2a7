// The suggestions for misspelt words.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { didYouMean, editDistance, nearest } from '#dist/cli/suggest.js';

const OPTIONS = ['filename', 'size', 'rw', 'bs', 'iodepth', 'ioengine', 'direct', 'runtime'];

describe('nearest', () => {
  it('finds nothing where nothing is near', () => {
    assert.equal(nearest('numjobs', OPTIONS), undefined);
    assert.equal(nearest('xx', OPTIONS), undefined);
    assert.equal(nearest('', OPTIONS), undefined);
  });

  it('finds what was misspelt', () => {
    assert.equal(nearest('iodept', OPTIONS), 'iodepth');
    assert.equal(nearest('iodpeth', OPTIONS), 'iodepth');
    assert.equal(nearest('io-engine', OPTIONS), 'ioengine');
    assert.equal(nearest('Direct', OPTIONS), 'direct');
    assert.equal(nearest('bz', OPTIONS), 'bs');
  });

  it('finds what was begun, unless two begin so', () => {
    assert.equal(nearest('file', OPTIONS), 'filename');
    assert.equal(nearest('io', ['iodepth', 'ioengine']), undefined);
  });

  it('is worded as a question', () => {
    assert.equal(didYouMean('iodept', OPTIONS, '--'), ' (did you mean --iodepth?)');
    assert.equal(didYouMean('numjobs', OPTIONS, '--'), '');
  });
});

describe('editDistance', () => {
  it('counts insertions, removals, replacements and swaps', () => {
    assert.equal(editDistance('', ''), 0);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('abc', ''), 3);
    assert.equal(editDistance('bench', 'bnech'), 1);
    assert.equal(editDistance('kitten', 'sitting'), 3);
  });
});
