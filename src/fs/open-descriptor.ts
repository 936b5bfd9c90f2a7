// open(2) for the functions of node:fs: inside the call where all it needs is in memory, else on the ring.
//
// Opening a named pipe waits for somebody to open the other end, for ever perhaps. That must not cost a thread, of
// libuv's pool or of ours, so every open here is one with O_NONBLOCK: a pipe is then open for reading at once, and
// ENXIO is the answer when it is to be written and has no reader. The waiting is done by looking again.
// (io_uring's first attempt at any open is with O_NONBLOCK in any case: io_openat2 in io_uring/openclose.c, Linux 6.18.)
import { constants, statSync } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import { clearTimeout, setTimeout } from '../abi/timers.js';
import { O_CLOEXEC } from '../file/open-arguments.js';
import type { Path } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';
import { mayAnswerNow, openCached } from './inline.js';

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_TRUNC, S_IFIFO, S_IFMT } = constants;
const O_ACCMODE = 3;
/** asm-generic/fcntl.h: a temporary file without a name. */
const O_TMPFILE = 0o20000000;
/** What creates or truncates is never done inside the call. */
const CHANGES = O_CREAT | O_TRUNC | O_TMPFILE;
const POLLIN = 1;
/** Between two looks at a pipe that waits for its other end, in ms, growing from 1. */
const LOOK_AGAIN_MS_MAX = 25;

/** Opens a file: its descriptor, or -errno to `done`, perhaps inside the call. O_CLOEXEC is added. */
export function openDescriptor(ring: Ring, path: Path, flags: number, mode: number, done: Done): void {
  if ((flags & CHANGES) === 0 && mayAnswerNow(ring)) {
    const file = openCached(path, flags);
    if (typeof file === 'object') {
      awaitWriter(ring, file.pipe, done);
      return;
    }
    if (file !== -ERRNO.EAGAIN) {
      done(file);
      return;
    }
  }
  openOnRing(ring, path, flags, mode, 0, (fd, isPipe) => {
    if (isPipe && (flags & O_ACCMODE) === O_RDONLY) awaitWriter(ring, fd, done);
    else done(fd);
  });
}

/**
 * The same on the ring. A pipe without a writer is open at once: reading it answers 0 until there is one.
 *
 * @param looks how often a reader has been looked for, where the path is a pipe to be written
 */
export function openOnRing(
  ring: Ring,
  path: Path,
  flags: number,
  mode: number,
  looks: number,
  done: (fd: number, isPipe: boolean) => void,
): void {
  const waits = (flags & O_NONBLOCK) === 0;
  openWith(ring, path, flags | O_NONBLOCK | O_CLOEXEC, mode, (fd) => {
    if (fd >= 0) done(fd, waits && (native().letWait(fd) & S_IFMT) === S_IFIFO);
    else if (waits && fd === -ERRNO.ENXIO && isPipe(path)) {
      setTimeout(openOnRing, pause(looks), ring, path, flags, mode, looks + 1, done);
    } else if (waits && fd === -ERRNO.EAGAIN) {
      // Somebody holds a lease on the file (fcntl(2)) and has to give it up first.
      openWith(ring, path, flags | O_CLOEXEC, mode, (leased) => done(leased, false));
    } else done(fd, false);
  });
}

function openWith(ring: Ring, path: Path, flags: number, mode: number, done: Done, attempts = 1): void {
  ring.openat(AT_FDCWD, path, flags, mode, (fd) => {
    if (fd < 0 && shouldRetry(fd, attempts, flags)) openWith(ring, path, flags, mode, done, attempts + 1);
    else done(visibleResult(fd));
  });
}

/** ENXIO is also the answer for sockets and for devices without a driver. */
function isPipe(path: Path): boolean {
  return statSync(path as string, { throwIfNoEntry: false })?.isFIFO() === true;
}

function pause(looks: number): number {
  return Math.min(LOOK_AGAIN_MS_MAX, 2 ** looks);
}

/** Waits for what is to be read from a pipe: data, or that its writer has come and gone. */
export function dataOf(ring: Ring, fd: number): Promise<number> {
  return new Promise((resolve) => void ring.pollAdd(fd, POLLIN, resolve));
}

/** Waits as open(2) does: until there is a writer, or there has been one. */
function awaitWriter(ring: Ring, fd: number, done: Done): void {
  if (native().pipeHasWriter(fd) !== 0) {
    done(fd);
    return;
  }
  let isOver = false;
  let timer: NodeJS.Timeout;
  const poll = ring.pollAdd(fd, POLLIN, () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done(fd);
  });
  const look = (looks: number): void => {
    if (native().pipeHasWriter(fd) === 0) {
      timer = setTimeout(look, pause(looks), looks + 1);
      return;
    }
    isOver = true;
    ring.cancel(poll, () => done(fd));
  };
  timer = setTimeout(look, pause(0), 1);
}
