// What to say about a machine: one table of rules, each a condition and a text. Pure: facts in, advice out.
//
// How the texts are written: the cause first, then what changes it. A rule names one cause only where the facts
// leave no other; MariaDB's and PostgreSQL's hints blamed kernel.io_uring_disabled for every EPERM and sent users
// of containers the wrong way (https://github.com/cloudnative-pg/cloudnative-pg/issues/9948). No text suggests to
// run a container unconfined or privileged: that gives away far more than io_uring.

import { ENGINE_NAMES } from '../ring/engine.js';
import { IO_URING_RULES } from './advice-io_uring.js';
import {
  ADDON_CODE,
  aioSlotsShort,
  DEFAULT_RING_BYTES,
  ENGINE_CHOICES,
  EXPLAINED_CODES,
  instead,
  MEMLOCK_COMFORTABLE_BYTES,
  memlockCounts,
  OPEN_FILES_SPARE_MIN,
  onLinux,
  raiseOpenFiles,
  refused,
  someWorks,
  uring,
  works,
} from './conditions.js';
import type { Advice, Facts } from './report.js';
import type { Rule } from './rule.js';

/** Every rule, in the order in which advice is printed. */
export const RULES: readonly Rule[] = [
  {
    id: 'platform',
    level: 'error',
    when: (f) => !onLinux(f),
    text: (f) => `linux-aio needs Linux; this is ${f.platform}. It installs here, but no ring can be opened.`,
  },
  {
    id: 'addon',
    level: 'error',
    when: (f) => onLinux(f) && refused(f, ADDON_CODE),
    // The error says which file is missing and how to build it.
    text: (f) => uring(f).reason ?? 'The compiled addon could not be loaded.',
  },

  ...IO_URING_RULES,

  {
    id: 'memlock-small',
    level: 'info',
    when: (f) => uring(f).available && memlockCounts(f) && f.limits.memlock < MEMLOCK_COMFORTABLE_BYTES,
    text: (f) =>
      `The locked-memory limit of ${f.limits.memlock} bytes holds ${Math.floor(f.limits.memlock / DEFAULT_RING_BYTES)} ` +
      'rings of the default size, on kernels that count rings (before 5.12, and 6.18 again); all processes of this ' +
      'user share it. Rings that do not fit are made smaller. To raise it:',
    command: () => 'ulimit -l 8192',
  },

  // Descriptors
  {
    id: 'emfile',
    level: 'warn',
    when: (f) => ENGINE_NAMES.some((name) => f.engines[name].code === 'EMFILE'),
    text: (f) =>
      `EMFILE: open-file limit ${f.limits.openFiles} reached (${f.limits.openFilesUsed} are open).`,
    command: (f) => raiseOpenFiles(f),
  },
  {
    id: 'enfile',
    level: 'warn',
    when: (f) => ENGINE_NAMES.some((name) => f.engines[name].code === 'ENFILE'),
    text: () =>
      'ENFILE: the whole system has as many files open as fs.file-max allows. To raise it, on the host:',
    command: () => 'sysctl -w fs.file-max=1000000',
  },
  {
    id: 'open-files-few',
    level: 'warn',
    when: (f) =>
      f.limits.openFiles >= 0 &&
      f.limits.openFilesUsed >= 0 &&
      f.limits.openFiles - f.limits.openFilesUsed < OPEN_FILES_SPARE_MIN &&
      !ENGINE_NAMES.some((name) => f.engines[name].code === 'EMFILE'),
    text: (f) =>
      `${f.limits.openFilesUsed} of ${f.limits.openFiles} allowed descriptors are open; each ring takes a few.`,
    command: (f) => raiseOpenFiles(f),
  },

  // The other engines
  {
    id: 'aio-max-nr',
    level: 'warn',
    when: (f) => f.engines.native.code === 'EAGAIN' && f.limits.aioNr >= 0 && aioSlotsShort(f),
    text: (f) =>
      `Linux AIO: no free event slots (${f.limits.aioNr} of fs.aio-max-nr ${f.limits.aioMaxNr} are reserved, ` +
      'system-wide). The io_uring and threads engines do not count against it. To raise it, on the host:',
    command: () => 'sysctl -w fs.aio-max-nr=1048576',
  },
  {
    id: 'aio-nr-high',
    level: 'info',
    when: (f) => f.engines.native.code !== 'EAGAIN' && f.limits.aioNr >= 0 && aioSlotsShort(f),
    text: (f) =>
      `aio-nr ${f.limits.aioNr} of aio-max-nr ${f.limits.aioMaxNr} events are reserved system-wide by io_setup() ` +
      '(reservations, not requests in flight). Only the native engine needs any. To raise it, on the host:',
    command: () => 'sysctl -w fs.aio-max-nr=1048576',
  },
  {
    id: 'native-refused',
    level: 'info',
    when: (f) => f.engines.native.code === 'ENOSYS' || f.engines.native.code === 'EPERM',
    text: (f) =>
      `Linux AIO: ${f.engines.native.code} on kernel ${f.kernel}: a kernel built without CONFIG_AIO, or a seccomp ` +
      'profile without io_setup. Only the native engine needs it.',
  },
  {
    id: 'threads-refused',
    level: 'warn',
    when: (f) => f.engines.threads.code === 'EAGAIN',
    text: () =>
      'threads: no more threads could be started: the pids limit of the control group, or RLIMIT_NPROC ' +
      '(ulimit -u). To see both:',
    command: () => 'cat /sys/fs/cgroup/pids.max; ulimit -u',
  },

  // LINUX_AIO_ENGINE
  {
    id: 'engine-unknown',
    level: 'error',
    when: (f) => f.engineWanted !== null && !ENGINE_CHOICES.includes(f.engineWanted),
    text: (f) => `LINUX_AIO_ENGINE is '${f.engineWanted}', which is none of ${ENGINE_CHOICES.join(', ')}.`,
    command: () => 'unset LINUX_AIO_ENGINE',
  },
  {
    id: 'engine-forced-in-vain',
    level: 'error',
    when: (f) => f.engineWanted === f.chosen && !works(f),
    text: (f) => `LINUX_AIO_ENGINE=${f.engineWanted} names an engine that does not work here.`,
    command: () => 'unset LINUX_AIO_ENGINE',
  },
  {
    id: 'engine-forced',
    level: 'info',
    when: (f) => f.engineWanted === f.chosen && works(f),
    text: (f) => `LINUX_AIO_ENGINE=${f.engineWanted} takes the place of the automatic choice.`,
    command: () => 'unset LINUX_AIO_ENGINE',
  },

  // The last word: an error nobody foresaw is said as it is, and never left out.
  {
    id: 'io-uring-unforeseen',
    level: 'warn',
    when: (f) => onLinux(f) && !uring(f).available && !EXPLAINED_CODES.has(uring(f).code ?? ''),
    text: (f) => `io_uring: ${uring(f).reason ?? 'not available, for an unknown reason'}.${instead(f)}`,
  },
  {
    id: 'nothing-works',
    level: 'error',
    when: (f) => onLinux(f) && !someWorks(f),
    text: () => 'No engine works here: no ring can be opened. node:fs still does.',
  },
];

/** Every piece of advice that applies, in the order of the table. */
export function advise(facts: Facts): Advice[] {
  return RULES.filter((rule) => rule.when(facts)).map((rule) => {
    const command = rule.command?.(facts);
    return { level: rule.level, text: rule.text(facts), ...(command === undefined ? {} : { command }) };
  });
}
