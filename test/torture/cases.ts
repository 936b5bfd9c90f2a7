// How often each fault was tried through each door, and how often that failed: counted in a run, written to its log and
// summed up in docs/torture-totals.json.

export interface Count {
  tried: number;
  failed: number;
}

/** By the fault's name, then by the door's. */
export type Cases = Record<string, Record<string, Count>>;

function countOf(cases: Cases, fault: string, door: string): Count {
  cases[fault] ??= {};
  cases[fault][door] ??= { tried: 0, failed: 0 };
  return cases[fault][door];
}

/** One more; the count, in which a failure is entered when there is one. */
export function countCase(cases: Cases, fault: string, door: string): Count {
  const count = countOf(cases, fault, door);
  count.tried++;
  return count;
}

export function addCases(totals: Cases, more: Cases): void {
  for (const [fault, doors] of Object.entries(more)) {
    for (const [door, { tried, failed }] of Object.entries(doors)) {
      const count = countOf(totals, fault, door);
      count.tried += tried;
      count.failed += failed;
    }
  }
}
