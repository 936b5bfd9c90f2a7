// Performs one submission entry. An operation that may have to wait for somebody else (pipes, sockets, terminals)
// is tried without blocking, and says what it waits for when it is not ready; only what is sure to make progress
// (files, paths) may block, and only on a worker. So a thousand idle pipes cost no thread.
//
// Results are io_uring's, its quirks included (io_uring/rw.c, net.c, poll.c of the kernel): offset -1 is the
// descriptor's own position; an explicit position on a pipe is ignored; O_NONBLOCK makes no difference, a request
// waits (RWF_NOWAIT and MSG_DONTWAIT do); a transfer on a stream moves what can be moved at once.
//
// System calls are made through syscall(2): no libc wrapper is missing or versioned anywhere, and errno stays out.
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// What may be copied on the owner's thread: 64 KiB take ~8 µs, and 1 MiB per call ~100 µs of the event loop.
enum { AT_ONCE_BYTES_MAX = 64 * 1024, VISIT_BYTES_MAX = 1024 * 1024 };
enum { AT_ONCE_VECTORS_MAX = 16 };
enum { NOWAIT = 8 };  // RWF_NOWAIT, Linux 4.14
enum { POPULATE_WRITE = 23, PRESENT_BYTES_MIN = 64 * 1024 };  // MADV_POPULATE_WRITE, Linux 5.14
enum { SPLICE_FD_IN_FIXED = (int)(1u << 31) };
enum { STATX_DONT_SYNC = 0x4000, STATX_TYPE_SIZE = 0x201 };
enum { FSYNC_DATASYNC = 1 };
// A full backlog of a listening AF_UNIX socket has no event to wait for.
enum { CONNECT_RETRY_NS = 2 * 1000 * 1000 };

static long answer(long n) { return n < 0 ? -errno : n; }
#define CALL(...) answer(syscall(__VA_ARGS__))

static enum outcome done(struct request *r, long result) {
  r->result = (int32_t)result;
  return DONE;
}

static enum outcome wait_for(struct request *r, int fd, uint32_t events) {
  r->watch_fd = fd;
  r->watch_events = events;
  r->deadline = 0;
  return WAIT;
}

static enum outcome wait_until(struct request *r, int64_t deadline) {
  r->deadline = deadline;
  return WAIT;
}

// Errors and hang-ups count: the operation itself will say what they are. Regular files always are.
static bool is_ready(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  return poll(&one, 1, 0) != 0;
}

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

static bool is_in_memory(struct visit *visit, int fd) {
  if (visit->memory_fd != fd) {
    visit->memory_fd = fd;
    visit->is_memory = is_memory_file(fd);
  }
  return visit->is_memory;
}

// ── read, write ───────────────────────────────────────────────────────────────────────────────────────────────

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

// A short read without waiting is short because the rest is not cached, or because the file ends there.
static bool ends_at(int fd, uint64_t position) {
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
  if (e->flags & SQE_ASYNC || visit->bytes + bytes > VISIT_BYTES_MAX) return WORKER;
  visit->bytes += (uint32_t)bytes;
  return done(r, move(e, (int64_t)e->off, e->op_flags, 0));
}

