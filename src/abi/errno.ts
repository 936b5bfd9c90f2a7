// Error numbers of Linux that the code decides on by name. Sources: asm-generic/errno-base.h and errno.h (the same
// on x86-64 and arm64); the names of all others come from util.getSystemErrorMap().
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMFILE: 24,
  ESPIPE: 29,
  ENOSYS: 38,
  ETIME: 62,
  EBADR: 53,
  EOPNOTSUPP: 95,
  EALREADY: 114,
  ECANCELED: 125,
} as const;
