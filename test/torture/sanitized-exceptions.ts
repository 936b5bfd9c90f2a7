// What the suite cannot do under a sanitizer, and why. Whatever is not here must pass there as it does elsewhere.
import { ADDRESS, THREADS } from '../support/sanitizers.js';

const HAS_ITS_OWN = 'is about programs that it compiles with sanitizers itself';

/** Files that are not run. */
export const APART: Readonly<Record<string, string>> = {
  'native/pool-sanitizers.test.js': HAS_ITS_OWN,
  'safety/sanitizer.test.js': HAS_ITS_OWN,
  'torture/sanitized.test.js': HAS_ITS_OWN,
};

const SHADOW =
  'compares its address space, which grows by the shadow of what it maps, and does not shrink again';

/** Tests that may fail, by sanitizer and file. They run all the same: what a sanitizer reports of them counts. */
export const CANNOT_PASS: Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>
> = {
  [ADDRESS.name]: {},
  [THREADS.name]: {
    'torture/environments.test.js': {
      'without /proc everything works': 'the sanitizer says on stderr that it misses /proc',
    },
    'safety/closed-queues.test.js': {
      'gives its addresses back when it is collected, and not before': SHADOW,
      'ten thousand rings, one after the other, leave nothing behind': SHADOW,
      'a thread that has closed rings and ends leaves nothing behind': SHADOW,
    },
  },
};