static enum outcome transfer(struct request *r, enum place place, struct visit *visit) {
  const struct sqe *e = &r->sqe;
  if (r->blocking) return place == ON_WORKER ? done(r, move(e, -1, e->op_flags, 0)) : WORKER;
  if (!r->stream && e->off == UINT64_MAX) {
    if (place != AT_ONCE) return done(r, move(e, -1, e->op_flags, 0));  // a file, or it would be a stream by now
    uint32_t mode = mode_of(visit, e->fd);
    if (S_ISREG(mode) && is_in_memory(visit, e->fd)) return memory_transfer(r, visit, transfer_bytes(e));
    if (mode == 0 || S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode)) return WORKER;
    r->stream = true;
  }
  uint64_t bytes = place == ON_WORKER ? 0 : transfer_bytes(e);
  if (!r->stream) {
    if (place == AT_ONCE) {
      if ((is_write(e) || bytes > AT_ONCE_BYTES_MAX) && is_in_memory(visit, e->fd)) {
        return memory_transfer(r, visit, bytes);
      }
      if (is_write(e) || e->flags & SQE_ASYNC || bytes > AT_ONCE_BYTES_MAX ||
          visit->bytes + bytes > VISIT_BYTES_MAX || is_direct(visit, e->fd)) {
        return WORKER;
      }
      long n = move(e, (int64_t)e->off, e->op_flags | NOWAIT, 0);
      // 0 is not believed by itself: Linux 5.9 and 5.10 answered it for pages that were not cached.
      if (n > 0 && ((uint64_t)n == bytes || ends_at(e->fd, e->off + (uint64_t)n))) {
        visit->bytes += (uint32_t)n;
        return done(r, n);
      }
      if (n == 0 && ends_at(e->fd, e->off)) return done(r, 0);
      if (n == -EOPNOTSUPP && is_in_memory(visit, e->fd)) return memory_transfer(r, visit, bytes);
      if (n != -ESPIPE) return WORKER;
    } else {
      if (e->flags & SQE_ASYNC && !is_write(e)) make_all_present(e);
      long n = move(e, (int64_t)e->off, e->op_flags, 0);
      if (n != -ESPIPE) return done(r, n);
    }
    if (e->off != 0 && is_socket(e->fd)) return done(r, -ESPIPE);  // net/socket.c, sock_read_iter
    r->stream = true;
  }
  return stream_transfer(r, place, bytes);
}

// ── sockets ───────────────────────────────────────────────────────────────────────────────────────────────────

static int socket_option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  long error = CALL(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &size);
  return error < 0 ? (int)error : value;
}

static enum outcome socket_transfer(struct request *r, enum place place) {
  const struct sqe *e = &r->sqe;
  bool sending = e->opcode == OP_SEND, may_wait = !(e->op_flags & MSG_DONTWAIT);
  uint32_t events = sending ? POLLOUT : POLLIN | (e->op_flags & MSG_OOB ? POLLPRI : 0);
  if (place != ON_WORKER && e->len > AT_ONCE_BYTES_MAX) {
    return is_ready(e->fd, (short)events) || !may_wait ? WORKER : wait_for(r, e->fd, events);
  }
  for (;;) {
    long n = CALL(sending ? SYS_sendto : SYS_recvfrom, e->fd, (char *)(uintptr_t)e->addr + r->moved, e->len - r->moved,
                  e->op_flags | MSG_DONTWAIT | (sending ? MSG_NOSIGNAL : 0), NULL, NULL);
    if (n == -EAGAIN && may_wait) return wait_for(r, e->fd, events);
    if (n < 0) return done(r, r->moved > 0 ? r->moved : n);
    r->moved += (uint32_t)n;
    if (n == 0 || r->moved == e->len || !(e->op_flags & MSG_WAITALL)) return done(r, r->moved);
    int type = socket_option(e->fd, SO_TYPE);
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET) return done(r, r->moved);
  }
}

// Between poll() and accept4() another thread of this process could take the connection, and the call would block.
static pthread_mutex_t accept_lock = PTHREAD_MUTEX_INITIALIZER;

static enum outcome accept_connection(struct request *r, enum place place) {
  const struct sqe *e = &r->sqe;
  void *address = (void *)(uintptr_t)e->addr, *size = (void *)(uintptr_t)e->off;
  long flags = CALL(SYS_fcntl, e->fd, F_GETFL);
  if (flags < 0) return done(r, flags);
  if (flags & O_NONBLOCK || socket_option(e->fd, SO_ACCEPTCONN) <= 0) {  // what does not listen answers its error
    long n = CALL(SYS_accept4, e->fd, address, size, e->op_flags);
    return n == -EAGAIN ? wait_for(r, e->fd, POLLIN) : done(r, n);
  }
  if (!is_ready(e->fd, POLLIN)) return wait_for(r, e->fd, POLLIN);
  if (place != ON_WORKER) return WORKER;
  pthread_mutex_lock(&accept_lock);
  bool ready = is_ready(e->fd, POLLIN);
  if (ready) r->result = (int32_t)CALL(SYS_accept4, e->fd, address, size, e->op_flags);
  pthread_mutex_unlock(&accept_lock);
  return ready ? DONE : wait_for(r, e->fd, POLLIN);
}

