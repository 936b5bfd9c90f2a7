// What doctor() answers with, and the facts it is made from. Types only, so that the rules that give advice can
// be read, and tested, without a machine to look at.

import type { EngineName } from '../ring/engine.js';

/** What trying to open a ring on an engine gave. */
export interface EngineReport {
  available: boolean;
  /** Why it is not available, in words. */
  reason?: string;
  /** The error's code: EPERM, ENOSYS, ENOMEM, …; absent where the engine works. */
  code?: string;
  /** The operations this engine has on this kernel, by the names of Ring's methods. */
  operations: string[];
}

export interface Advice {
  /** `info`: good to know. `warn`: something works less well than it could. `error`: nothing works. */
  level: 'info' | 'warn' | 'error';
  /** One line, the cause first. */
  text: string;
  /** A command that changes it. It may have to be run on the host, or by root: the text says so. */
  command?: string;
}

/** Numbers that could not be found out are -1, and limits that do not limit are Infinity. */
export interface Limits {
  /**
   * Events reserved by io_setup() in the whole system: reservations, not requests in flight
   * (/proc/sys/fs/aio-nr, man proc_sys_fs(5)). io_uring and thread pools add nothing to it.
   */
  aioNr: number;
  /** The most aioNr may become (/proc/sys/fs/aio-max-nr). For the whole machine, containers included. */
  aioMaxNr: number;
  /**
   * kernel.io_uring_disabled: 0 anyone may use io_uring, 1 only CAP_SYS_ADMIN and ioUringGroup, 2 nobody.
   * null before Linux 6.6, which has no such switch.
   */
  ioUringDisabled: number | null;
  /** The group that may use io_uring where ioUringDisabled is 1; -1 is no group. */
  ioUringGroup: number | null;
  /** RLIMIT_MEMLOCK, the soft limit, in bytes. */
  memlock: number;
  /** RLIMIT_NOFILE, the soft limit: descriptors this process may have. */
  openFiles: number;
  /** RLIMIT_NOFILE, the hard limit: how far the process may raise its soft limit. */
  openFilesHard: number;
  /** Descriptors this process has open now. */
  openFilesUsed: number;
  /** What the memory control group of this process may use, in bytes. */
  memoryCgroup: number;
  /** Threads in libuv's pool, which node:fs, dns, zlib and crypto share (UV_THREADPOOL_SIZE). */
  uvThreads: number;
}

export type Seccomp = 'off' | 'strict' | 'filter' | 'unknown';

export interface DoctorReport {
  /** As `uname -r` says it. */
  kernel: string;
  platform: string;
  arch: string;
  /** process.version */
  node: string;
  engines: Record<EngineName, EngineReport>;
  /**
   * The engine that 'auto' takes here. When none works (or LINUX_AIO_ENGINE names one that does not) it is the one
   * that 'auto' would have liked, and `engines[chosen].available` is false.
   */
  chosen: EngineName;
  limits: Limits;
  /** Whether system calls of this process are filtered, as containers do it (/proc/self/status). */
  seccomp: Seccomp;
  /** 'docker', 'podman', 'kubernetes', … where there are signs of one; a guess, not a finding. null: no sign. */
  container: string | null;
  advice: Advice[];
}

/** All that the advice rules may look at. */
export interface Facts extends Omit<DoctorReport, 'advice'> {
  /** Effective user id; -1 where there is none. */
  uid: number;
  groups: readonly number[];
  /** Effective capabilities, or null where unknown. Only those that count in the initial user namespace. */
  capabilities: bigint | null;
  /** LINUX_AIO_ENGINE, which overrides 'auto'; null when unset or empty. */
  engineWanted: string | null;
}
