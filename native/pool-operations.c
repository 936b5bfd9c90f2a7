// Performs one submission entry. An operation that may have to wait for somebody else (pipes, sockets, terminals)
// is tried without blocking, and says what it waits for when it is not ready; only what is sure to make progress
// (files, paths) may block, and only on a worker. So a thousand idle pipes cost no thread.
//
// Results are io_uring's, its quirks included (io_uring/rw.c, net.c, poll.c of the kernel): offset -1 is the
// descriptor's own position; an explicit position on a pipe is ignored; O_NONBLOCK makes no difference, a request
// waits (RWF_NOWAIT and MSG_DONTWAIT do); a transfer on a stream moves what can be moved at once.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "pool-operation.h"

enum { SPLICE_FD_IN_FIXED = (int)(1u << 31) };
enum { FSYNC_DATASYNC = 1 };
// A full backlog of a listening AF_UNIX socket has no event to wait for.
enum { CONNECT_RETRY_NS = 2 * 1000 * 1000 };

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

bool operation_locks_memory(const struct sqe *e, struct visit *visit) {
  switch (e->opcode) {
    case OP_WRITE: case OP_WRITEV: return is_in_memory(visit, e);
    // Not worth the question, where it is not known: then writes to files in memory keep off this thread meanwhile.
    case OP_FALLOCATE: case OP_FTRUNCATE: return !(e->flags & SQE_ON_DISK);
    default: return false;
  }
}

// `visit` belongs to AT_ONCE and is NULL elsewhere.
enum outcome operation_step(struct request *r, enum place place, struct visit *visit) {
  const struct sqe *e = &r->sqe;
  const uint32_t known = SQE_ASYNC | SQE_OWN_DESCRIPTOR | SQE_POSITION_COUNTS | SQE_ON_DISK;
  if (e->flags & ~known) return done(r, -EINVAL);  // links, drain, registered files
  switch (e->opcode) {
    case OP_NOP: return done(r, 0);
    case OP_READ: case OP_READV: case OP_WRITE: case OP_WRITEV: return transfer_step(r, place, visit);
    case OP_SEND: case OP_RECV: return socket_transfer(r, place);
    case OP_ACCEPT: return accept_connection(r, place);
    case OP_CONNECT: return connect_socket(r, place);
    case OP_POLL_ADD: return poll_once(r);
    case OP_TIMEOUT: return timeout(r);
    case OP_SPLICE: return splice_some(r, place);
    default: break;
  }
  if (!is_file_operation(e->opcode)) return done(r, -EINVAL);
  bool at_once = place == AT_ONCE && e->opcode == OP_FSYNC && !(e->flags & SQE_ASYNC) && is_in_memory(visit, e);
  return place == ON_WORKER || at_once ? done(r, file_operation(e)) : WORKER;
}
