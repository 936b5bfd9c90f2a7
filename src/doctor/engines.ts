// Finds out which engines work, in the only way that is reliable: by opening a ring on each. Kernel versions say
// nothing in a container, where a filter decides; so no version is looked at.
import { ENGINE_NAMES, type EngineName, fallbackIsExplained } from '../ring/engine.js';
import { Ring } from '../ring/ring.js';
import type { DoctorReport, EngineReport } from './report.js';

/** As small as a ring can usefully be: what fails with this would fail with any size. */
const ENTRIES = 8;

/** What of Ring is needed here; tests give a stand-in that refuses. */
export interface RingLike {
  readonly engine: string;
  readonly operations: readonly string[];
  close(): Promise<void>;
}

export type OpenRing = (options: { engine: EngineName | 'auto'; entries: number }) => RingLike;

const openReal: OpenRing = (options) => {
  if (options.engine === 'auto') fallbackIsExplained(); // the report has the reason
  return Ring.open(options);
};

/** Tries every engine, then 'auto'; `wanted` is LINUX_AIO_ENGINE, which 'auto' follows. Never throws. */
export async function tryEngines(
  wanted: string | null,
  open: OpenRing = openReal,
): Promise<Pick<DoctorReport, 'engines' | 'chosen'>> {
  const engines = {} as Record<EngineName, EngineReport>;
  for (const name of ENGINE_NAMES) engines[name] = await tryEngine(name, open);
  return { engines, chosen: await automaticChoice(engines, wanted, open) };
}

async function tryEngine(engine: EngineName, open: OpenRing): Promise<EngineReport> {
  try {
    const ring = open({ engine, entries: ENTRIES });
    const operations = [...ring.operations];
    await ring.close();
    return { available: true, operations };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { available: false, reason: message, ...(code === undefined ? {} : { code }), operations: [] };
  }
}

async function automaticChoice(
  engines: Readonly<Record<EngineName, EngineReport>>,
  wanted: string | null,
  open: OpenRing,
): Promise<EngineName> {
  try {
    const ring = open({ engine: 'auto', entries: ENTRIES });
    const engine = ring.engine as EngineName;
    await ring.close();
    return engine;
  } catch {
    // 'auto' fails only where nothing works, or where LINUX_AIO_ENGINE names what does not: `engines` has why.
    const forced = ENGINE_NAMES.find((name) => name === wanted);
    if (forced !== undefined) return forced;
    return ENGINE_NAMES.find((name) => engines[name].available) ?? ENGINE_NAMES[0];
  }
}
