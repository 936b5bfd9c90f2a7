// The command line of `aio bench`: what is refused and why, and what the options mean.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planFrom } from '#dist/cli/bench/plan.js';
import { UsageError } from '#dist/cli/usage-error.js';

const failsWith = (message: RegExp, values: Record<string, string>) => {
  assert.throws(
    () => planFrom(values),
    (error) => error instanceof UsageError && message.test(error.message),
    JSON.stringify(values),
  );
};

describe('planFrom', () => {
  it('throws for values that cannot be read, naming the option', () => {
    failsWith(/^--size: 'big' is not a size/, { size: 'big' });
    failsWith(/^--iodepth: '0' is not a whole number from 1 to/, { iodepth: '1,0' });
    failsWith(/^--iodepth: '' is not/, { iodepth: '1,' });
    failsWith(/^--runtime: 'soon' is not a time/, { runtime: 'soon' });
    failsWith(/^--runtime: must be more than 0/, { runtime: '0' });
    failsWith(/^--rwmixread: '101' is not/, { rw: 'rw', rwmixread: '101' });
  });

  it('throws for unknown names, with a suggestion where one is near', () => {
    failsWith(/^--rw: 'ranread' is none of read, .* \(did you mean randread\?\)$/, { rw: 'ranread' });
    failsWith(/^--rw: 'trim' is none of/, { rw: 'trim' });
    failsWith(/^--rw: 'constructor' is none of/, { rw: 'constructor' });
    failsWith(/^--ioengine: 'iouring' is none of .* \(did you mean io_uring\?\)$/, { ioengine: 'iouring' });
    failsWith(/^--output-format: 'jsn' is neither .* \(did you mean json\?\)$/, { 'output-format': 'jsn' });
  });

  it("translates fio's engine names", () => {
    failsWith(/'libaio' .* \(here it is called native\)/, { ioengine: 'libaio' });
    failsWith(/'psync' .* \(here it is called node\)/, { ioengine: 'psync,node' });
  });

  it('throws for blocks that are no multiple of 512, and for lists of sizes', () => {
    failsWith(/^--bs: '1000' is not a multiple of 512/, { bs: '1000' });
    failsWith(/^--bs: '0' is not a multiple/, { bs: '0' });
    failsWith(/^--bs: one size only/, { bs: '4k,8k' });
  });

  it('throws for a mix where there is nothing to mix', () => {
    failsWith(/^--rwmixread is for rw and randrw/, { rw: 'randread', rwmixread: '70' });
  });

  it('throws for a file too small for the depth', () => {
    failsWith(/--iodepth 128 needs a --size of 512 KiB or more/, { size: '256k', iodepth: '1,128' });
  });

  it('throws for more buffers than memory should be asked for', () => {
    failsWith(/needs .* of buffers/, { bs: '16m', iodepth: '1000', size: '100g' });
  });

  it('throws for --directory beside --filename', () => {
    failsWith(/--directory is for the temporary file/, { filename: 'a', directory: '/tmp' });
  });

  it('has defaults for everything', () => {
    const plan = planFrom({});
    assert.equal(plan.workload, 'randread');
    assert.equal(plan.blockSize, 4096);
    assert.deepEqual(plan.depths, [1, 32, 128]);
    assert.deepEqual(plan.engines, ['io_uring', 'node']);
    assert.equal(plan.direct, false);
    assert.equal(plan.filename, null);
    assert.equal(plan.format, 'normal');
  });

  it('reads lists, without duplicates, in the order given', () => {
    const plan = planFrom({ iodepth: '32, 1,32', ioengine: 'node,io_uring' });
    assert.deepEqual(plan.depths, [32, 1]);
    assert.deepEqual(plan.engines, ['node', 'io_uring']);
  });

  it("knows fio's workloads", () => {
    const mix = (rw: string) => {
      const { random, readPercent } = planFrom({ rw });
      return { random, readPercent };
    };
    assert.deepEqual(mix('read'), { random: false, readPercent: 100 });
    assert.deepEqual(mix('write'), { random: false, readPercent: 0 });
    assert.deepEqual(mix('randread'), { random: true, readPercent: 100 });
    assert.deepEqual(mix('randwrite'), { random: true, readPercent: 0 });
    assert.deepEqual(mix('rw'), { random: false, readPercent: 50 });
    assert.deepEqual(mix('randrw'), { random: true, readPercent: 50 });
    assert.equal(planFrom({ rw: 'randrw', rwmixread: '70' }).readPercent, 70);
  });
});
