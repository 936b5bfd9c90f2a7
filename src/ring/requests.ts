// One method per operation: liburing for TypeScript. Each takes the arguments of the system call it stands for and a
// callback, and returns the number by which the request can be cancelled. The callback gets, exactly once and never
// inside the call, what the system call would have returned, or -errno. The machinery is in core.ts.
import { AT_FDCWD, FSYNC_DATASYNC, OP, TRANSFER_BYTES_MAX } from '../abi/io_uring.js';
import type { RingCore } from './core.js';
import { addressOf, byteLengthOf } from './memory.js';
import { pathBytes } from './paths.js';
import { type Done, OWN_POSITION, TRAIT } from './slots.js';
import { timespecOf } from './timespec.js';
import { startTransfer, startVector } from './transfer.js';
import {
  checkDone,
  checkFd,
  checkInt32,
  checkOffset,
  checkPosition,
  checkView,
  invalidType,
  outOfRange,
} from './validate.js';

/** A path as a string or as bytes without a final NUL. */
export type Path = string | Uint8Array;

/** Size of `struct statx` in bytes. */
const STATX_BYTES = 256;

/**
 * The core of a ring, for the layers above. Not exported by the package: whoever has it can write to any address of
 * the process.
 */
export let coreOf: (ring: RingOperations) => RingCore;

/** The operations of a ring on descriptors that nobody closes while they are in flight: they need not be held. */
export let ownedOf: (ring: RingOperations) => RingOperations;

export class RingOperations {
  readonly #core: RingCore;
  /** TRAIT.HOLD where the caller may close a descriptor at any time, else 0 */
  readonly #hold: number;
  #owned: RingOperations | null = null;

  static {
    coreOf = (ring) => ring.#core;
    ownedOf = (ring) => {
      ring.#owned ??= new RingOperations(ring.#core, 0);
      return ring.#owned;
    };
  }

  /** @internal */
  constructor(core: RingCore, hold: number = TRAIT.HOLD) {
    this.#core = core;
    this.#hold = hold;
  }

