// Reads and writes. Of a file what is in memory is transferred on the owner's thread, the rest on a worker's. A pipe, a
// socket or a terminal is tried without blocking, and waited for by the poller.
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "pool-operation.h"

// Of the event loop: 1 MiB takes ~100 µs.
enum { VISIT_BYTES_MAX = 1024 * 1024 };
enum { AT_ONCE_VECTORS_MAX = 16 };
enum { NOWAIT = 8 };  // RWF_NOWAIT, Linux 4.14
enum { POPULATE_WRITE = 23, PRESENT_BYTES_MIN = 64 * 1024 };  // MADV_POPULATE_WRITE, Linux 5.14
enum { STATX_DONT_SYNC = 0x4000, STATX_TYPE_SIZE = 0x201 };

static uint32_t mode_of(struct visit *visit, int fd) {
  if (visit->mode_fd == fd) return visit->mode;
  struct stat st;
  visit->mode_fd = fd;
  visit->mode = CALL(SYS_fstat, fd, &st) < 0 ? 0 : st.st_mode;
  return visit->mode;
}

static bool is_direct(struct visit *visit, int fd) {
  if (visit->flags_fd != fd) {
    visit->flags_fd = fd;
    visit->flags = (int)CALL(SYS_fcntl, fd, F_GETFL);
  }
  return visit->flags < 0 || visit->flags & O_DIRECT;
}

static bool is_write(const struct sqe *e) { return e->opcode == OP_WRITE || e->opcode == OP_WRITEV; }

// Bytes to move; as much as can be for a long vector.
static uint64_t transfer_bytes(const struct sqe *e) {
  if (e->opcode == OP_READ || e->opcode == OP_WRITE) return e->len;
  if (e->len > AT_ONCE_VECTORS_MAX) return UINT64_MAX;
  const struct iovec *vector = (const struct iovec *)(uintptr_t)e->addr;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < e->len; i++) {
    if (vector[i].iov_len > AT_ONCE_BYTES_MAX) return UINT64_MAX;
    bytes += vector[i].iov_len;
  }
  return bytes;
}

// At most `bytes_max` of the first buffer when it is not 0.
static long move(const struct sqe *e, int64_t position, uint32_t flags, size_t bytes_max) {
  struct iovec one = {(void *)(uintptr_t)e->addr, e->len};
  const struct iovec *vector = &one;
  size_t count = 1;
  if (e->opcode == OP_READV || e->opcode == OP_WRITEV) {
    vector = (const struct iovec *)(uintptr_t)e->addr;
    count = e->len;
  }
  if (bytes_max > 0 && count > 0) {
    one = vector[0];
    if (one.iov_len > bytes_max) one.iov_len = bytes_max;
    vector = &one;
    count = 1;
  }
  return CALL(is_write(e) ? SYS_pwritev2 : SYS_preadv2, e->fd, vector, count, position, 0, flags);
}

// Memory that nobody has touched yet is made present in one go: page by page, while it is copied to, takes the longer the
// more of it there is (64 KiB: 30 µs, in one go 5). Where it cannot be, the read itself will say why.
static void make_present(void *memory, size_t length) {
  uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1, first = ((uintptr_t)memory + mask) & ~mask;
  uintptr_t end = ((uintptr_t)memory + length) & ~mask;
  if (end > first) CALL(SYS_madvise, first, end - first, POPULATE_WRITE);
}

static void make_all_present(const struct sqe *e) {
  struct iovec one = {(void *)(uintptr_t)e->addr, e->len};
  const struct iovec *vector = e->opcode == OP_READ ? &one : (const struct iovec *)(uintptr_t)e->addr;
  uint32_t count = e->opcode == OP_READ ? 1 : e->len;
  for (uint32_t i = 0; i < count; i++) {
    if (vector[i].iov_len >= PRESENT_BYTES_MIN) make_present(vector[i].iov_base, vector[i].iov_len);
  }
}

// Without asking a server.
bool file_ends_at(int fd, uint64_t position) {
  struct {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, rest[26];
  } st;
  _Static_assert(sizeof st == 256, "struct statx");
  return CALL(SYS_statx, fd, "", AT_EMPTY_PATH | STATX_DONT_SYNC, STATX_TYPE_SIZE, &st) == 0 && S_ISREG(st.mode) &&
         position >= st.size;
}

