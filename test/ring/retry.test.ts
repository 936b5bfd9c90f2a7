// What is done again, and how often: the rules of retry.ts.
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { describe, it } from 'node:test';
import { shouldRetry, visibleResult } from '../../src/ring/retry.js';

const { O_NONBLOCK, O_RDWR } = constants;
const [EIO, EINTR, EAGAIN, ENOMEM, EINVAL, ECANCELED] = [-5, -4, -11, -12, -22, -125];

describe('a result', () => {
  it('that is none of the kernel’s internal codes is left as it is', () => {
    for (const result of [0, 4096, EIO, EINTR, EAGAIN, ECANCELED, -511, -517]) {
      assert.equal(visibleResult(result), result);
    }
  });

  it('that is one means EINTR', () => {
    for (const result of [-512, -513, -514, -515, -516]) assert.equal(visibleResult(result), EINTR);
  });

  it('that is final is not tried again', () => {
    for (const result of [0, 1, EIO, EINVAL, ECANCELED]) assert.equal(shouldRetry(result, 1, O_RDWR), false);
  });

  it('of an interruption is tried again, eight times at most', () => {
    for (const result of [EINTR, -512, -516]) {
      assert.equal(shouldRetry(result, 1, O_RDWR), true);
      assert.equal(shouldRetry(result, 7, O_RDWR | O_NONBLOCK), true);
      assert.equal(shouldRetry(result, 8, O_RDWR), false);
    }
  });

  it('EAGAIN is tried once more, unless the file is non-blocking: then it is the answer', () => {
    assert.equal(shouldRetry(EAGAIN, 1, O_RDWR), true);
    assert.equal(shouldRetry(EAGAIN, 2, O_RDWR), false);
    assert.equal(shouldRetry(EAGAIN, 1, O_RDWR | O_NONBLOCK), false);
  });

  it('ENOMEM is tried once more', () => {
    assert.equal(shouldRetry(ENOMEM, 1, O_RDWR), true);
    assert.equal(shouldRetry(ENOMEM, 2, O_RDWR), false);
  });
});
