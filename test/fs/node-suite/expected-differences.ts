// Where one of Node's own tests ends differently under `linux-aio/register`, and why that is right. docs/drop-in-tests.md
// has the same list in prose; a test here that no longer differs is reported, so that the list cannot outlive its reasons.

export interface ExpectedDifference {
  /** file name in test/parallel or test/sequential */
  test: string;
  /** major versions of Node whose test differs */
  majors: readonly number[];
  reason: string;
}

export const EXPECTED: readonly ExpectedDifference[] = [];
