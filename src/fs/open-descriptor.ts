// open(2) on the ring, with what io_uring does differently for named pipes.
import { constants } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/io_uring.js';
import { native } from '../abi/native.js';
import { close as nodeClose, open as nodeOpen } from '../abi/node-fs.js';
import { O_CLOEXEC } from '../file/open-arguments.js';
import type { Path } from '../ring/requests.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';
import { mayAnswerNow, openCached } from './inline.js';

const { O_NONBLOCK, S_IFIFO, S_IFMT } = constants;
const O_ACCMODE = 3;
/** asm-generic/fcntl.h: a temporary file without a name. */
const TMPFILE = 0o20000000;
/** What creates or truncates is never done inside the call. */
const CHANGES = constants.O_CREAT | constants.O_TRUNC | TMPFILE;
const POLLIN = 1;

/**
 * Opens a file: its descriptor, or -errno to `done`, perhaps inside the call. O_CLOEXEC is added.
 *
 * What the path needs may be in memory: then it is opened inside the call, and as with O_NONBLOCK. io_uring likewise
 * first tries any open(2) as with O_NONBLOCK (io_openat2 in io_uring/openclose.c, Linux 6.18). A named pipe is then
 * open at once for reading, though nobody has it open for writing, and ENXIO when it is to be written and has no
 * reader. Node's callers rely on open(2) waiting for the other side, so those two are told from others here.
 */
export function openDescriptor(ring: Ring, path: Path, flags: number, mode: number, done: Done): void {
  if ((flags & CHANGES) === 0 && mayAnswerNow(ring)) {
    const file = openCached(path, flags);
    if (typeof file === 'object') return awaitWriter(ring, file.pipe, path, flags, done);
    if (file !== -ERRNO.EAGAIN) return done(file);
  }
  const isReading = (flags & (O_ACCMODE | O_NONBLOCK)) === constants.O_RDONLY;
  openAtOnce(ring, path, flags, mode, (fd) => {
    if (fd === -ERRNO.ENXIO && (flags & O_NONBLOCK) === 0) openByNode(path, flags, mode, done);
    else if (fd >= 0 && isReading && isFifo(fd)) awaitWriter(ring, fd, path, flags, done);
    else done(fd);
  });
}

/** The same, but a pipe without a writer is open at once: reading it answers 0 until there is one. */
export function openAtOnce(
  ring: Ring,
  path: Path,
  flags: number,
  mode: number,
  done: Done,
  attempts = 1,
): void {
  ring.openat(AT_FDCWD, path, flags | O_CLOEXEC, mode, (fd) => {
    if (fd < 0 && shouldRetry(fd, attempts, flags)) openAtOnce(ring, path, flags, mode, done, attempts + 1);
    else done(visibleResult(fd));
  });
}

function isFifo(fd: number): boolean {
  return (native().fileMode(fd) & S_IFMT) === S_IFIFO;
}

/** Waits for what is to be read from a pipe: data, or that its writer has come and gone. */
export function dataOf(ring: Ring, fd: number): Promise<number> {
  return new Promise((resolve) => void ring.pollAdd(fd, POLLIN, resolve));
}

/** Waits as open(2) does, on one of libuv's threads; or until there is data, if its writer was quicker than that. */
function awaitWriter(ring: Ring, fd: number, path: Path, flags: number, done: Done): void {
  let isOver = false;
  const poll = ring.pollAdd(fd, POLLIN, () => {
    if (isOver) return;
    isOver = true;
    done(fd);
  });
  openByNode(path, flags, 0, (second) => {
    if (isOver) {
      if (second >= 0) nodeClose(second, () => {});
      return;
    }
    isOver = true;
    ring.cancel(poll, () => {});
    nodeClose(fd, () => done(second));
  });
}

function openByNode(path: Path, flags: number, mode: number, done: Done): void {
  nodeOpen(path as string, flags, mode, (error, fd) => done(error ? (error.errno ?? -ERRNO.EINVAL) : fd));
}
