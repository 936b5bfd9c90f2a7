// A whole file in one hop: a worker opens it, reads or writes it, and closes it. As three requests a small file costs
// three hops between threads, which is nearly all that it costs.
//
// What is not an ordinary file (a pipe, /proc, a device), or does not fit into the memory that came along, is left open
// and described, and the ring goes on with it request by request.
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// src/abi/native.ts, WHOLE_FILE.
enum { STEP_OPEN = 0, STEP_TRANSFER = 1, STEP_CLOSE = 2 };

struct whole_file {
  uint64_t data;
  uint64_t length;  // room for what is read, or bytes to write
  uint32_t step;    // at which of them it failed
  uint32_t mode;    // of a file that is left open; of one that failed: errno of a close that failed, too. Before: even
                    // where there are no bytes to write, a write is made, whose error counts (/proc)
  uint64_t size;    // likewise
};
_Static_assert(sizeof(struct whole_file) == 32, "WHOLE_FILE.BYTES");

static long answer(long n) { return n < 0 ? -errno : n; }
#define CALL(...) answer(syscall(__VA_ARGS__))

static long write_nothing(int fd) {
  long n;
  while ((n = CALL(SYS_write, fd, NULL, 0)) == -EINTR) {}
  return n;
}

// Until everything is moved, the file ends, or an error: bytes, or -errno.
static long transfer_all(const struct whole_file *w, int fd, bool writing, uint64_t wanted) {
  uint64_t moved = 0;
  while (moved < wanted) {
    char *at = (char *)(uintptr_t)w->data + moved;
    // Reading leaves the file's own position where it was, for whoever goes on with the file.
    long n = writing ? CALL(SYS_write, fd, at, wanted - moved) : CALL(SYS_pread64, fd, at, wanted - moved, moved);
    if (n == -EINTR) continue;
    if (n < 0) return n;
    if (n == 0) return writing ? -EIO : (long)moved;  // write(2) answers 0 for no file that Linux has
    moved += (uint64_t)n;
  }
  return (long)moved;
}

long pool_whole_file(const struct sqe *e) {
  struct whole_file *w = (struct whole_file *)(uintptr_t)e->off;
  bool writing = e->opcode == OP_WRITE_FILE;
  bool even_nothing = w->mode;
  w->step = STEP_OPEN;
  w->mode = 0;
  // A named pipe without another end, or a lease, must not hold a worker: with O_NONBLOCK that is an answer.
  int fd = (int)CALL(SYS_openat, AT_FDCWD, e->addr, e->op_flags | O_NONBLOCK | O_CLOEXEC, e->len);
  if (fd < 0) return fd;
  struct stat st = {0};
  long result = CALL(SYS_fstat, fd, &st);
  uint64_t size = (uint64_t)st.st_size;
  if (result < 0 || !S_ISREG(st.st_mode) || (!writing && (size == 0 || size > w->length))) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    w->mode = result < 0 ? 0 : st.st_mode;
    w->size = size;
    return LEFT_OPEN - fd;
  }
  w->step = STEP_TRANSFER;
  result = even_nothing && w->length == 0 ? write_nothing(fd) : transfer_all(w, fd, writing, writing ? w->length : size);
  long closed = CALL(SYS_close, fd);
  if (result < 0 && closed < 0) w->mode = (uint32_t)-closed;
  if (result < 0 || closed >= 0) return result;
  w->step = STEP_CLOSE;
  return closed;
}
