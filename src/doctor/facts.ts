// Gathers what the machine says about itself: /proc, /sys, the environment. No judgement here; and nothing here
// throws, because every one of these files can be missing (no /proc, an older kernel, another system).
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Facts, Limits, Seccomp } from './report.js';

/** Where to look; tests give a made-up directory for `root` and a made-up environment. */
export interface Surroundings {
  root: string;
  env: NodeJS.ProcessEnv;
}

const REAL: Surroundings = { root: '/', env: process.env };

export type GatheredFacts = Omit<Facts, 'engines' | 'chosen'>;

export function gatherFacts({ root, env }: Surroundings = REAL): GatheredFacts {
  const read = (path: string): string | null => readText(join(root, path));
  const status = read('proc/self/status');
  return {
    kernel: release(),
    platform: process.platform,
    arch: process.arch,
    node: process.version,
    limits: gatherLimits(root, read, env),
    seccomp: seccompOf(status),
    container: guessContainer(read, env),
    uid: process.geteuid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
    capabilities: capabilitiesOf(status, read('proc/self/uid_map')),
    engineWanted: env['LINUX_AIO_ENGINE'] || null,
  };
}

function gatherLimits(root: string, read: (path: string) => string | null, env: NodeJS.ProcessEnv): Limits {
  const limits = read('proc/self/limits');
  const disabled = integerOf(read('proc/sys/kernel/io_uring_disabled'));
  const group = integerOf(read('proc/sys/kernel/io_uring_group'));
  const openFiles = resourceLimit(limits, 'Max open files');
  return {
    aioNr: integerOf(read('proc/sys/fs/aio-nr')) ?? -1,
    aioMaxNr: integerOf(read('proc/sys/fs/aio-max-nr')) ?? -1,
    ioUringDisabled: disabled,
    ioUringGroup: group,
    memlock: resourceLimit(limits, 'Max locked memory').soft,
    openFiles: openFiles.soft,
    openFilesHard: openFiles.hard,
    openFilesUsed: countEntries(join(root, 'proc/self/fd')),
    memoryCgroup: memoryCgroupLimit(read),
    uvThreads: uvThreads(env),
  };
}

/**
 * One line of /proc/self/limits. -1 where it is missing, Infinity for `unlimited`.
 *
 * ```
 * Limit                     Soft Limit           Hard Limit           Units
 * Max locked memory         8388608              unlimited            bytes
 * ```
 */
export function resourceLimit(limits: string | null, name: string): { soft: number; hard: number } {
  const line = limits?.split('\n').find((each) => each.startsWith(`${name} `));
  const [soft, hard] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  return { soft: limitOf(soft), hard: limitOf(hard) };
}

function limitOf(text: string | undefined): number {
  if (text === 'unlimited' || text === 'max') return Infinity;
  return integerOf(text ?? null) ?? -1;
}

export function seccompOf(status: string | null): Seccomp {
  const mode = statusField(status, 'Seccomp');
  return mode === '0' ? 'off' : mode === '1' ? 'strict' : mode === '2' ? 'filter' : 'unknown';
}

/**
 * The effective capabilities of this process, as a bit mask. Root inside a user namespace (rootless containers)
 * shows a full mask too, but the kernel asks for io_uring in the initial namespace, where it has none: 0n there.
 */
export function capabilitiesOf(status: string | null, uidMap: string | null): bigint | null {
  const mask = statusField(status, 'CapEff');
  if (mask === null || !/^[0-9a-f]+$/i.test(mask)) return null;
  // The initial namespace maps every id to itself: "0 0 4294967295".
  const initial = uidMap === null || /^\s*0\s+0\s+4294967295\s*$/.test(uidMap);
  return initial ? BigInt(`0x${mask}`) : 0n;
}

function statusField(status: string | null, name: string): string | null {
  return status?.match(new RegExp(`^${name}:\\s*(\\S+)`, 'm'))?.[1] ?? null;
}

/** The signs the usual container managers leave. The first that fits wins, the most special first. */
function guessContainer(read: (path: string) => string | null, env: NodeJS.ProcessEnv): string | null {
  const version = read('proc/version') ?? '';
  const managed = read('run/systemd/container')?.trim() || env['container'];
  if (/microsoft/i.test(version)) return 'wsl';
  if (env['KUBERNETES_SERVICE_HOST']) return 'kubernetes';
  if (read('run/.containerenv') !== null) return 'podman';
  if (read('.dockerenv') !== null) return 'docker';
  if (managed) return managed;
  const groups = read('proc/1/cgroup') ?? '';
  for (const [sign, name] of [
    ['kubepods', 'kubernetes'],
    ['docker', 'docker'],
    ['libpod', 'podman'],
    ['lxc', 'lxc'],
  ]) {
    if (groups.includes(sign)) return name;
  }
  return null;
}

/**
 * The memory limit of the control group this process is in, version 2 or 1: -1 unknown, Infinity none. Inside a
 * container the path in /proc/self/cgroup may be the host's, so the top of the mounted tree is tried as well.
 */
function memoryCgroupLimit(read: (path: string) => string | null): number {
  for (const line of (read('proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    const files =
      controllers === ''
        ? [`sys/fs/cgroup${path}/memory.max`, 'sys/fs/cgroup/memory.max']
        : controllers.split(',').includes('memory')
          ? [
              `sys/fs/cgroup/memory${path}/memory.limit_in_bytes`,
              'sys/fs/cgroup/memory/memory.limit_in_bytes',
            ]
          : [];
    for (const file of files) {
      const limit = limitOf(read(file)?.trim());
      // Version 1 says "none" with the largest page-aligned long, 0x7ffffffffffff000.
      if (limit >= 0) return limit > Number.MAX_SAFE_INTEGER ? Infinity : limit;
    }
  }
  return -1;
}

/** libuv: 4, or UV_THREADPOOL_SIZE from 1 to 1024 (https://docs.libuv.org/en/v1.x/threadpool.html). */
function uvThreads(env: NodeJS.ProcessEnv): number {
  const wanted = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '4', 10);
  return Math.min(1024, Math.max(1, Number.isNaN(wanted) ? 1 : wanted));
}

function integerOf(text: string | null): number | null {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : null;
}

function countEntries(directory: string): number {
  try {
    // One less: the descriptor that reads the directory is in it.
    return readdirSync(directory).length - 1;
  } catch {
    return -1; // no /proc, or none for us
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // absent or not readable: unknown, which every caller has a value for
  }
}
