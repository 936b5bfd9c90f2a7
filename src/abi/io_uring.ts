// The kernel's tables of io_uring as TypeScript: opcodes, flags and the layout of entries.
// Source: include/uapi/linux/io_uring.h; test/abi/ compiles a C program that compares every number with the
// installed header.

/** Opcodes (`enum io_uring_op`) that the ring uses. */
export const OP = {
  NOP: 0,
  READV: 1,
  WRITEV: 2,
  FSYNC: 3,
  READ_FIXED: 4,
  WRITE_FIXED: 5,
  POLL_ADD: 6,
  TIMEOUT: 11,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  CONNECT: 16,
  FALLOCATE: 17,
  OPENAT: 18,
  CLOSE: 19,
  STATX: 21,
  READ: 22,
  WRITE: 23,
  FADVISE: 24,
  SEND: 26,
  RECV: 27,
  SPLICE: 30,
  SHUTDOWN: 34,
  RENAMEAT: 35,
  UNLINKAT: 36,
  MKDIRAT: 37,
  SYMLINKAT: 38,
  LINKAT: 39,
  FTRUNCATE: 55,
} as const;

export type Opcode = (typeof OP)[keyof typeof OP];

/** `io_uring_setup` flags. */
export const SETUP = {
  SQPOLL: 1 << 1,
  CQSIZE: 1 << 3,
  CLAMP: 1 << 4,
  SUBMIT_ALL: 1 << 7,
  COOP_TASKRUN: 1 << 8,
  TASKRUN_FLAG: 1 << 9,
  SINGLE_ISSUER: 1 << 12,
  DEFER_TASKRUN: 1 << 13,
  NO_SQARRAY: 1 << 16,
} as const;

/** `io_uring_enter` flags. */
export const ENTER = { GETEVENTS: 1 << 0, SQ_WAKEUP: 1 << 1 } as const;

/** `sq_flags` bits that the kernel sets in the submission queue. */
export const SQ = { NEED_WAKEUP: 1 << 0, CQ_OVERFLOW: 1 << 1, TASKRUN: 1 << 2 } as const;

/** `io_uring_sqe.flags` bits. */
export const SQE = { FIXED_FILE: 1 << 0, ASYNC: 1 << 4 } as const;

/** `io_uring_register` opcodes. */
export const REGISTER = { PROBE: 8, IOWQ_MAX_WORKERS: 19 } as const;

/** `fsync_flags`. */
export const FSYNC_DATASYNC = 1 << 0;

/** Size of a submission and a completion entry, in Int32 words. */
export const SQE_WORDS = 16;
export const CQE_WORDS = 4;

/**
 * A submission entry as Int32 words. 64-bit fields take two words, low first (Linux in Node is little-endian on
 * every architecture that has prebuilds).
 */
export const SQE_WORD = {
  /** opcode (bits 0–7), flags (8–15), ioprio (16–31) */
  OP_FLAGS: 0,
  FD: 1,
  /** off / addr2 */
  OFF_LO: 2,
  OFF_HI: 3,
  /** addr / splice_off_in */
  ADDR_LO: 4,
  ADDR_HI: 5,
  LEN: 6,
  /** rw_flags, fsync_flags, open_flags, statx_flags, … */
  OP_ARG: 7,
  USER_LO: 8,
  USER_HI: 9,
  /** buf_index (bits 0–15), personality (16–31) */
  BUF_INDEX: 10,
  /** splice_fd_in */
  SPLICE_FD: 11,
} as const;

/** A completion entry as Int32 words. */
export const CQE_WORD = { USER_LO: 0, USER_HI: 1, RES: 2, FLAGS: 3 } as const;

/** `struct io_uring_params` as Int32 words: what setup takes and what it answers. */
export const PARAMS_BYTES = 120;
export const PARAMS_WORD = {
  SQ_ENTRIES: 0,
  CQ_ENTRIES: 1,
  FLAGS: 2,
  SQ_THREAD_IDLE: 4,
  FEATURES: 5,
  SQ_OFF_HEAD: 10,
  SQ_OFF_TAIL: 11,
  SQ_OFF_RING_MASK: 12,
  SQ_OFF_FLAGS: 14,
  SQ_OFF_ARRAY: 16,
  CQ_OFF_HEAD: 20,
  CQ_OFF_TAIL: 21,
  CQ_OFF_RING_MASK: 22,
  CQ_OFF_CQES: 25,
} as const;

/** `struct io_uring_probe`: a header of 16 bytes, then 8 bytes per opcode (opcode, resv, flags u16, resv2 u32). */
export const PROBE = { HEADER_BYTES: 16, OP_BYTES: 8, OPS: 256, SUPPORTED: 1 << 0 } as const;

/** The most bytes one transfer can move: MAX_RW_COUNT of the kernel (`read(2)`, NOTES). */
export const TRANSFER_BYTES_MAX = 0x7ffff000;

/** `AT_FDCWD` of `openat(2)`. */
export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
