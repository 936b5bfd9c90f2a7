// The constants of <aio.h>, <signal.h>, <fcntl.h>, <errno.h> and <unistd.h> that programs of <aio.h> use, with Linux's
// values (glibc and musl agree; x86-64 and arm64 too).
import { constants } from 'node:fs';
import { native } from '../abi/native.js';

/** `aio_cancel`: all requests asked for have been cancelled. */
export const AIO_CANCELED = 0;
/** `aio_cancel`: at least one is in progress and stays so. */
export const AIO_NOTCANCELED = 1;
/** `aio_cancel`: all were complete already. */
export const AIO_ALLDONE = 2;

/** Operations of `lio_listio`; the vectored ones are FreeBSD's. */
export const LIO_READ = 0;
export const LIO_WRITE = 1;
export const LIO_NOP = 2;
export const LIO_READV = 4;
export const LIO_WRITEV = 5;

/** Modes of `lio_listio`. */
export const LIO_WAIT = 0;
export const LIO_NOWAIT = 1;

/** Values of `sigev_notify`. A zeroed sigevent is SIGEV_SIGNAL with signal 0: no notification. */
export const SIGEV_SIGNAL = 0;
export const SIGEV_NONE = 1;
export const SIGEV_THREAD = 2;

/** `si_code` of a signal that reports the completion of asynchronous I/O. */
export const SI_ASYNCIO = -4;

export const SIGUSR1 = 10;
export const SIGUSR2 = 12;
export const SIGIO = 29;
/** The first signal that is queued one by one; the C library keeps those below for itself (glibc 34, musl 35). */
export const SIGRTMIN = firstRealTimeSignal();
export const SIGRTMAX = 64;

function firstRealTimeSignal(): number {
  try {
    return native().firstRealTimeSignal();
  } catch {
    return 34; // no addon here: the first call that needs it says so, importing this does not
  }
}

/** Operations of `aio_fsync`; O_SYNC contains O_DSYNC's bit, so they are compared as a whole. */
export const O_SYNC = constants.O_SYNC;
export const O_DSYNC = constants.O_DSYNC;

/** Names for `sysconf` (bits/confname.h of glibc). */
export const _SC_AIO_LISTIO_MAX = 23;
export const _SC_AIO_MAX = 24;
export const _SC_AIO_PRIO_DELTA_MAX = 25;

export const EINTR = 4;
export const EIO = 5;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EISDIR = 21;
export const EINVAL = 22;
export const EMFILE = 24;
export const EFBIG = 27;
export const ENOSPC = 28;
export const ESPIPE = 29;
export const EPIPE = 32;
export const ENOSYS = 38;
export const EOVERFLOW = 75;
export const EOPNOTSUPP = 95;
export const ECONNRESET = 104;
export const EINPROGRESS = 115;
export const ECANCELED = 125;
