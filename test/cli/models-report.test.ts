// The report of `aio models` in the terminal, of made-up recordings.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Findings } from '#dist/cli/models/findings.js';
import { renderReport } from '#dist/cli/models/report.js';
import type { Painter } from '#dist/cli/terminal.js';
import { MODELS } from '#dist/models/models.js';
import type { Recording, Span, State } from '#dist/models/recording.js';
import { type Result, resultOf } from '#dist/models/results.js';

const plain: Painter = (_style, text) => text;

const DELAY_MS = 12;
const COMPUTE_MS = 10;
/** Three blocks, as many as the timelines show. */
const WINDOW_MS = 3 * (DELAY_MS + COMPUTE_MS);

function recording(changes: Partial<Recording>): Recording {
  return {
    reads: [],
    spans: [],
    marks: [],
    wallMs: WINDOW_MS,
    disturbedMs: 0,
    cpuMs: 31,
    computeCpuMs: 30,
    eagain: 0,
    systemCalls: { thread: { read: 3 }, others: 0 },
    checksum: 0,
    ...changes,
  };
}

const span = (state: State, block: number, from: number, to: number): Span => ({
  state,
  call: state === 'computing' ? '' : 'read',
  block,
  from,
  to,
  calls: 1,
});

/** Waits and computes in turns, three times. */
function inTurns(waiting: State): Recording {
  const begin = (block: number): number => block * (DELAY_MS + COMPUTE_MS);
  return recording({
    reads: [0, 1, 2].map((block) => ({
      asked: begin(block),
      ready: begin(block) + DELAY_MS,
      taken: begin(block) + DELAY_MS,
    })),
    spans: [0, 1, 2].flatMap((block) => [
      span(waiting, block, begin(block), begin(block) + DELAY_MS),
      span('computing', block, begin(block) + DELAY_MS, begin(block + 1)),
    ]),
    marks: [
      { direction: 'down', text: 'read', block: 0, at: 0 },
      { direction: 'up', text: 'data', block: 0, at: DELAY_MS },
    ],
  });
}

function findings(results: Result[], changes: Partial<Findings> = {}): Findings {
  return {
    job: { source: 'pipe', blocks: 3, blockBytes: 4096, delayMs: DELAY_MS, computeMs: COMPUTE_MS },
    environment: {
      kernel: '6.18.44',
      node: 'v22.0.0',
      arch: 'x64',
      cpu: 'A CPU',
      cpus: 2,
      memoryBytes: 1,
      fileSystem: 'ext4',
    },
    results,
    refusals: [],
    date: '2026-01-02T03:04:05.678Z',
    version: '1.2.3',
    ...changes,
  };
}

const named = (name: string, engine: Result['engine'], what: Recording): Result =>
  resultOf({ model: MODELS.find((model) => model.name === name)!, engine }, what);

const all = (what: Recording): Result[] =>
  MODELS.flatMap(({ name, perEngine }) =>
    perEngine
      ? (['io_uring', 'native', 'threads'] as const).map((engine) => named(name, engine, what))
      : [named(name, null, what)],
  );

describe('the report of aio models', () => {
  it('fits into 80 columns, also with large figures', () => {
    const large = recording({
      ...inTurns('polling'),
      wallMs: 59999,
      eagain: 123_456_789,
      systemCalls: { thread: { read: 123_456_789 }, others: 5 },
      cpuMs: 59_000,
    });
    for (const what of [inTurns('blocked'), large]) {
      const text = renderReport(findings(all(what)), plain);
      for (const line of text.split('\n')) assert.ok([...line].length <= 80, line);
    }
  });

  it('draws application and kernel on one scale', () => {
    const text = renderReport(findings([named('blocking', null, inTurns('blocked'))]), plain);
    // 66 cells of 1 ms: 12 of waiting, 10 of computing, three times.
    const wait = '░'.repeat(12);
    const work = '█'.repeat(10);
    assert.match(text, new RegExp(`  application ${(wait + work).repeat(3)}\n`));
    const io = '━'.repeat(11);
    assert.ok(text.includes(`  kernel      1${io}${' '.repeat(10)}2${io}${' '.repeat(10)}3${io}\n`), text);
    assert.ok(text.includes('  calls       read\n'));
    assert.ok(text.includes(`  answers     ${' '.repeat(12)}data\n`));
  });

  it('tells states apart without colour', () => {
    for (const [state, mark] of [
      ['polling', '▒'],
      ['idle', '·'],
    ] as const) {
      const text = renderReport(findings([named('nonblocking', null, inTurns(state))]), plain);
      assert.ok(text.includes(`  application ${mark.repeat(12)}█`), text);
    }
  });

  it('puts each model into its corner of Figure 1', () => {
    const text = renderReport(findings(all(inTurns('blocked'))), plain);
    assert.match(text, /\n +│ blocking +│ non-blocking\n/);
    assert.match(text, /\nsynchronous +│ read +│ read, again on EAGAIN\n/);
    assert.match(text, /\nasynchronous +│ select, then read +│ aio_read, signal \(io_uring\)\n/);
  });

  it('says which corner was not measured, and which engine is not there', () => {
    const only = [named('select', null, inTurns('blocked'))];
    const refusals = [{ engine: 'io_uring', reason: 'EPERM: forbidden here' }];
    const text = renderReport(findings(only, { refusals }), plain);
    assert.match(text, /\nsynchronous +│ not measured +│ not measured\n/);
    assert.match(text, /AIO on io_uring was not measured: EPERM: forbidden here/);
  });

  it('does not say of a file what is true of pipes only', () => {
    const { job } = findings([]);
    const text = renderReport(findings(all(inTurns('blocked')), { job: { ...job, source: 'file' } }), plain);
    assert.match(text, /O_NONBLOCK has no effect on a regular file/);
    assert.doesNotMatch(text, /mostly with EAGAIN|read\(\) says EAGAIN/);
  });

  it('ends no line with spaces', () => {
    const unanswered = recording({ ...inTurns('blocked'), marks: [] });
    assert.doesNotMatch(renderReport(findings(all(unanswered)), plain), / \n/);
  });

  it('mentions that other programs were in the way', () => {
    const disturbed = recording({ ...inTurns('blocked'), disturbedMs: WINDOW_MS / 2 });
    const text = renderReport(findings([named('blocking', null, disturbed)]), plain);
    assert.match(text, /This machine is busy.*blocking\s+\(50 %\)/s);
    assert.doesNotMatch(renderReport(findings(all(inTurns('blocked'))), plain), /busy/);
  });
});
