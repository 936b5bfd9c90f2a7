// The options of `aio models`.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planFrom } from '#dist/cli/models/plan.js';
import { UsageError } from '#dist/cli/usage-error.js';

describe('planFrom', () => {
  const refused = (values: Record<string, string>, message: RegExp) =>
    assert.throws(
      () => planFrom(values),
      (error) => error instanceof UsageError && message.test(error.message),
    );

  it('throws a UsageError that names the option, with a suggestion for what was misspelt', () => {
    refused({ source: 'pip' }, /--source: 'pip' is none of pipe, socket, file \(did you mean pipe\?\)/);
    refused({ models: 'select,blokcing' }, /--models: 'blokcing' is none of .* \(did you mean blocking\?\)/);
    refused({ ioengine: 'uring' }, /--ioengine: 'uring' is none of io_uring, native, threads/);
    refused({ blocks: '0' }, /--blocks: '0' is not a whole number from 1 to 1000/);
    refused({ delay: 'soon' }, /--delay: 'soon' is not a time/);
    refused({ delay: '2s' }, /--delay: must be more than 0 and at most 1000ms/);
    refused({ compute: '0' }, /--compute: must be more than 0/);
  });

  it('throws where an option means nothing for the source', () => {
    refused({ source: 'file', delay: '5ms' }, /a file is as slow as its disk/);
    refused({ directory: '/var/tmp' }, /--directory is for --source file/);
  });

  it('is the whole experiment on a pipe without options', () => {
    const plan = planFrom({});
    assert.equal(plan.source, 'pipe');
    assert.equal(plan.blocks, 20);
    assert.equal(plan.delayMs, 10);
    assert.deepEqual(
      plan.models.map(({ name }) => name),
      [
        'blocking',
        'nonblocking',
        'interleaved',
        'select',
        'poll',
        'aio-signal',
        'aio-callback',
        'fs-promises',
      ],
    );
  });

  it('keeps the order of the article, whatever the order on the command line', () => {
    const { models } = planFrom({ models: 'poll,blocking,poll' });
    assert.deepEqual(
      models.map(({ name }) => name),
      ['blocking', 'poll'],
    );
  });
});
