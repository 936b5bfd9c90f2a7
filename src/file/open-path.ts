// Opening a path as open(2) does it: inside the call where all it needs is in memory, else on the ring; with one
// difference that the caller does not see.
//
// Opening a named pipe waits for somebody to open the other end, for ever perhaps. That must not cost a thread, of
// libuv's pool or of ours, so every open here is one with O_NONBLOCK: a pipe is then open for reading at once, and
// ENXIO is the answer when it is to be written and has no reader. The waiting is done by looking again.
// (io_uring's first attempt at any open is with O_NONBLOCK in any case: io_openat2 in io_uring/openclose.c, Linux 6.18.)
import { closeSync, constants, statSync } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { AT_FDCWD, OP, SQE } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import { clearTimeout, setTimeout } from '../abi/timers.js';
import { addressOf } from '../ring/memory.js';
import { pathBytes } from '../ring/paths.js';
import { coreOf, type Path } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';
import { mayAnswerNow, openCached } from './inline.js';
import { O_CLOEXEC } from './open-arguments.js';

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_TRUNC, S_IFIFO, S_IFMT } = constants;
/** asm-generic/fcntl.h: a temporary file without a name. */
const O_TMPFILE = 0o20000000;
const O_ACCMODE = 3;
const POLLIN = 1;
/** Between two looks at a pipe that waits for its other end, in ms, growing from 1. */
const LOOK_AGAIN_MS_MAX = 25;

/** What creates or truncates is never done inside the call. */
const CHANGES = O_CREAT | O_TRUNC | O_TMPFILE;

/**
 * Opens a file: its descriptor, or -errno to `done`, perhaps inside the call; -ECANCELED when the ring is closed
 * meanwhile. O_CLOEXEC is added.
 */
export function openPath(ring: Ring, path: Path, flags: number, mode: number, done: Done): void {
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
  openAtOnce(ring, path, flags, mode, (fd, isPipe) => {
    if (isPipe && (flags & O_ACCMODE) === O_RDONLY) awaitWriter(ring, fd, done);
    else done(fd);
  });
}

type Opened = (fd: number, isPipe: boolean) => void;

/**
 * The same, except that a pipe without a writer is open at once: reading it answers 0 until there is one.
 *
 * @param looks how often a reader has been looked for, where the path is a pipe to be written
 */
export function openAtOnce(
  ring: Ring,
  path: Path,
  flags: number,
  mode: number,
  done: Opened,
  looks = 0,
): void {
  const waits = (flags & O_NONBLOCK) === 0;
  openWith(ring, path, flags | O_NONBLOCK | O_CLOEXEC, mode, (fd) => {
    if (fd >= 0) {
      done(fd, waits && (native().letWait(fd) & S_IFMT) === S_IFIFO);
    } else if (waits && fd === -ERRNO.ENXIO && isPipe(path)) {
      const lookAgain = () => openAtOnce(ring, path, flags, mode, done, looks + 1);
      setTimeout(goOn, pause(looks), lookAgain, (error: number) => done(error, false));
    } else if (waits && fd === -ERRNO.EAGAIN) {
      // Somebody holds a lease on the file (fcntl(2)) and has to give it up first.
      const wait = () => openWith(ring, path, flags | O_CLOEXEC, mode, (leased) => done(leased, false));
      goOn(wait, (error) => done(error, false));
    } else {
      done(fd, false);
    }
  });
}

/** By a worker: io_uring would open a path that is in memory inside the submission, whatever server has to be told. */
function openWith(ring: Ring, path: Path, flags: number, mode: number, done: Done, attempts = 1): void {
  const bytes = pathBytes('path', path);
  const opened: Done = (fd) => {
    if (!shouldRetry(fd, attempts, flags)) done(visibleResult(fd));
    else goOn(() => openWith(ring, path, flags, mode, done, attempts + 1), done);
  };
  const op = OP.OPENAT | (SQE.ASYNC << 8);
  coreOf(ring).start(op, AT_FDCWD, 0, addressOf(bytes), mode, flags, 0, bytes, opened);
}

/** A further request for the same open. A ring that is being closed refuses it; to the caller it was in flight. */
function goOn(request: () => void, done: Done): void {
  try {
    request();
  } catch {
    done(-ERRNO.ECANCELED);
  }
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
export function awaitWriter(ring: Ring, fd: number, done: Done): void {
  if (native().pipeHasWriter(fd) !== 0) {
    done(fd);
    return;
  }
  let isOver = false;
  let timer: NodeJS.Timeout;
  let poll: number;
  const polled: Done = (result) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    if (result < 0) closeSync(fd); // the ring is being closed
    done(result < 0 ? result : fd);
  };
  goOn(() => {
    poll = ring.pollAdd(fd, POLLIN, polled);
  }, polled);
  if (isOver) return;
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
