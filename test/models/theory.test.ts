// What the theory says of the models must appear in what is measured. Relations, not times: this holds on a slow machine
// and on a busy one. Blocks take forty times as long to come as there is to compute, so that computing ends first even
// when other programs take most of the processor.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { FindingsJson } from '#dist/cli/models/findings.js';
import type { Measures } from '#dist/models/measures.js';
import { availableEngines } from '../support/engines.js';
import { runNode } from '../support/program.js';

const BLOCKS = 3;
const DELAY_MS = 60;

describe('the models, on a pipe', () => {
  let findings: FindingsJson;
  const all = (model: string): Measures[] => {
    const found = findings.results.filter((result) => result.model === model);
    assert.ok(found.length > 0, `${model} was not measured`);
    return found.map(({ measures }) => measures);
  };
  const one = (model: string): Measures => all(model)[0];
  const aio = (): Measures[] => [...all('aio-signal'), ...all('aio-callback')];

  before(async () => {
    const options = ['--blocks', `${BLOCKS}`, '--delay', `${DELAY_MS}ms`, '--compute', '1500us'];
    const { code, stdout, stderr } = await runNode(['dist/cli/aio.js', 'models', '--json', ...options], {
      timeoutMs: 120_000,
    });
    assert.equal(code, 0, stderr);
    findings = JSON.parse(stdout);
  });

  it('measures AIO on every engine that is there', () => {
    for (const model of ['aio-signal', 'aio-callback']) {
      const engines = findings.results.filter((result) => result.model === model).map(({ engine }) => engine);
      assert.deepEqual(engines, availableEngines());
    }
  });

  it('does the same computing in every model', () => {
    assert.equal(new Set(findings.results.map(({ recording }) => recording.checksum)).size, 1);
  });

  it('blocking: no overlap, almost no CPU, one system call per block', () => {
    const { overlapPercent, waitingCpuMs, blockedMs, systemCallsPerBlock, eagain } = one('blocking');
    assert.equal(overlapPercent, 0);
    assert.equal(eagain, 0);
    assert.equal(systemCallsPerBlock, 1);
    assert.ok(blockedMs >= BLOCKS * DELAY_MS * 0.9, `blocked for ${blockedMs} ms`);
    assert.ok(waitingCpuMs < blockedMs / 4, `${waitingCpuMs} ms of CPU in ${blockedMs} ms of waiting`);
  });

  it('non-blocking: burns CPU, and makes orders of magnitude more system calls', () => {
    const { overlapPercent, waitingCpuMs, systemCallsPerBlock, eagain } = one('nonblocking');
    assert.equal(overlapPercent, 0);
    assert.ok(eagain > 1000 * BLOCKS, `EAGAIN ${eagain} times`);
    assert.ok(waitingCpuMs > 5 * one('blocking').waitingCpuMs, `${waitingCpuMs} ms of CPU`);
    for (const model of [one('blocking'), one('select'), one('poll'), ...aio()]) {
      assert.ok(
        systemCallsPerBlock > 30 * model.systemCallsPerBlock,
        `${systemCallsPerBlock} calls per block`,
      );
    }
  });

  it('non-blocking between pieces of work: overlaps, and still makes far more system calls than AIO', () => {
    const { overlapPercent, systemCallsPerBlock } = one('interleaved');
    assert.ok(overlapPercent > 70, `overlap ${overlapPercent} %`);
    for (const model of aio()) assert.ok(systemCallsPerBlock > 10 * model.systemCallsPerBlock);
  });

  for (const call of ['select', 'poll']) {
    it(`${call}: blocks, but costs little`, () => {
      const { overlapPercent, waitingCpuMs, blockedMs, systemCallsPerBlock, eagain } = one(call);
      assert.equal(overlapPercent, 0);
      assert.ok(eagain <= BLOCKS && eagain > 0, `EAGAIN ${eagain} times`);
      assert.ok(systemCallsPerBlock <= 3);
      assert.ok(blockedMs >= BLOCKS * DELAY_MS * 0.8, `blocked for ${blockedMs} ms`);
      assert.ok(waitingCpuMs < blockedMs / 4, `${waitingCpuMs} ms of CPU in ${blockedMs} ms of waiting`);
    });
  }

  it('AIO: never blocks, overlaps, with few system calls and little CPU', () => {
    for (const { overlapPercent, waitingCpuMs, blockedMs, systemCallsPerBlock, eagain } of aio()) {
      assert.equal(blockedMs, 0);
      assert.equal(eagain, 0);
      assert.ok(overlapPercent > 80, `overlap ${overlapPercent} %`);
      assert.ok(systemCallsPerBlock < 60, `${systemCallsPerBlock} calls per block`);
      assert.ok(waitingCpuMs < one('nonblocking').waitingCpuMs / 2, `${waitingCpuMs} ms of CPU`);
    }
  });

  it('AIO alone overlaps with few system calls, among the models of the article', () => {
    const both = findings.results.filter(
      ({ measures }) => measures.overlapPercent > 80 && measures.systemCallsPerBlock < 60,
    );
    const names = new Set(both.map(({ model }) => model));
    names.delete('fs-promises'); // AIO in the eyes of the program
    assert.deepEqual([...names], ['aio-signal', 'aio-callback']);
  });

  it('a block is in hand after it was there, and there after it was asked for', () => {
    for (const { recording } of findings.results) {
      assert.equal(recording.reads.length, BLOCKS);
      for (const { asked, ready, taken } of recording.reads) {
        assert.ok(ready !== null && ready - asked >= DELAY_MS * 0.99, `${asked} … ${ready}`);
        assert.ok(taken > ready);
      }
    }
  });
});