static enum outcome connect_socket(struct request *r, enum place place) {
  const struct sqe *e = &r->sqe;
  if (r->connecting) {
    if (!is_ready(e->fd, POLLOUT)) return wait_for(r, e->fd, POLLOUT);
    int error = socket_option(e->fd, SO_ERROR);
    return done(r, error < 0 ? error : -error);
  }
  if (place != ON_WORKER) return WORKER;
  long flags = CALL(SYS_fcntl, e->fd, F_GETFL);
  if (flags < 0) return done(r, flags);
  bool change = !(flags & O_NONBLOCK);
  if (change) CALL(SYS_fcntl, e->fd, F_SETFL, flags | O_NONBLOCK);
  long n = CALL(SYS_connect, e->fd, (void *)(uintptr_t)e->addr, (socklen_t)e->off);
  if (change) CALL(SYS_fcntl, e->fd, F_SETFL, flags);
  if (n == -EAGAIN) return wait_until(r, pool_now() + CONNECT_RETRY_NS);
  if (n != -EINPROGRESS) return done(r, n);
  r->connecting = true;
  return wait_for(r, e->fd, POLLOUT);
}

// ── readiness, time, splice ───────────────────────────────────────────────────────────────────────────────────

static enum outcome poll_once(struct request *r) {
  const struct sqe *e = &r->sqe;
  // Multishot and updates; or nothing asked for that a file without poll() ever reports.
  if (e->len != 0 || r->blocking) return done(r, -EINVAL);
  uint32_t wanted = (e->op_flags & 0xffff) | POLLERR | POLLHUP | POLLNVAL | POLLRDHUP;  // IO_POLL_UNMASK
  struct pollfd one = {.fd = e->fd, .events = (short)wanted};
  int n = poll(&one, 1, 0);
  if (n < 0) return done(r, -errno);
  if (one.revents & POLLNVAL) return done(r, -EBADF);
  uint32_t mask = (uint16_t)one.revents & wanted;
  return mask ? done(r, (long)mask) : wait_for(r, e->fd, wanted);
}

static enum outcome timeout(struct request *r) {
  const struct sqe *e = &r->sqe;
  if (r->deadline > 0) return done(r, -ETIME);
  if (e->op_flags != 0 || e->len != 1 || e->off != 0) return done(r, -EINVAL);
  const struct { int64_t sec, nsec; } *t = (const void *)(uintptr_t)e->addr;
  if (t->sec < 0 || t->nsec < 0 || t->nsec >= 1000000000) return done(r, -EINVAL);
  int64_t sec = t->sec < (int64_t)1 << 32 ? t->sec : (int64_t)1 << 32;
  return wait_until(r, pool_now() + sec * 1000000000 + t->nsec);
}

