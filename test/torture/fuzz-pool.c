// Coverage-guided fuzzing of the pool's entry decoder (native/pool-operations.c, pool.c), which is what JavaScript's
// submission entries reach on the engines threads and native. Built and run by fuzz.ts with libFuzzer and sanitizers.
//
// An input is a sequence of 16-byte commands, each of which becomes one submission entry: any opcode, flags, length and
// offset; descriptors and addresses are chosen by it from valid, closed and hostile ones, for src/ring guarantees that
// addresses are real and the rest is what a caller can bring about. Every entry must complete exactly once.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../native/pool.h"

enum { ENTRIES = 16, CQ_ENTRIES = 32, SLOTS = 256, COMMAND = 16, BYTES = 8192 };

static struct sqe sqes[ENTRIES];
static struct cqe cqes[CQ_ENTRIES];
static uint32_t words[5];
static struct pool *pool;
static int event_fd, fds[12];
static char *memory[SLOTS];
static bool busy[SLOTS];
static uint32_t outstanding, generation;

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  abort();
}

static void set_up(void) {
  char directory[] = "/tmp/linux-aio-fuzz-XXXXXX", path[64];
  if (!mkdtemp(directory) || chdir(directory) < 0) die("no directory");
  snprintf(path, sizeof path, "%s/file", directory);
  fds[0] = open(path, O_RDWR | O_CREAT, 0600);
  fds[1] = open(path, O_RDONLY);
  fds[2] = open(path, O_WRONLY | O_APPEND);
  if (ftruncate(fds[0], 100000) < 0) die("no file");
  if (pipe(&fds[3]) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[5]) < 0) die("no pipe");
  fcntl(fds[4], F_SETFL, O_NONBLOCK);
  fds[7] = open(directory, O_RDONLY | O_DIRECTORY);
  fds[8] = open("/dev/zero", O_RDWR);
  fds[9] = socket(AF_UNIX, SOCK_STREAM, 0);
  fds[10] = -1;
  fds[11] = 1000000;
  for (int i = 0; i < SLOTS; i++) memory[i] = calloc(1, BYTES);
  if (mkfifo("fifo", 0600) < 0) die("no named pipe");
  event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct pool_queues q = {.sqes = sqes, .cqes = cqes, .sq_head = &words[0], .sq_tail = &words[1], .sq_flags = &words[2],
                          .cq_head = &words[3], .cq_tail = &words[4], .sq_entries = ENTRIES, .cq_entries = CQ_ENTRIES};
  if (pool_open(&pool, &q, event_fd, 8) != 0) die("no pool");
}

static void reap(void) {
  for (uint32_t tail = __atomic_load_n(&words[4], __ATOMIC_ACQUIRE); words[3] != tail;) {
    const struct cqe *c = &cqes[words[3] & (CQ_ENTRIES - 1)];
    uint32_t slot = (uint32_t)c->user_data;
    if (slot >= SLOTS || !busy[slot]) die("a completion for nobody");
    if (c->result <= LEFT_OPEN && close(LEFT_OPEN - c->result) < 0) die("a descriptor that is not open");
    busy[slot] = false;
    outstanding--;
    __atomic_store_n(&words[3], words[3] + 1, __ATOMIC_RELEASE);
  }
}

static void enter(uint32_t count, uint32_t wait) {
  struct timespec limit = {0, 10 * 1000 * 1000};
  while (count > 0) {
    int n = pool_enter(pool, count, 0, 0, NULL);
    if (n < 0 && n != -EAGAIN) die("pool_enter");
    if (n > 0) count -= (uint32_t)n;
    reap();
  }
  if (wait > 0) pool_enter(pool, 0, wait, POOL_GETEVENTS, &limit);
  reap();
}

// An operation must not be able to block a worker for ever, close what the harness needs, or leave the directory.
static bool is_tame(const struct sqe *e) {
  return e->opcode != OP_CLOSE && e->opcode != OP_OPENAT && e->opcode != OP_SHUTDOWN && e->opcode != OP_FALLOCATE &&
         e->opcode != OP_FTRUNCATE;
}