  /** The traits of operations that a worker of the kernel runs, which looks the descriptor up when it gets to it. */
  get #worker(): number {
    return TRAIT.LATE | this.#hold;
  }

  // ── transfers ──────────────────────────────────────────────────────────────────────────────────────────────

  /** A request that does nothing: 0. */
  nop(done: Done): number {
    checkDone(done);
    return this.#core.start(OP.NOP, -1, 0, 0, 0, 0, 0, null, done);
  }

  /**
   * `pread(2)`: bytes read, 0 at the end of the file, or -errno.
   *
   * @param position in bytes from the start of the file, up to 2^63-1; -1: at the descriptor's own position, which
   *   is the only one for pipes, sockets and terminals. Those requests run one after the other, in call order. The
   *   kernel does not move the own position of O_DIRECT files: give those an explicit one (File does).
   */
  read(fd: number, buffer: ArrayBufferView, position: number | bigint, done: Done): number {
    return this.#transfer(OP.READ, 0, fd, buffer, position, done);
  }

  /** `pwrite(2)`: bytes written, which may be fewer than the buffer has, or -errno. Position as for `read`. */
  write(fd: number, buffer: ArrayBufferView, position: number | bigint, done: Done): number {
    return this.#transfer(OP.WRITE, TRAIT.WRITE, fd, buffer, position, done);
  }

  #transfer(
    op: number,
    direction: number,
    fd: number,
    view: ArrayBufferView,
    position: number | bigint,
    done: Done,
  ): number {
    checkFd(fd);
    checkView('buffer', view);
    checkPosition(position);
    checkDone(done);
    const traits = direction | this.#hold | (isOwnPosition(position) ? OWN_POSITION : 0);
    const length = Math.min(byteLengthOf(view), TRANSFER_BYTES_MAX);
    return this.#core.idOf(startTransfer(this.#core, op, fd, view, 0, length, position, traits, done));
  }

  /** `preadv(2)`: as `read`, into several buffers (at most 1024). */
  readv(fd: number, buffers: readonly ArrayBufferView[], position: number | bigint, done: Done): number {
    return this.#vector(OP.READV, 0, fd, buffers, position, done);
  }

  /** `pwritev(2)`: as `write`, from several buffers (at most 1024). */
  writev(fd: number, buffers: readonly ArrayBufferView[], position: number | bigint, done: Done): number {
    return this.#vector(OP.WRITEV, TRAIT.WRITE, fd, buffers, position, done);
  }

  #vector(
    op: number,
    direction: number,
    fd: number,
    buffers: readonly ArrayBufferView[],
    position: number | bigint,
    done: Done,
  ): number {
    checkFd(fd);
    if (!Array.isArray(buffers)) throw invalidType('buffers', 'an instance of Array', buffers);
    checkPosition(position);
    checkDone(done);
    const views = [...buffers]; // each element is read once: what was checked is what is used
    let bytes = 0;
    for (let i = 0; i < views.length; i++) {
      // The name is made for an error only.
      if (!ArrayBuffer.isView(views[i])) checkView(`buffers[${i}]`, views[i]);
      bytes += byteLengthOf(views[i]);
    }
    const stream = isOwnPosition(position) ? OWN_POSITION : 0;
    return startVector(this.#core, op, fd, views, bytes, position, direction | stream | this.#hold, done);
  }

  /**
   * `fsync(2)`, or `fdatasync(2)` with `dataOnly`: 0 or -errno. It begins when the writes called before it on the
   * same descriptor have completed.
   */
  fsync(fd: number, dataOnly: boolean, done: Done): number {
    checkFd(fd);
    if (typeof dataOnly !== 'boolean') throw invalidType('dataOnly', 'of type boolean', dataOnly);
    checkDone(done);
    return this.#core.start(OP.FSYNC, fd, 0, 0, 0, dataOnly ? FSYNC_DATASYNC : 0, this.#worker, null, done);
  }

  /** `splice(2)`: bytes moved, 0 at the end, or -errno. Offsets -1 for pipes and for a file's own position. */
  splice(
    fdIn: number,
    offsetIn: number | bigint,
    fdOut: number,
    offsetOut: number | bigint,
    length: number,
    flags: number,
    done: Done,
  ): number {
    checkFd(fdIn);
    checkFd(fdOut);
    checkOffset('offsetIn', offsetIn, -1);
    checkOffset('offsetOut', offsetOut, -1);
    checkInt32('length', length, 0);
    checkInt32('flags', flags, 0);
    checkDone(done);
    const hold = this.#core.held.take(fdIn);
    const over: Done = (result) => {
      this.#core.held.release(hold);
      done(result);
    };
    const source = hold.duplicate >= 0 ? hold.duplicate : fdIn;
    const traits = TRAIT.UNBOUNDED | this.#worker;
    try {
      // The entry has splice_off_in where other operations have an address.
      const offset = BigInt(offsetIn);
      return this.#core.start(OP.SPLICE, fdOut, offsetOut, offset, length, flags, traits, null, over, source);
    } catch (error) {
      this.#core.held.release(hold);
      throw error;
    }
  }

  // ── files by descriptor ────────────────────────────────────────────────────────────────────────────────────

  /** `fallocate(2)`: 0 or -errno. Mode is a mask of FALLOC_FL_*. */
  fallocate(fd: number, mode: number, offset: number | bigint, length: number | bigint, done: Done): number {
    checkFd(fd);
    checkInt32('mode', mode, 0);
    checkOffset('offset', offset, 0);
    checkOffset('length', length, 0);
    checkDone(done);
    // The entry has the length in `addr` and the mode in `len`.
    return this.#core.start(OP.FALLOCATE, fd, offset, BigInt(length), mode, 0, this.#worker, null, done);
  }

  /** `posix_fadvise(2)`: 0 or -errno. Length 0 means to the end; advice is POSIX_FADV_*. */
  fadvise(fd: number, offset: number | bigint, length: number, advice: number, done: Done): number {
    checkFd(fd);
    checkOffset('offset', offset, 0);
    checkInt32('length', length, 0);
    checkInt32('advice', advice, 0);
    checkDone(done);
    return this.#core.start(OP.FADVISE, fd, offset, 0, length, advice, this.#worker, null, done);
  }

  /** `ftruncate(2)`: 0 or -errno. Linux 6.9; see `supports`. */
  ftruncate(fd: number, length: number | bigint, done: Done): number {
    checkFd(fd);
    checkOffset('length', length, 0);
    checkDone(done);
    return this.#core.start(OP.FTRUNCATE, fd, length, 0, 0, 0, this.#worker, null, done);
  }

  // ── files by path ──────────────────────────────────────────────────────────────────────────────────────────

  /** `openat(2)`: a descriptor or -errno. AT_FDCWD (-100) as `dirfd`: from the current directory. */
  openat(dirfd: number, path: Path, flags: number, mode: number, done: Done): number {
    checkInt32('flags', flags, 0);
    checkInt32('mode', mode, 0);
    return this.#atPath(OP.OPENAT, dirfd, 0, path, mode, flags, done);
  }

  /**
   * `statx(2)` into `out` (at least 256 bytes, a `struct statx`): 0 or -errno. With an empty path and the flag
   * AT_EMPTY_PATH (0x1000) it is the status of `dirfd` itself.
   */
  statx(dirfd: number, path: Path, flags: number, mask: number, out: ArrayBufferView, done: Done): number {
    checkInt32('flags', flags, 0);
    checkInt32('mask', mask, 0);
    checkView('out', out);
    if (byteLengthOf(out) < STATX_BYTES)
      throw outOfRange('out.byteLength', `>= ${STATX_BYTES}`, out.byteLength);
    return this.#atPath(OP.STATX, dirfd, addressOf(out), path, mask, flags, done, out);
  }

  /** `unlinkat(2)`: 0 or -errno. AT_REMOVEDIR (0x200) removes a directory. */
  unlinkat(dirfd: number, path: Path, flags: number, done: Done): number {
    checkInt32('flags', flags, 0);
    return this.#atPath(OP.UNLINKAT, dirfd, 0, path, 0, flags, done);
  }

  /** `mkdirat(2)`: 0 or -errno. */
  mkdirat(dirfd: number, path: Path, mode: number, done: Done): number {
    checkInt32('mode', mode, 0);
    return this.#atPath(OP.MKDIRAT, dirfd, 0, path, mode, 0, done);
  }

  /** `renameat2(2)`: 0 or -errno. Flags are RENAME_*. */
  renameat(
    oldDirfd: number,
    oldPath: Path,
    newDirfd: number,
    newPath: Path,
    flags: number,
    done: Done,
  ): number {
    checkInt32('newDirfd', newDirfd, AT_FDCWD);
    checkInt32('flags', flags, 0);
    const to = pathBytes('newPath', newPath);
    return this.#atPath(OP.RENAMEAT, oldDirfd, addressOf(to), oldPath, newDirfd, flags, done, to);
  }

  /** `linkat(2)`: 0 or -errno. Flags are AT_*. */
  linkat(
    oldDirfd: number,
    oldPath: Path,
    newDirfd: number,
    newPath: Path,
    flags: number,
    done: Done,
  ): number {
    checkInt32('newDirfd', newDirfd, AT_FDCWD);
    checkInt32('flags', flags, 0);
    const to = pathBytes('newPath', newPath);
    return this.#atPath(OP.LINKAT, oldDirfd, addressOf(to), oldPath, newDirfd, flags, done, to);
  }

  /** `symlinkat(2)`: 0 or -errno. */
  symlinkat(target: Path, newDirfd: number, linkPath: Path, done: Done): number {
    const link = pathBytes('linkPath', linkPath);
    return this.#atPath(OP.SYMLINKAT, newDirfd, addressOf(link), target, 0, 0, done, link);
  }

  #atPath(
    op: number,
    dirfd: number,
    address2: number,
    path: Path,
    length: number,
    arg: number,
    done: Done,
    keep: unknown = null,
  ): number {
    checkInt32('dirfd', dirfd, AT_FDCWD);
    checkDone(done);
    const bytes = pathBytes('path', path);
    const traits = dirfd === AT_FDCWD ? 0 : this.#worker;
    return this.#core.start(op, dirfd, address2, addressOf(bytes), length, arg, traits, [bytes, keep], done);
  }

  /** `close(2)`: 0 or -errno. Requests made before it keep the file. */
  protected closeDescriptor(fd: number, done: Done): number {
    checkFd(fd);
    checkDone(done);
    return this.#core.start(OP.CLOSE, fd, 0, 0, 0, 0, 0, null, done);
  }

  // ── sockets, readiness, time ───────────────────────────────────────────────────────────────────────────────

  /** `poll(2)` for one descriptor, once: the events that are there, or -errno. */
  pollAdd(fd: number, events: number, done: Done): number {
    checkFd(fd);
    checkInt32('events', events, 0);
    checkDone(done);
    return this.#core.start(OP.POLL_ADD, fd, 0, 0, 0, events, TRAIT.UNBOUNDED | this.#hold, null, done);
  }

  /** A timer: -ETIME (-62) after `ms` milliseconds, or -ECANCELED. */
  timeout(ms: number, done: Done): number {
    if (typeof ms !== 'number') throw invalidType('ms', 'of type number', ms);
    if (!(ms >= 0 && ms <= 2 ** 40)) throw outOfRange('ms', '>= 0 && <= 2^40', ms);
    checkDone(done);
    const timespec = timespecOf(ms);
    return this.#core.start(OP.TIMEOUT, -1, 0, addressOf(timespec), 1, 0, TRAIT.UNBOUNDED, timespec, done);
  }

  /** `accept4(2)`: the new descriptor or -errno. Flags are SOCK_*. */
  accept(fd: number, flags: number, done: Done): number {
    checkFd(fd);
    checkInt32('flags', flags, 0);
    checkDone(done);
    return this.#core.start(OP.ACCEPT, fd, 0, 0, 0, flags, TRAIT.UNBOUNDED | this.#hold, null, done);
  }

  /** `connect(2)`: 0 or -errno. `address` is a `struct sockaddr` as bytes. */
  connect(fd: number, address: ArrayBufferView, done: Done): number {
    checkFd(fd);
    checkView('address', address);
    checkDone(done);
    const traits = TRAIT.UNBOUNDED | this.#hold;
    return this.#core.start(
      OP.CONNECT,
      fd,
      byteLengthOf(address),
      addressOf(address),
      0,
      0,
      traits,
      address,
      done,
    );
  }

  /** `send(2)`: bytes sent or -errno. One after the other per descriptor, in call order. */
  send(fd: number, buffer: ArrayBufferView, flags: number, done: Done): number {
    return this.#socketTransfer(OP.SEND, TRAIT.WRITE, fd, buffer, flags, done);
  }

  /** `recv(2)`: bytes received, 0 at the end, or -errno. One after the other per descriptor, in call order. */
  recv(fd: number, buffer: ArrayBufferView, flags: number, done: Done): number {
    return this.#socketTransfer(OP.RECV, 0, fd, buffer, flags, done);
  }

  #socketTransfer(
    op: number,
    direction: number,
    fd: number,
    buffer: ArrayBufferView,
    flags: number,
    done: Done,
  ): number {
    checkFd(fd);
    checkView('buffer', buffer);
    checkInt32('flags', flags, 0);
    checkDone(done);
    const traits = direction | OWN_POSITION | this.#hold;
    const length = Math.min(byteLengthOf(buffer), TRANSFER_BYTES_MAX);
    return this.#core.start(op, fd, 0, addressOf(buffer), length, flags, traits, buffer, done);
  }

  /** `shutdown(2)`: 0 or -errno. How is SHUT_RD (0), SHUT_WR (1) or SHUT_RDWR (2). */
  shutdown(fd: number, how: number, done: Done): number {
    checkFd(fd);
    checkInt32('how', how, 0);
    checkDone(done);
    return this.#core.start(OP.SHUTDOWN, fd, 0, 0, how, 0, this.#worker, null, done);
  }
}

function isOwnPosition(position: number | bigint): boolean {
  return typeof position === 'number' ? position === -1 : position === -1n;
}