static bool is_nonblocking(int fd) { return CALL(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK; }

// An end that splice(2) itself would wait for: not ready, not O_NONBLOCK, and without an offset if it is a pipe.
static bool is_awaited(int fd, short events, int64_t offset) {
  if (is_ready(fd, events)) return false;
  struct stat st;
  if (offset != -1 && CALL(SYS_fstat, fd, &st) == 0 && S_ISFIFO(st.st_mode)) return false;
  return !is_nonblocking(fd);
}

static enum outcome splice_some(struct request *r, enum place place) {
  const struct sqe *e = &r->sqe;
  int64_t in = (int64_t)e->addr, out = (int64_t)e->off;
  bool may_wait = !(e->op_flags & SPLICE_F_NONBLOCK) && !r->blocking;
  if (e->op_flags & (uint32_t)SPLICE_FD_IN_FIXED) return done(r, -EINVAL);
  if (may_wait && is_awaited(e->splice_fd_in, POLLIN, in)) return wait_for(r, e->splice_fd_in, POLLIN);
  if (may_wait && is_awaited(e->fd, POLLOUT, out)) return wait_for(r, e->fd, POLLOUT);
  if (place != ON_WORKER) return WORKER;
  long n = CALL(SYS_splice, e->splice_fd_in, in == -1 ? NULL : &in, e->fd, out == -1 ? NULL : &out, (size_t)e->len,
                e->op_flags | (may_wait ? SPLICE_F_NONBLOCK : 0));
  if (n != -EAGAIN || !may_wait) return done(r, n);
  if (is_nonblocking(e->splice_fd_in) || is_nonblocking(e->fd)) return done(r, n);
  return is_ready(e->splice_fd_in, POLLIN) ? wait_for(r, e->fd, POLLOUT)  // somebody was faster
                                           : wait_for(r, e->splice_fd_in, POLLIN);
}

// ── files and paths ───────────────────────────────────────────────────────────────────────────────────────────

static bool is_file_operation(uint8_t opcode) {
  switch (opcode) {
    case OP_FSYNC: case OP_FALLOCATE: case OP_OPENAT: case OP_CLOSE: case OP_STATX: case OP_FADVISE: case OP_SHUTDOWN:
    case OP_RENAMEAT: case OP_UNLINKAT: case OP_MKDIRAT: case OP_SYMLINKAT: case OP_LINKAT: case OP_FTRUNCATE:
    case OP_READ_FILE: case OP_WRITE_FILE:
      return true;
    default:
      return false;
  }
}

// Where each operation has its arguments: io_uring/fs.c, openclose.c, statx.c, sync.c, advise.c, truncate.c.
static long file_operation(const struct sqe *e) {
  const char *path = (const char *)(uintptr_t)e->addr, *path2 = (const char *)(uintptr_t)e->off;
  switch (e->opcode) {
    case OP_FSYNC:
      if (e->op_flags & ~(uint32_t)FSYNC_DATASYNC) return -EINVAL;
      return CALL(e->op_flags & FSYNC_DATASYNC ? SYS_fdatasync : SYS_fsync, e->fd);
    case OP_FALLOCATE: return CALL(SYS_fallocate, e->fd, e->len, e->off, e->addr);
    case OP_FTRUNCATE: return CALL(SYS_ftruncate, e->fd, e->off);
    case OP_FADVISE: return CALL(SYS_fadvise64, e->fd, e->off, e->addr ? e->addr : e->len, e->op_flags);
    case OP_OPENAT: return CALL(SYS_openat, e->fd, path, e->op_flags, e->len);
    case OP_CLOSE: return CALL(SYS_close, e->fd);
    case OP_STATX: return CALL(SYS_statx, e->fd, path, e->op_flags, e->len, path2);
    case OP_RENAMEAT: return CALL(SYS_renameat2, e->fd, path, (int)e->len, path2, e->op_flags);
    case OP_UNLINKAT: return CALL(SYS_unlinkat, e->fd, path, e->op_flags);
    case OP_MKDIRAT: return CALL(SYS_mkdirat, e->fd, path, e->len);
    case OP_SYMLINKAT: return CALL(SYS_symlinkat, path, e->fd, path2);
    case OP_LINKAT: return CALL(SYS_linkat, e->fd, path, (int)e->len, path2, e->op_flags);
    case OP_SHUTDOWN: return CALL(SYS_shutdown, e->fd, e->len);
    case OP_READ_FILE: case OP_WRITE_FILE: return pool_whole_file(e);
    default: return -EINVAL;
  }
}

// `visit` belongs to AT_ONCE and is NULL elsewhere.
enum outcome operation_step(struct request *r, enum place place, struct visit *visit) {
  const struct sqe *e = &r->sqe;
  if (e->flags & ~SQE_ASYNC) return done(r, -EINVAL);  // links, drain, registered files
  switch (e->opcode) {
    case OP_NOP: return done(r, 0);
    case OP_READ: case OP_READV: case OP_WRITE: case OP_WRITEV: return transfer(r, place, visit);
    case OP_SEND: case OP_RECV: return socket_transfer(r, place);
    case OP_ACCEPT: return accept_connection(r, place);
    case OP_CONNECT: return connect_socket(r, place);
    case OP_POLL_ADD: return poll_once(r);
    case OP_TIMEOUT: return timeout(r);
    case OP_SPLICE: return splice_some(r, place);
    default: break;
  }
  if (!is_file_operation(e->opcode)) return done(r, -EINVAL);
  bool at_once = place == AT_ONCE && e->opcode == OP_FSYNC && !(e->flags & SQE_ASYNC) && is_in_memory(visit, e->fd);
  return place == ON_WORKER || at_once ? done(r, file_operation(e)) : WORKER;
}
