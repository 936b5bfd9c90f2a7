// aio_read, aio_write, and FreeBSD's aio_readv, aio_writev: start one transfer.
import type { aiocb, aiocbv } from './aiocb.js';
import { enter } from './engine.js';
import { fail } from './errno.js';
import { KIND, type Kind } from './request.js';
import { submitTransfer } from './submit.js';

function submitOne(cb: aiocb, kind: Kind): 0 | -1 {
  const error = submitTransfer(cb, kind);
  if (error !== 0) return fail(error);
  enter();
  return 0;
}

/**
 * aio_read: "shall read aio_nbytes from the file associated with aio_fildes into the buffer pointed to by aio_buf. The
 * function call shall return when the read request has been initiated or queued" (POSIX.1-2017). It is in the kernel's
 * hands when the call returns.
 *
 * All members are copied: they may be changed afterwards. The buffer belongs to the system until `aio_error(cb)` is not
 * EINPROGRESS any more. Pipes, sockets and terminals are read in the order of the calls, the offset being ignored.
 *
 * Acceptance rows R1–R15, X1–X5, X22–X25.
 *
 * @returns 0; or -1 with EBUSY (the control block is in flight), EINVAL (priority, offset, size or sigevent), EAGAIN
 *   (AIO_MAX requests in flight, or no descriptor left). A bad descriptor is reported by the status: EBADF
 * @throws TypeError for what C's type system would have refused
 */
export function aio_read(cb: aiocb): 0 | -1 {
  return submitOne(cb, KIND.READ);
}

/**
 * aio_write: as `aio_read`, but it "shall write aio_nbytes". "If O_APPEND is set for the file descriptor aio_fildes,
 * write operations append to the file in the same order as the calls were made" (POSIX.1-2017); so do writes to pipes,
 * sockets and terminals. A write to a stream that is not O_NONBLOCK is complete when everything is written.
 *
 * Acceptance rows W1–W13, X1–X5, X13, X21, X22, B4.
 */
export function aio_write(cb: aiocb): 0 | -1 {
  return submitOne(cb, KIND.WRITE);
}

/** FreeBSD: as `aio_read`, into the buffers of `aio_iov`, one after the other. Acceptance rows B8, B9. */
export function aio_readv(cb: aiocbv): 0 | -1 {
  return submitOne(cb, KIND.READV);
}

/** FreeBSD: as `aio_write`, from the buffers of `aio_iov`, one after the other. Acceptance rows B8, B9. */
export function aio_writev(cb: aiocbv): 0 | -1 {
  return submitOne(cb, KIND.WRITEV);
}
