// The control block: what a program fills in. Its identity is the object's, as in C it is the address.
import type { sigevent } from './sigevent.js';

/** What `aio_read`, `aio_write`, `aio_fsync` and `lio_listio` take: any object of this shape will do. */
export interface aiocb {
  aio_fildes: number;
  /** bytes from the start of the file (0 when left out); ignored for pipes, sockets, terminals, and writes with O_APPEND */
  aio_offset?: number | bigint;
  aio_buf?: ArrayBufferView | null;
  /** bytes to transfer, at most the buffer's; all of the buffer when left out */
  aio_nbytes?: number;
  /** 0 to AIO_PRIO_DELTA_MAX: accepted; scheduling does not depend on it */
  aio_reqprio?: number;
  /** no notification when left out */
  aio_sigevent?: sigevent | null;
  /** LIO_READ, LIO_WRITE, LIO_READV, LIO_WRITEV or LIO_NOP; only `lio_listio` looks at it */
  aio_lio_opcode?: number;
}

/** FreeBSD's: a control block with a vector of buffers. */
export interface aiocbv extends aiocb {
  /** at most 1024 buffers */
  aio_iov: ArrayBufferView[];
}

/**
 * A control block whose members are zero, as C's would be after memset(), except that a zeroed `aio_sigevent` is none
 * and that `aio_nbytes` is the size of `aio_buf`.
 *
 * Acceptance rows H1, H2.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: every member of the interface is set by the constructor
export class aiocb {
  constructor(init: Partial<aiocb> = {}) {
    this.aio_fildes = 0;
    this.aio_offset = 0;
    this.aio_buf = null;
    this.aio_nbytes = init.aio_buf?.byteLength ?? 0;
    this.aio_reqprio = 0;
    this.aio_sigevent = null;
    this.aio_lio_opcode = 0;
    Object.assign(this, init);
  }
}
