// Where one of Node's own tests ends differently under `linux-aio/register`, and why that is right. docs/drop-in-tests.md
// has the same list in prose; a test here that no longer differs is reported, so that the list cannot outlive its reasons.

export interface ExpectedDifference {
  /** file name in test/parallel or test/sequential */
  test: string;
  /** major versions of Node whose test differs */
  majors: readonly number[];
  reason: string;
}

export const EXPECTED: readonly ExpectedDifference[] = [
  {
    test: 'test-fs-promises-readfile.js',
    majors: [20, 22, 24],
    reason:
      "it replaces fstat in Node's internal C++ binding (--expose-internals) and expects readFile to go through it; " +
      'the ring does not',
  },
  {
    test: 'test-permission-fs-internal-module-stat.js',
    majors: [22, 24, 26],
    reason:
      'it runs Node with --permission and no leave to read any file: then no --import can be read either, be it ' +
      'ours or an empty one',
  },
];
