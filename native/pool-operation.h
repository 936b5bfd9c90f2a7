// What the operations of the pool are made of: pool-operations.c and pool-transfer.c.
//
// System calls are made through syscall(2): no libc wrapper is missing or versioned anywhere, and errno stays out.
#ifndef LINUX_AIO_POOL_OPERATION_H
#define LINUX_AIO_POOL_OPERATION_H

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool.h"

// What may be copied on the owner's thread: 64 KiB take ~8 µs.
enum { AT_ONCE_BYTES_MAX = 64 * 1024 };

static inline long answer(long n) { return n < 0 ? -errno : n; }
#define CALL(...) answer(syscall(__VA_ARGS__))

static inline enum outcome done(struct request *r, long result) {
  r->result = (int32_t)result;
  return DONE;
}

static inline enum outcome wait_for(struct request *r, int fd, uint32_t events) {
  r->watch_fd = fd;
  r->watch_events = events;
  r->deadline = 0;
  return WAIT;
}

static inline enum outcome wait_until(struct request *r, int64_t deadline) {
  r->deadline = deadline;
  return WAIT;
}

// Errors and hang-ups count: the operation itself will say what they are. Regular files always are.
static inline bool is_ready(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  return poll(&one, 1, 0) != 0;
}

static inline bool is_in_memory(struct visit *visit, const struct sqe *e) {
  int fd = e->fd;
  if (e->flags & SQE_ON_DISK) return false;
  if (visit->memory_fd != fd) {
    visit->memory_fd = fd;
    visit->is_memory = is_memory_file(fd);
  }
  return visit->is_memory;
}

// OP_READ, OP_READV, OP_WRITE and OP_WRITEV, as operation_step (pool-transfer.c).
enum outcome transfer_step(struct request *r, enum place place, struct visit *visit);

#endif
