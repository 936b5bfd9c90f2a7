// A C program that knows the kernel's header, made of checks `name, what we say, what the header says`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../support/temp.js';

export interface Check {
  name: string;
  ours: number | string;
  /** a C expression over the header */
  theirs: string;
}

/** The first kernel whose header has it. What is not listed is older than Linux 5.11, the oldest one supported. */
const SINCE: Readonly<Record<string, [number, number]>> = {
  IORING_OP_MKDIRAT: [5, 15],
  IORING_OP_SYMLINKAT: [5, 15],
  IORING_OP_LINKAT: [5, 15],
  IORING_REGISTER_IOWQ_MAX_WORKERS: [5, 15],
  IORING_SETUP_SUBMIT_ALL: [5, 18],
  IORING_REGISTER_RING_FDS: [5, 18],
  IORING_UNREGISTER_RING_FDS: [5, 18],
  IORING_ENTER_REGISTERED_RING: [5, 18],
  IORING_SETUP_COOP_TASKRUN: [5, 19],
  IORING_SETUP_TASKRUN_FLAG: [5, 19],
  IORING_SQ_TASKRUN: [5, 19],
  IORING_ASYNC_CANCEL_ALL: [5, 19],
  IORING_ASYNC_CANCEL_ANY: [5, 19],
  IORING_SETUP_SINGLE_ISSUER: [6, 0],
  IORING_REGISTER_SYNC_CANCEL: [6, 0],
  'struct io_uring_sync_cancel_reg': [6, 0],
  IORING_SETUP_DEFER_TASKRUN: [6, 1],
  IORING_SETUP_NO_SQARRAY: [6, 6],
  IORING_OP_FTRUNCATE: [6, 9],
  F_DUPFD_QUERY: [6, 10],
};

const HEADER = '/usr/include/linux/io_uring.h';
const VERSION = '/usr/include/linux/version.h';

/** Why the header cannot be asked, or false. */
export function headerMissing(): string | false {
  if (!existsSync(HEADER)) return `no ${HEADER} (install linux-libc-dev)`;
  if (!existsSync(VERSION)) return `no ${VERSION}`;
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'no C compiler';
  }
}

export function headerVersion(): [number, number] {
  const code = Number(/LINUX_VERSION_CODE (\d+)/.exec(readFileSync(VERSION, 'utf8'))?.[1]);
  return [code >> 16, (code >> 8) & 0xff];
}

/**
 * Compiles and runs the checks; says which of them the header is too old for.
 *
 * @param prologue C text before `main`
 * @returns one line per difference
 */
export function differences(
  t: TestContext,
  checks: readonly Check[],
  prologue = '',
  flags: string[] = [],
): string[] {
  const [major, minor] = headerVersion();
  const tooNew = checks.filter((check) => {
    const since = Object.entries(SINCE).find(([name]) => check.theirs.split(/[^\w ]/).includes(name))?.[1];
    return since !== undefined && (since[0] > major || (since[0] === major && since[1] > minor));
  });
  if (tooNew.length > 0) {
    t.diagnostic(
      `not checked, newer than the header of Linux ${major}.${minor}: ${tooNew.map((c) => c.name).join(', ')}`,
    );
  }
  const checked = checks.filter((check) => !tooNew.includes(check));
  const source = `#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/kcmp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
${prologue}
int main(void) {
  long long ours, theirs;
${checked
  .map(
    ({ name, ours, theirs }) =>
      `  ours = (long long)(${ours}); theirs = (long long)(${theirs});\n` +
      `  if (ours != theirs) printf("${name}: %lld, the header says %lld\\n", ours, theirs);`,
  )
  .join('\n')}
  printf("%d checked\\n", ${checked.length});
  return 0;
}
`;
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, 'abi.c'), source);
  execFileSync('cc', [join(dir, 'abi.c'), '-w', '-o', join(dir, 'abi'), ...flags], { stdio: 'pipe' });
  const lines = execFileSync(join(dir, 'abi'), { encoding: 'utf8' }).trimEnd().split('\n');
  if (lines.pop() !== `${checked.length} checked`) throw new Error('the program of checks did not finish');
  return lines;
}
