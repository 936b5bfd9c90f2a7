// The engines that there are here, and the one that this run is about (`npm test -- --engine threads`).
import { type EngineName, Ring } from 'linux-aio';

export const ENGINES: readonly EngineName[] = ['io_uring', 'native', 'threads'];

/** Why an engine cannot be had here, as the reason to skip a test; false where it can. */
export function refusal(engine: EngineName): string | false {
  try {
    Ring.open({ engine, entries: 8 })[Symbol.dispose]();
    return false;
  } catch (error) {
    return `no ${engine} here: ${(error as Error).message}`;
  }
}

export const availableEngines = (): EngineName[] => ENGINES.filter((engine) => refusal(engine) === false);

/** What a ring opened without options runs on: LINUX_AIO_ENGINE, or what works here. */
export function engineUnderTest(): EngineName {
  const ring = Ring.open({ entries: 8 });
  ring[Symbol.dispose]();
  return ring.engine;
}

/** The reason to skip a test that is about one engine, in a run on another; false on that engine. */
export function onlyOn(engine: EngineName): string | false {
  const current = engineUnderTest();
  return current === engine ? false : `about ${engine}; this run is on ${current}`;
}