static void prepare(const uint8_t *c, uint32_t slot) {
  struct sqe *e = &sqes[words[1] & (ENTRIES - 1)];
  memset(e, 0, sizeof *e);
  char *own = memory[slot];
  memset(own, 0, BYTES);
  struct iovec *vector = (struct iovec *)(own + 4096);
  uint32_t count = c[5] % 20;
  for (uint32_t i = 0; i < count; i++) vector[i] = (struct iovec){own, c[6] * 16u};
  e->opcode = c[0] % 64 == 62 ? OP_READ_FILE : c[0] % 64 == 63 ? OP_WRITE_FILE : c[0] % 64;
  e->flags = c[1] & 8 ? c[2] : c[1] & 1 ? SQE_ASYNC : 0;
  e->fd = fds[c[3] % 12];
  e->len = c[4] & 1 ? c[5] : c[5] * 16u;
  e->off = c[4] & 2 ? UINT64_MAX : c[4] & 4 ? (uint64_t)c[7] << 56 | c[8] : (uint64_t)c[7] * 512;
  e->addr = (uintptr_t)own;
  e->op_flags = c[4] & 8 ? (uint32_t)c[9] << (c[10] % 25) : 0;
  e->splice_fd_in = fds[c[11] % 12];
  switch (e->opcode) {
    case OP_READV: case OP_WRITEV: e->addr = (uintptr_t)vector; e->len = count; break;
    case OP_ASYNC_CANCEL: e->addr = (uint64_t)(generation - c[6] % 4) << 32 | c[5]; break;
    case OP_STATX: case OP_LINKAT: case OP_RENAMEAT: case OP_SYMLINKAT: case OP_UNLINKAT: case OP_MKDIRAT:
      snprintf(own, 16, "%c", 'a' + c[6] % 4);
      snprintf(own + 4096, 16, "%c", 'a' + c[7] % 4);
      e->off = (uintptr_t)own + 4096;
      e->fd = c[8] % 4 ? AT_FDCWD : fds[7];
      e->len = e->opcode == OP_STATX ? 0x7ff : (uint32_t)(c[8] % 3 ? AT_FDCWD : fds[7]);
      break;
    case OP_READ_FILE: case OP_WRITE_FILE: {
      // A path, where the data is and how much of it, and what is answered: native/pool-whole-file.c.
      static const char *const paths[] = {"file", "a", "b", "fifo", ".", "/proc/self/status", "none/of/it", "/dev/zero"};
      static const uint32_t flags[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_APPEND, O_WRONLY | O_EXCL | O_CREAT};
      snprintf(own, 32, "%s", paths[c[6] % 8]);
      uint64_t call[4] = {(uintptr_t)own + 4096, e->opcode == OP_READ_FILE ? 4096 : c[7] * 16u};
      memcpy(own + 64, call, sizeof call);
      e->off = (uintptr_t)own + 64;
      e->op_flags = flags[c[9] % 4];
      e->len = 0600;
      break;
    }
    case OP_ACCEPT: e->addr = e->off = 0; break;
    case OP_CONNECT: e->off = c[5] % 110; break;
    case OP_SPLICE: e->addr = c[6] & 1 ? UINT64_MAX : c[6]; break;
    case OP_TIMEOUT: {
      int64_t time[2] = {c[6] & 1 ? -1 : 0, c[7] * 1000};
      memcpy(own, time, sizeof time);
      if (c[6] & 2) e->op_flags = 0, e->len = 1, e->off = 0;
      break;
    }
    case OP_FADVISE: e->addr = 0; break;
    default: break;
  }
  if (!is_tame(e)) e->opcode = OP_NOP;
  if (e->flags & SQE_OWN_DESCRIPTOR) {  // of what is no descriptor there is no duplicate either
    int duplicate = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
    if (duplicate >= 0) e->fd = duplicate;
    else e->flags &= ~SQE_OWN_DESCRIPTOR;
  }
  e->user_data = (uint64_t)generation << 32 | slot;
  busy[slot] = true;
  outstanding++;
  __atomic_store_n(&words[1], words[1] + 1, __ATOMIC_RELEASE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!pool) set_up();
  generation++;
  uint32_t slot = 0, prepared = 0;
  for (; size >= COMMAND && slot < SLOTS; data += COMMAND, size -= COMMAND) {
    prepare(data, slot++);
    if (++prepared == ENTRIES || data[15] & 1) {
      enter(prepared, data[15] >> 6);
      prepared = 0;
    }
  }
  enter(prepared, 0);
  char bytes[64] = {0};
  for (int round = 0; outstanding > 0; round++) {
    if (round > 1000) die("something never completes");
    pool_cancel_all(pool);
    ssize_t n = write(fds[4], bytes, sizeof bytes);
    (void)n;
    enter(0, 1);
  }
  // What was moved must not pile up.
  while (fcntl(fds[3], F_SETFL, O_NONBLOCK) == 0 && read(fds[3], bytes, sizeof bytes) > 0) {}
  fcntl(fds[3], F_SETFL, 0);
  for (int i = 5; i < 7; i++) while (recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
  for (char name = 'a'; name < 'e'; name++) {
    char path[2] = {name, 0};
    unlink(path);
    rmdir(path);
  }
  return 0;
}
