// The native engine: Linux AIO, as programs used it before io_uring. Transfers on O_DIRECT files and fsync go to
// io_submit; what would block there (buffered data, pipes, sockets, opens) goes to a pool, as in the threads engine
// (native/linux-aio.c). It is taken only when it is asked for.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { ERRNO } from '../abi/errno.js';
import { native } from '../abi/native.js';
import type { Engine, EngineOptions } from './engine.js';
import { completionEntries, openOnPool } from './engine-threads.js';

export function openNative(options: EngineOptions, onWake: () => void): Engine {
  return openOnPool('native', native().nativeOpen, options, onWake, (errno) =>
    refused(errno, completionEntries(options)),
  );
}

/** In the shape of RingRefusedError: what the system call said, and what to do about it. */
function refused(errno: number, reserved: number): Error {
  const hints: Record<number, () => [code: string, syscall: string, hint: string]> = {
    [ERRNO.EAGAIN]: () => ['EAGAIN', 'io_setup', reservationHint(reserved)],
    [ERRNO.ENOSYS]: () => [
      'ENOSYS',
      'io_setup',
      `not on kernel ${release()}: built without CONFIG_AIO, or hidden by a seccomp profile`,
    ],
    [ERRNO.EPERM]: () => ['EPERM', 'io_setup', 'blocked by a seccomp filter or a security module'],
    [ERRNO.ENOMEM]: () => ['ENOMEM', 'io_setup', `no memory for ${reserved} requests`],
    [ERRNO.EOPNOTSUPP]: () => [
      'EOPNOTSUPP',
      'io_setup',
      `kernel ${release()} lays out its event ring in an unknown way`,
    ],
    [ERRNO.EMFILE]: () => ['EMFILE', 'eventfd', 'too many open files (ulimit -n); it needs five descriptors'],
  };
  const [code, syscall, hint] = hints[-errno]?.() ?? unknown(errno);
  return Object.assign(new Error(`${code}: the engine 'native' is not available, ${syscall}: ${hint}`), {
    code,
    errno,
    syscall,
  });
}

function unknown(errno: number): [string, string, string] {
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'refused by the system'];
  return [code, 'io_setup', text];
}

/** aio-nr counts what io_setup has reserved, not requests in flight. */
function reservationHint(reserved: number): string {
  const [used, max] = [readNumber('aio-nr'), readNumber('aio-max-nr')];
  if (used === null || max === null) return 'too many requests are reserved in this system';
  return (
    `aio-nr ${used} + ${reserved} > aio-max-nr ${max} ` +
    '(raise it with sysctl -w fs.aio-max-nr=1048576, or ask for fewer entries)'
  );
}

function readNumber(name: string): number | null {
  try {
    return Number(readFileSync(`/proc/sys/fs/${name}`, 'utf8'));
  } catch {
    return null; // no /proc
  }
}
