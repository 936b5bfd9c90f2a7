// close(2). Of what was only read it is done inside the call, on a local disk. Of what was written to it may take long (ext4
// starts writing a file back that was truncated and written anew: 0.7 ms, measured; network file systems send everything),
// as it may where the file has no name any more and is given back; io_uring would do it inside the submission: so that is
// for a worker.
import { constants } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { OP, SQE } from '../abi/io_uring.js';
import { close as nodeClose } from '../abi/node-fs.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import type { Done } from '../ring/slots.js';
import { closeCached } from './inline.js';

const O_ACCMODE = 3;

/**
 * 0 or -errno, perhaps inside the call.
 *
 * @param flags of open(2)
 */
export function closeDescriptor(ring: Ring, fd: number, flags: number, done: Done): void {
  if (ring.closed || !ring.supports('close')) {
    nodeClose(fd, (error) => done(error?.errno ?? 0));
    return;
  }
  const result = (flags & O_ACCMODE) === constants.O_RDONLY ? closeCached(ring, fd) : -ERRNO.EBUSY;
  if (result === -ERRNO.EBUSY) coreOf(ring).start(OP.CLOSE | (SQE.ASYNC << 8), fd, 0, 0, 0, 0, 0, null, done);
  else if (result === -ERRNO.EAGAIN) ring.close(fd, done);
  else done(result);
}
