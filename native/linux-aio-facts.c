// Which requests Linux AIO serves without blocking the caller: transfers at a position on O_DIRECT files and block
// devices, and fsync of regular files. io_submit itself asks nothing of the kind: it blocks. linux-aio.c asks here for
// each submission entry.
#define _GNU_SOURCE
#include "linux-aio.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int flags_of(struct facts *f, int fd) {
  if (f->flags_fd != fd) {
    f->flags_fd = fd;
    f->flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
  }
  return f->flags < 0 ? 0 : f->flags;
}

static uint32_t mode_of(struct facts *f, int fd) {
  if (f->stat_fd != fd) {
    struct stat st;
    bool known = syscall(SYS_fstat, fd, &st) == 0;
    f->stat_fd = fd;
    f->mode = known ? st.st_mode : 0;
    f->size = known ? (uint64_t)st.st_size : 0;
  }
  return f->mode;
}

// The pool has those: io_submit copies within the call, however much it is, and syncs on a thread of the kernel.
static bool is_in_memory(struct facts *f, int fd) {
  if (f->memory_fd != fd) {
    f->memory_fd = fd;
    f->is_memory = is_memory_file(fd);
  }
  return f->is_memory;
}

static uint64_t transfer_bytes(const struct sqe *e) {
  if (e->opcode == OP_READ || e->opcode == OP_WRITE) return e->len;
  const struct iovec *vector = (const struct iovec *)(uintptr_t)e->addr;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < e->len && bytes < UINT32_MAX; i++) bytes += vector[i].iov_len;
  return bytes;
}

// A write that makes the file longer is carried out inside io_submit (IOMAP_DIO_FORCE_WAIT in fs/ext4/file.c), so it
// would block the event loop; the pool takes it.
static bool extends(const struct sqe *e, struct facts *f) {
  if (e->opcode == OP_READ || e->opcode == OP_READV || !S_ISREG(f->mode)) return false;
  return flags_of(f, e->fd) & O_APPEND || e->off + transfer_bytes(e) > f->size;
}

bool aio_takes(const struct sqe *e, struct facts *f) {
  if (e->flags & ~SQE_ASYNC) return false;
  switch (e->opcode) {
    case OP_READ: case OP_READV: case OP_WRITE: case OP_WRITEV: {
      if ((int64_t)e->off < 0 || !(flags_of(f, e->fd) & O_DIRECT)) return false;
      uint32_t mode = mode_of(f, e->fd);
      return S_ISBLK(mode) || (S_ISREG(mode) && !is_in_memory(f, e->fd) && !extends(e, f));
    }
    case OP_FSYNC:
      return !(e->op_flags & ~(uint32_t)FSYNC_DATASYNC) && S_ISREG(mode_of(f, e->fd)) && !is_in_memory(f, e->fd);
    default: return false;
  }
}
