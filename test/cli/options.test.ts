// Reading a command's options: every mistake has a message of its own.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OptionSpecs } from '#dist/cli/options.js';
import { describeOptions, readArguments } from '#dist/cli/options.js';
import { UsageError } from '#dist/cli/usage-error.js';

const SPECS: OptionSpecs = {
  iodepth: { kind: 'value', value: 'list', help: 'transfers in flight' },
  bs: { kind: 'value', value: 'bytes', help: 'size of a block' },
  direct: { kind: 'switch', help: 'bypass the page cache' },
  json: { kind: 'flag', help: 'print JSON' },
};

const valuesOf = (args: string[]) => readArguments(SPECS, args).values;

const failsWith = (message: RegExp, ...args: string[]) => {
  assert.throws(
    () => readArguments(SPECS, args),
    (error) => error instanceof UsageError && message.test(error.message),
    args.join(' '),
  );
};

describe('readArguments', () => {
  it('throws for an unknown option, with a suggestion where one is near', () => {
    failsWith(/^unknown option '--iodept' \(did you mean --iodepth\?\)$/, '--iodept', '4');
    failsWith(/^unknown option '--numjobs'$/, '--numjobs=4');
    failsWith(/^unknown option '-x'/, '-x');
  });

  it('throws for names that every object has', () => {
    failsWith(/unknown option '--constructor'/, '--constructor');
    failsWith(/unknown option '--toString'/, '--toString=1');
  });

  it('throws for a missing value, also when the next option stands in its place', () => {
    failsWith(/--bs needs a value: --bs <bytes>/, '--bs');
    failsWith(/--bs needs a value/, '--bs=');
    failsWith(/--bs needs a value/, '--bs', '--iodepth', '4');
  });

  it('throws for a value where there is none to give', () => {
    failsWith(/--json takes no value/, '--json=1');
  });

  it('throws for an option given twice', () => {
    failsWith(/--bs is given twice/, '--bs', '4k', '--bs=8k');
  });

  it('throws for an argument that is no option', () => {
    failsWith(/unexpected argument 'file.dat'/, 'file.dat');
    failsWith(/unexpected argument '2'/, '--direct', '2');
  });

  it('throws for a switch that is neither 0 nor 1', () => {
    failsWith(/--direct is 0 or 1, not 'yes'/, '--direct=yes');
  });

  it('reads values in both spellings', () => {
    assert.deepEqual(valuesOf(['--bs=4k', '--iodepth', '1,32', '--json']), {
      bs: '4k',
      iodepth: '1,32',
      json: '1',
    });
  });

  it("reads fio's switches: bare, with =, and with a blank", () => {
    assert.deepEqual(valuesOf(['--direct']), { direct: '1' });
    assert.deepEqual(valuesOf(['--direct=0']), { direct: '0' });
    assert.deepEqual(valuesOf(['--direct', '1', '--bs', '4k']), { direct: '1', bs: '4k' });
    assert.deepEqual(valuesOf(['--direct', '--bs', '4k']), { direct: '1', bs: '4k' });
  });

  it('knows --help and -h', () => {
    assert.deepEqual(valuesOf(['--help']), { help: '1' });
    assert.deepEqual(valuesOf(['-h']), { help: '1' });
  });
});

describe('describeOptions', () => {
  it('lists every option with its value, aligned', () => {
    assert.deepEqual(describeOptions(SPECS), [
      '  --iodepth <list>  transfers in flight',
      '  --bs <bytes>      size of a block',
      '  --direct[=0|1]    bypass the page cache',
      '  --json            print JSON',
      '  --help            show this text',
    ]);
  });
});
