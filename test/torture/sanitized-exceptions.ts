// What the suite cannot do under a sanitizer, and why. Whatever is not here must pass there as it does elsewhere.
import { type Sanitizer, THREADS } from '../support/sanitizers.js';

const HAS_ITS_OWN = 'is about programs that it compiles with sanitizers itself';
const CHROMIUM = 'looks at pages in Chromium, which does not start with the library, and loads no addon';

/** Files that are not run. */
export const APART: Readonly<Record<string, string>> = {
  'browser/bench-page.test.js': CHROMIUM,
  'browser/models-page.test.js': CHROMIUM,
  'browser/skeleton.test.js': CHROMIUM,
  'native/pool-sanitizers.test.js': HAS_ITS_OWN,
  'safety/sanitizer.test.js': HAS_ITS_OWN,
  'torture/sanitized.test.js': HAS_ITS_OWN,
};

export interface Exception {
  readonly file: string;
  /** what its name begins with */
  readonly test: string;
  readonly why: string;
  /** under this sanitizer alone */
  readonly under?: Sanitizer;
}

const CLOSED_QUEUES = {
  file: 'safety/closed-queues.test.js',
  why: 'compares its address space, which grows by the shadow of what it maps, and does not shrink again',
  under: THREADS,
};

/** Tests that may fail. They run all the same: what a sanitizer reports of them counts. */
export const CANNOT_PASS: readonly Exception[] = [
  {
    file: 'torture/environments.test.js',
    test: 'without /proc everything works',
    why: 'a sanitizer has its options from /proc, and says on stderr what else it misses there',
  },
  {
    file: 'models/system-calls.test.js',
    test: 'aio-signal',
    why: 'counts system calls, and ThreadSanitizer makes some of its own for each signal',
    under: THREADS,
  },
  { ...CLOSED_QUEUES, test: 'gives its addresses back when it is collected, and not before' },
  { ...CLOSED_QUEUES, test: 'ten thousand rings, one after the other, leave nothing behind' },
  { ...CLOSED_QUEUES, test: 'a thread that has closed rings and ends leaves nothing behind' },
];

/** Whether a test may fail. */
export function mayFail(file: string, test: string, sanitizer: Sanitizer): boolean {
  return CANNOT_PASS.some(
    (e) => e.file === file && test.startsWith(e.test) && (e.under === undefined || e.under === sanitizer),
  );
}
