// The questions that the advice rules ask of the facts, each with the reason why it is the right question.

import { ENGINE_NAMES } from '../ring/engine.js';
import type { EngineReport, Facts } from './report.js';

/** Bits of the capability mask (include/uapi/linux/capability.h). */
const CAP_IPC_LOCK = 14n;
const CAP_SYS_ADMIN = 21n;

/** The first kernel with io_uring at all, and the first with all that src/ring/engine-io_uring.ts needs of it. */
export const IO_URING_SINCE = [5, 1] as const;
export const ENGINE_SINCE = [5, 11] as const;

/**
 * A ring of the default size, 128 submissions and 512 completions, takes 20 KiB of locked memory on kernels that
 * count it: 12 KiB for the queues' indices and completions, 8 KiB for the entries.
 */
export const DEFAULT_RING_BYTES = 20 * 1024;

/** Below this a handful of rings, one per worker thread, no longer fits. Many systems come with 64 KiB. */
export const MEMLOCK_COMFORTABLE_BYTES = 1024 * 1024;

/** Every ring, file and watched directory takes a descriptor; a server wants more than the old 1024. */
export const OPEN_FILES_SPARE_MIN = 128;

export const uring = (facts: Facts): EngineReport => facts.engines.io_uring;
export const refused = (facts: Facts, code: string): boolean =>
  !uring(facts).available && uring(facts).code === code;
export const onLinux = (facts: Facts): boolean => facts.platform === 'linux';
export const works = (facts: Facts): boolean => facts.engines[facts.chosen].available;
export const someWorks = (facts: Facts): boolean =>
  ENGINE_NAMES.some((name) => facts.engines[name].available);

/** "Using the threads engine." where another engine steps in; nothing where none does. */
export const instead = (facts: Facts): string =>
  works(facts) && facts.chosen !== 'io_uring' ? ` Using the ${facts.chosen} engine.` : '';

const has = (facts: Facts, capability: bigint): boolean =>
  facts.capabilities !== null && (facts.capabilities & (1n << capability)) !== 0n;

/** kernel.io_uring_disabled is a complete explanation for EPERM only in these two cases (io_uring_allowed()). */
export const disabledForAll = (facts: Facts): boolean => facts.limits.ioUringDisabled === 2;
export const disabledForUs = (facts: Facts): boolean =>
  facts.limits.ioUringDisabled === 1 && !has(facts, CAP_SYS_ADMIN) && !inAllowedGroup(facts);

function inAllowedGroup({ limits, groups }: Facts): boolean {
  return limits.ioUringGroup !== null && limits.ioUringGroup >= 0 && groups.includes(limits.ioUringGroup);
}

/** memlock does not count for whoever has CAP_IPC_LOCK. */
export const memlockCounts = (facts: Facts): boolean =>
  facts.limits.memlock >= 0 && facts.limits.memlock !== Infinity && !has(facts, CAP_IPC_LOCK);

export const alsoFiltered = (facts: Facts): string =>
  facts.seccomp === 'filter' ? ' A seccomp filter is active too and may refuse it as well.' : '';

export function kernelBefore(release: string, [major, minor]: readonly [number, number]): boolean {
  const [, a, b] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (a === undefined) return false; // not a Linux release: no claim
  return Number(a) < major || (Number(a) === major && Number(b) < minor);
}

/** The code of the error that says that this package itself cannot run here (src/abi/native.ts). */
export const ADDON_CODE = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';

/** Codes of io_uring's refusal that some rule above explains. */
export const EXPLAINED_CODES: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOSYS',
  'ENOMEM',
  'EMFILE',
  'ENFILE',
  'EINVAL',
  ADDON_CODE,
]);

export const ENGINE_CHOICES: readonly string[] = ['auto', ...ENGINE_NAMES];

export function isKubernetes(facts: Facts): boolean {
  return facts.container === 'kubernetes';
}

/** Less than a tenth of the event slots is left. Kernels that counted twice can even show aio-nr above the limit. */
export function aioSlotsShort({ limits }: Facts): boolean {
  return limits.aioMaxNr >= 0 && limits.aioNr >= limits.aioMaxNr * 0.9;
}

export function raiseOpenFiles({ limits }: Facts): string | undefined {
  const { openFiles, openFilesHard } = limits;
  return openFilesHard > openFiles && openFilesHard !== Infinity
    ? `ulimit -n ${openFilesHard}`
    : 'ulimit -n 65536';
}
