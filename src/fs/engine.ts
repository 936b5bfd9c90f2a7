// The ring behind the drop-in, or the reason why there is none: then everything is Node's own, and stderr says so once.
import process, { env } from 'node:process';
import { defaultRing } from '../ring/default.js';
import type { Ring } from '../ring/ring.js';

let unusable = false;

/**
 * The thread's ring, opened on first use; null where Node's own functions have to do the work: no addon for this
 * system, no engine that works, or Node's permission model, which a ring does not see.
 */
export function ringOrNull(): Ring | null {
  if (unusable) return null;
  try {
    // A ring would bypass Node's permission model. Whoever turned that on knows that addons are limited by it.
    if ((process as { permission?: unknown }).permission === undefined) return defaultRing();
    unusable = true;
  } catch (error) {
    giveUp((error as Error).message);
  }
  return null;
}

const EXPLAINED = Symbol.for('linux-aio.fs.explained');

/** One line on stderr, once per thread. */
function giveUp(reason: string): void {
  unusable = true;
  const told = process as { [EXPLAINED]?: boolean };
  if (told[EXPLAINED] || env['NODE_NO_WARNINGS'] === '1') return;
  told[EXPLAINED] = true;
  process.stderr.write(
    `linux-aio: ${reason.replace(/\.? Use node:fs here\.$/, '')}. Files are read and written by node:fs; LINUX_AIO=0 silences this line.\n`,
  );
}
