// How sizes, times and rates are read and printed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatBytes,
  formatNumber,
  formatRate,
  parseInteger,
  parseSeconds,
  parseSize,
} from '#dist/cli/units.js';

describe('parseSize', () => {
  it('throws when it is no size', () => {
    for (const text of ['', 'k', 'four', '-4k', '4x', '4k4', '4 k', '1e3', '0x', '0xg', '4,096']) {
      assert.throws(() => parseSize(text), RangeError, text);
    }
  });

  it('throws for 4Ki, which is 4000 to fio and 4096 to everybody else', () => {
    assert.throws(() => parseSize('4Ki'), /k = 1024/);
  });

  it('throws when it is no whole number of bytes, or more than a number can hold', () => {
    assert.throws(() => parseSize('0.3k'), /whole number/);
    assert.throws(() => parseSize('9000p'), /whole number/);
  });

  it('takes suffixes for powers of 1024, in either case, as fio does', () => {
    assert.equal(parseSize('4096'), 4096);
    assert.equal(parseSize('4k'), 4096);
    assert.equal(parseSize('4K'), 4096);
    assert.equal(parseSize('4kb'), 4096);
    assert.equal(parseSize('64m'), 64 * 1024 ** 2);
    assert.equal(parseSize('1.5g'), 1.5 * 1024 ** 3);
    assert.equal(parseSize('2T'), 2 * 1024 ** 4);
    assert.equal(parseSize('0'), 0);
    assert.equal(parseSize('0x1000'), 4096);
  });
});

describe('parseSeconds', () => {
  it('throws when it is no time', () => {
    for (const text of ['', 's', '-1', '1 s', '1w', 'soon']) {
      assert.throws(() => parseSeconds(text), RangeError, text);
    }
  });

  it('takes a bare number for seconds, as fio does', () => {
    assert.equal(parseSeconds('4'), 4);
    assert.equal(parseSeconds('0.5'), 0.5);
    assert.equal(parseSeconds('500ms'), 0.5);
    assert.equal(parseSeconds('2m'), 120);
    assert.equal(parseSeconds('1h'), 3600);
  });
});

describe('parseInteger', () => {
  it('throws outside of its range, and for all that is no whole number', () => {
    for (const text of ['0', '101', '-1', '1.5', '', 'ten', '1e1']) {
      assert.throws(() => parseInteger(text, 1, 100), /from 1 to 100/, text);
    }
  });

  it('includes both ends', () => {
    assert.equal(parseInteger('1', 1, 100), 1);
    assert.equal(parseInteger('100', 1, 100), 100);
  });
});

describe('formats', () => {
  it('bytes', () => {
    assert.equal(formatBytes(512), '512 bytes');
    assert.equal(formatBytes(4096), '4 KiB');
    assert.equal(formatBytes(1.5 * 1024 ** 3), '1.5 GiB');
    assert.equal(formatBytes(Infinity), 'unlimited');
  });

  it('numbers, without an exponent', () => {
    assert.equal(formatNumber(0), '0');
    assert.equal(formatNumber(0.03123), '0.031');
    assert.equal(formatNumber(1.2345), '1.23');
    assert.equal(formatNumber(48.26), '48.3');
    assert.equal(formatNumber(123456.7), '123457');
    assert.equal(formatNumber(Number.NaN), '–');
  });

  it('rates, three digits', () => {
    assert.equal(formatRate(912.4), '912');
    assert.equal(formatRate(999.7), '1.00k');
    assert.equal(formatRate(22_431), '22.4k');
    assert.equal(formatRate(734_000), '734k');
    assert.equal(formatRate(1_204_000), '1.20M');
    assert.equal(formatRate(Number.NaN), '–');
  });
});
