// A machine on which all is well, for tests that change one thing about it.
import type { EngineReport, Facts, Limits } from '#dist/doctor/report.js';

export interface Changes {
  io_uring?: EngineReport;
  native?: EngineReport;
  threads?: EngineReport;
  limits?: Partial<Limits>;
  facts?: Partial<Omit<Facts, 'engines' | 'limits'>>;
}

export const WORKS: EngineReport = { available: true, operations: ['nop', 'read'] };

export function refusedWith(code: string, reason = `${code}: refused`): EngineReport {
  return { available: false, code, reason, operations: [] };
}

/** io_uring and threads work; no limit is near; nothing filters; an unprivileged user. */
export function factsWith({ io_uring = WORKS, native, threads = WORKS, limits, facts }: Changes = {}): Facts {
  return {
    kernel: '6.8.0-45-generic',
    platform: 'linux',
    arch: 'x64',
    node: 'v22.0.0',
    engines: { io_uring, native: native ?? { available: true, operations: [] }, threads },
    chosen: io_uring.available ? 'io_uring' : 'threads',
    limits: {
      aioNr: 0,
      aioMaxNr: 65536,
      ioUringDisabled: 0,
      ioUringGroup: -1,
      memlock: 8 * 1024 * 1024,
      openFiles: 20000,
      openFilesHard: 20000,
      openFilesUsed: 20,
      memoryCgroup: Infinity,
      uvThreads: 4,
      ...limits,
    },
    seccomp: 'off',
    container: null,
    uid: 1000,
    groups: [1000],
    capabilities: 0n,
    engineWanted: null,
    ...facts,
  };
}