// A FIFO with a name does not know RWF_NOWAIT, nor does any pipe before Linux 6.4. Opened once more, without blocking,
// it does not wait. -1 where that fails (no /proc, no permission).
static int reopen_nonblocking(const struct sqe *e) {
  char path[32] = "/proc/self/fd/", digits[12];
  int n = 0, end = 14;
  for (uint32_t fd = (uint32_t)e->fd; n == 0 || fd > 0; fd /= 10) digits[n++] = (char)('0' + fd % 10);
  while (n > 0) path[end++] = digits[--n];
  return (int)CALL(SYS_openat, AT_FDCWD, path, (is_write(e) ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
}

// Without RWF_NOWAIT: what is ready now may be gone before the plain call (another reader), so that is left to a
// worker. POLLOUT of a pipe promises room for PIPE_BUF bytes, no more.
static enum outcome stream_transfer_plain(struct request *r, enum place place, uint32_t events) {
  const struct sqe *e = &r->sqe;
  if (!is_ready(e->fd, events)) return wait_for(r, e->fd, events);
  struct stat st;
  bool is_pipe = CALL(SYS_fstat, e->fd, &st) == 0 && S_ISFIFO(st.st_mode);
  int fd = is_pipe ? reopen_nonblocking(e) : -1;
  if (fd >= 0) {
    struct sqe again = *e;
    again.fd = fd;
    long n = move(&again, -1, e->op_flags, 0);
    CALL(SYS_close, fd);
    return n == -EAGAIN ? wait_for(r, e->fd, events) : done(r, n);
  }
  if (place != ON_WORKER) return WORKER;
  return done(r, move(e, -1, e->op_flags, is_pipe && is_write(e) ? PIPE_BUF : 0));
}

static enum outcome stream_transfer(struct request *r, enum place place, uint64_t bytes) {
  const struct sqe *e = &r->sqe;
  uint32_t events = is_write(e) ? POLLOUT : POLLIN;
  if (place != ON_WORKER && bytes > AT_ONCE_BYTES_MAX) {
    return is_ready(e->fd, (short)events) || e->op_flags & NOWAIT ? WORKER : wait_for(r, e->fd, events);
  }
  long n = move(e, -1, e->op_flags | NOWAIT, 0);
  if (e->op_flags & NOWAIT) return done(r, n);
  if (n == -EAGAIN) return wait_for(r, e->fd, events);
  return n == -EOPNOTSUPP ? stream_transfer_plain(r, place, events) : done(r, n);
}

static bool is_socket(int fd) {
  struct stat st;
  return CALL(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

// On the owner's thread, as much of it as one call may copy.
static enum outcome memory_transfer(struct request *r, struct visit *visit, uint64_t bytes) {
  const struct sqe *e = &r->sqe;
  if (is_write(e) && visit->memory_is_locked) return WORKER;
  if (e->flags & SQE_ASYNC || bytes > VISIT_BYTES_MAX - visit->bytes) return WORKER;
  visit->bytes += (uint32_t)bytes;
  return done(r, move(e, (int64_t)e->off, e->op_flags, 0));
}

enum outcome transfer_step(struct request *r, enum place place, struct visit *visit) {
  const struct sqe *e = &r->sqe;
  if (r->blocking) return place == ON_WORKER ? done(r, move(e, -1, e->op_flags, 0)) : WORKER;
  if (!r->stream && e->off == UINT64_MAX) {
    if (place != AT_ONCE) return done(r, move(e, -1, e->op_flags, 0));  // a file, or it would be a stream by now
    uint32_t mode = mode_of(visit, e->fd);
    if (S_ISREG(mode) && is_in_memory(visit, e)) return memory_transfer(r, visit, transfer_bytes(e));
    if (mode == 0 || S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode)) return WORKER;
    r->stream = true;
  }
  uint64_t bytes = place == ON_WORKER ? 0 : transfer_bytes(e);
  if (!r->stream) {
    if (place == AT_ONCE) {
      if ((is_write(e) || bytes > AT_ONCE_BYTES_MAX) && is_in_memory(visit, e)) {
        return memory_transfer(r, visit, bytes);
      }
      if (is_write(e) || e->flags & SQE_ASYNC || bytes > AT_ONCE_BYTES_MAX ||
          visit->bytes + bytes > VISIT_BYTES_MAX || is_direct(visit, e->fd)) {
        return WORKER;
      }
      long n = move(e, (int64_t)e->off, e->op_flags | NOWAIT, 0);
      // 0 is not believed by itself: Linux 5.9 and 5.10 answered it for pages that were not cached.
      if (n > 0 && ((uint64_t)n == bytes || file_ends_at(e->fd, e->off + (uint64_t)n))) {
        visit->bytes += (uint32_t)n;
        return done(r, n);
      }
      if (n == 0 && file_ends_at(e->fd, e->off)) return done(r, 0);
      if (n == -EOPNOTSUPP && is_in_memory(visit, e)) return memory_transfer(r, visit, bytes);
      if (n == -ESPIPE && e->flags & SQE_POSITION_COUNTS) return done(r, n);
      if (n != -ESPIPE) return WORKER;
    } else {
      if (e->flags & SQE_ASYNC && !is_write(e)) make_all_present(e);
      long n = move(e, (int64_t)e->off, e->op_flags, 0);
      if (n != -ESPIPE || e->flags & SQE_POSITION_COUNTS) return done(r, n);
    }
    if (e->off != 0 && is_socket(e->fd)) return done(r, -ESPIPE);  // net/socket.c, sock_read_iter
    r->stream = true;
  }
  return stream_transfer(r, place, bytes);
}
