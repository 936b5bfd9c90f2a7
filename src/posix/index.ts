// linux-aio/posix: <aio.h>, complete. See docs/posix.md.
export { aio_read, aio_readv, aio_write, aio_writev } from './aio.js';
export { aiocb, type aiocbv } from './aiocb.js';
export { aio_cancel } from './cancel.js';
export { completion, drain } from './completion.js';
export * from './constants.js';
export { errno } from './errno.js';
export { aio_fsync } from './fsync.js';
export {
  AIO_LISTIO_MAX,
  AIO_MAX,
  AIO_PRIO_DELTA_MAX,
  aio_init,
  type aioinit,
  setsysconf,
  sysconf,
} from './limits.js';
export { lio_listio } from './listio.js';
export type { sigevent } from './sigevent.js';
export { sigaction, type siginfo } from './signals.js';
export { aio_error, aio_return } from './status.js';
export { aio_suspend } from './suspend.js';
export type { timespec } from './time.js';
export { aio_waitcomplete } from './waitcomplete.js';
