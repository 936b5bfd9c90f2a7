// Before and after: which rows meet, what counts as a difference, and what is said of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Figure, Verdict } from '#dist/cli/bench/compare.js';
import { changeOf, compareDocuments, MismatchError } from '#dist/cli/bench/compare.js';
import { comparisonToJson, renderComparison } from '#dist/cli/bench/compare-report.js';
import type { BenchDocument } from '#dist/cli/bench/document.js';
import type { Painter } from '#dist/cli/terminal.js';
import type { JobSpec } from '../support/bench-document.js';
import { documentOf } from '../support/bench-document.js';

const plain: Painter = (_style, text) => text;

const compare = (a: readonly JobSpec[], b: readonly JobSpec[], more: Partial<BenchDocument> = {}) =>
  compareDocuments(
    { path: 'a.json', document: documentOf(a) },
    { path: 'b.json', document: documentOf(b, more) },
  );

const uring = (depth: number, ...iops: number[]): JobSpec => ({ engine: 'io_uring', depth, iops });
const node = (depth: number, ...iops: number[]): JobSpec => ({ engine: 'node', depth, iops });

const mismatch = (message: RegExp, a: readonly JobSpec[], b: readonly JobSpec[]) => {
  assert.throws(
    () => compare(a, b),
    (error) => {
      assert.ok(error instanceof MismatchError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );
};

describe('compareDocuments', () => {
  it('throws when the two measured different things, naming the options', () => {
    const direct: JobSpec = { ...uring(1, 1, 2, 3), options: { direct: '1', bs: '8192' } };
    mismatch(
      /^a\.json and b\.json measured different things.*\n {2}--bs: 4096 and 8192\n {2}--direct: 0 and 1$/,
      [uring(1, 1, 2, 3)],
      [direct],
    );
    mismatch(/\n {2}--ioengine: io_uring and node$/, [uring(1, 1, 2, 3)], [node(1, 1, 2, 3)]);
    mismatch(
      /\n {2}--iodepth: 1,32 and 128$/,
      [uring(1, 1, 2, 3), uring(32, 1, 2, 3)],
      [uring(128, 1, 2, 3)],
    );
    mismatch(/^b\.json has no measurements$/, [uring(1, 1, 2, 3)], []);
  });

  it('compares what is in both, and names what is in one only', () => {
    const { rows, onlyA, onlyB } = compare(
      [uring(1, 1, 2, 3), uring(32, 1, 2, 3)],
      [uring(1, 1, 2, 3), node(1, 1, 2, 3)],
    );
    assert.deepEqual(
      rows.map(({ engine, depth, kind }) => [engine, depth, kind]),
      [['io_uring', 1, 'read']],
    );
    assert.deepEqual(onlyA, ['randread: io_uring, depth 32, reads']);
    assert.deepEqual(onlyB, ['randread: node, depth 1, reads']);
  });

  it('compares reads and writes of a mix apart', () => {
    const mixed: JobSpec = { ...uring(4, 10, 10, 10), writes: [20, 20, 20] };
    const { rows } = compare([mixed], [{ ...mixed, writes: [40, 40, 40] }]);
    assert.deepEqual(
      rows.map(({ kind, iops }) => [kind, iops.ratio]),
      [
        ['read', 1],
        ['write', 2],
      ],
    );
  });

  it('does not mind another name, and tells sections with the same options apart by their order', () => {
    const two = (first: string, second: string, factor: number) => [
      { ...uring(1, 10 * factor, 10 * factor, 10 * factor), name: first },
      { ...uring(1, 20, 20, 20), name: second },
    ];
    const { rows } = compare(two('before-x', 'before-y', 1), two('after-x', 'after-y', 2));
    assert.deepEqual(
      rows.map(({ name, iops }) => [name, iops.ratio]),
      [
        ['after-x', 2],
        ['after-y', 1],
      ],
    );
  });

  it('has no row where one of the two made no progress', () => {
    const { rows, onlyA } = compare(
      [uring(1, 4, 4, 4), node(1, 1, 1, 1)],
      [uring(1, 0, 0, 9), node(1, 1, 1, 1)],
    );
    assert.deepEqual(
      rows.map(({ engine }) => engine),
      ['node'],
    );
    assert.deepEqual(onlyA, ['randread: io_uring, depth 1, reads']);
  });

  it('names what else was different', () => {
    const jobs = [uring(1, 1, 2, 3)];
    const environment = { ...documentOf([]).environment, node: 'v24.0.0', memory_bytes: 1024 ** 3 };
    assert.deepEqual(compare(jobs, jobs, { environment }).differences, [
      { what: 'Node', a: 'v22.0.0', b: 'v24.0.0' },
      { what: 'memory', a: '8192 MiB', b: '1024 MiB' },
    ]);
    assert.deepEqual(compare(jobs, jobs).differences, []);
  });

  it('takes node:fs/promises for a control, unless Node is another', () => {
    const a = [uring(1, 10, 10, 10), node(1, 10, 10, 10)];
    const b = [uring(1, 5, 5, 5), node(1, 5, 5, 5)];
    assert.deepEqual(
      compare(a, b).controlsChanged.map(({ engine }) => engine),
      ['node'],
    );
    assert.match(
      renderComparison(compare(a, b), plain),
      /node:fs\/promises has changed too.*0\.50 at depth\s1/s,
    );
    assert.deepEqual(compare(a, a).controlsChanged, []);
    const environment = { ...documentOf([]).environment, node: 'v24.0.0' };
    assert.deepEqual(compare(a, b, { environment }).controlsChanged, []);
  });
});

describe('changeOf', () => {
  const verdict = (figure: Figure, a: number[], b: number[]): Verdict =>
    changeOf(figure, a[1], a, b[1], b)!.verdict;

  it('is null where one of the two was not measured', () => {
    assert.equal(changeOf('iops', null, [], 1, [1, 1, 1]), null);
    assert.equal(changeOf('iops', 1, [1, 1, 1], 0, []), null);
    assert.equal(changeOf('iops', 1, [1, 1, 1], Number.NaN, []), null);
  });

  it('has the ratio, and how far the rounds spread it', () => {
    assert.deepEqual(changeOf('iops', 10, [8, 10, 20], 20, [16, 20, 32]), {
      a: 10,
      b: 20,
      ratio: 2,
      ratioMin: 16 / 20,
      ratioMax: 32 / 8,
      verdict: 'unclear',
    });
  });

  it('is sure when every round agrees, in the direction that is better', () => {
    assert.equal(verdict('iops', [95, 100, 105], [120, 125, 130]), 'better');
    assert.equal(verdict('cpu', [95, 100, 105], [120, 125, 130]), 'worse');
    assert.equal(verdict('iops', [120, 125, 130], [95, 100, 105]), 'worse');
    assert.equal(verdict('cpu', [120, 125, 130], [95, 100, 105]), 'better');
  });

  it('is unclear when the rounds overlap', () => {
    assert.equal(verdict('iops', [80, 100, 130], [120, 125, 160]), 'unclear');
  });

  it('is unclear when some round is within what two runs of one program differ by', () => {
    assert.equal(verdict('iops', [98, 100, 102], [106, 108, 110]), 'unclear');
    assert.equal(verdict('iops', [106, 108, 110], [98, 100, 102]), 'unclear');
  });

  it('wants more of the 99th percentile, which two runs of one program differ more by', () => {
    assert.equal(verdict('p99', [99, 100, 101], [80, 80, 80]), 'same');
    assert.equal(verdict('p50', [99, 100, 101], [80, 80, 80]), 'better');
    assert.equal(verdict('p99', [99, 100, 101], [50, 50, 50]), 'better');
    assert.equal(verdict('p99', [50, 50, 50], [99, 100, 101]), 'worse');
  });

  it('is unclear with less than two rounds: there is no noise to see', () => {
    assert.equal(changeOf('iops', 100, [100], 200, [200])!.verdict, 'unclear');
  });

  it('calls a difference below that of two runs of one program the same, however steady the rounds', () => {
    assert.equal(verdict('iops', [100, 100, 100], [104, 104, 104]), 'same');
    assert.equal(verdict('iops', [104, 104, 104], [100, 100, 100]), 'same');
    assert.equal(verdict('iops', [100, 100, 100], [106, 106, 106]), 'better');
  });
});

describe('renderComparison', () => {
  it('has a row per depth and engine with both figures, ratio, spread and verdict', () => {
    const a = [{ ...uring(1, 95_000, 100_000, 105_000), us: 10, cpu: 5 }, node(1, 20_000, 20_000, 20_000)];
    const b = [{ ...uring(1, 190_000, 200_000, 210_000), us: 5, cpu: 6 }, node(1, 20_000, 20_000, 20_000)];
    const text = renderComparison(compare(a, b), plain);
    const cells = (engine: string) =>
      text
        .split('\n')
        .find((line) => line.includes(` ${engine} `))
        ?.trim()
        .split(/\s+/);
    assert.deepEqual(cells('io_uring'), [
      '1',
      'io_uring',
      '100k',
      '200k',
      '2.00',
      '1.81–2.21',
      'faster',
      '0.50+',
      '1.20-',
    ]);
    assert.deepEqual(cells('node')?.slice(-3), ['same', '1.00', '1.00']);
    assert.match(text, /\nOf 2 rows: 1 faster, 1 same\.\n/);
    assert.match(text, /^A {2}a\.json, 2026-01-02 03:04 UTC, linux-aio 1\.2\.3\nB {2}b\.json/);
    assert.match(text, /\nrandread, blocks of 4 KiB, 64 MiB, through the page cache\n/);
  });

  it('fits into 80 columns, also with large figures and a mix of reads and writes', () => {
    const wide = (rate: number): JobSpec[] => [
      {
        ...uring(100_000, rate, rate * 1.4, rate * 19),
        writes: [rate, rate * 1.4, rate * 19],
        us: rate,
        cpu: rate,
      },
      { ...uring(100_000, rate, rate, rate), engine: 'threads', writes: [rate, rate, rate] },
    ];
    const environment = { ...documentOf([]).environment, cpu: 'A CPU with a very long name '.repeat(4) };
    for (const [a, b] of [
      [10, 1000],
      [1000, 10],
    ]) {
      const text = renderComparison(compare(wide(a), wide(b), { environment }), plain);
      for (const line of text.split('\n')) assert.ok([...line].length <= 80, line);
    }
  });

  it('has a table of its own for each section', () => {
    const jobs = [
      { ...uring(1, 10, 10, 10), name: 'small' },
      { ...uring(1, 10, 10, 10), name: 'large', options: { bs: '65536' } },
    ];
    const text = renderComparison(compare(jobs, jobs), plain);
    assert.match(text, /\nsmall: randread, blocks of 4 KiB.*\nlarge: randread, blocks of 64 KiB/s);
  });

  it('says what was different and what is missing', () => {
    const environment = { ...documentOf([]).environment, kernel: '7.0' };
    const text = renderComparison(
      compare([uring(1, 1, 2, 3), node(1, 1, 2, 3)], [uring(1, 1, 2, 3)], { environment }),
      plain,
    );
    assert.match(text, /\ndiffers: kernel was 6\.18\.44 in A and is 7\.0 in B\n/);
    assert.match(text, /\nonly in A: randread: node, depth 1, reads\n$/);
  });
});

describe('comparisonToJson', () => {
  it('has every row with both values, ratio and verdict', () => {
    const json = JSON.parse(
      JSON.stringify(comparisonToJson(compare([uring(8, 95, 100, 105)], [uring(8, 190, 200, 210)]))),
    );
    assert.deepEqual(json.a, { path: 'a.json', version: '1.2.3', time: '2026-01-02T03:04:05.000Z' });
    const [row] = json.rows;
    assert.equal(row.ioengine, 'io_uring');
    assert.equal(row.iodepth, 8);
    assert.equal(row.bs, '4096');
    assert.deepEqual(row.iops, {
      a: 100,
      b: 200,
      ratio: 2,
      ratio_min: 190 / 105,
      ratio_max: 210 / 95,
      verdict: 'better',
    });
    assert.equal(row.cpu_us_per_op.verdict, 'same');
    assert.equal(json.controls_changed, false);
  });
});
