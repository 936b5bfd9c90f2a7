// Drives the thread pool (native/pool.h) without Node, so that ThreadSanitizer and AddressSanitizer can watch it:
// random operations on files, pipes, sockets and timers, cancelled at random, on few and many workers, with small and
// large queues. Every request must complete exactly once, with a result that makes sense, and every wake-up must come.
//
// Usage: pool-stress <seed> <rounds> <directory>; pool-sanitizers.test.ts compiles and runs it. Prints "ok" at the end.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../native/pool.h"

#define CHECK(condition, ...)                                        \
  do {                                                               \
    if (!(condition)) {                                              \
      fprintf(stderr, "line %d: %s: ", __LINE__, #condition);        \
      fprintf(stderr, "got " __VA_ARGS__);                           \
      abort();                                                       \
    }                                                                \
  } while (0)

enum { SLOTS = 4096, BUFFER = 4096, FILE_BLOCKS = 64, LOST_MS = 10000 };

static uint64_t random_state;
static uint32_t random_below(uint32_t n) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 33) % n;
}

// ── a ring: the queues as TypeScript uses them, and a slot per request ────────────────────────────────────────

struct slot {
  bool busy;
  uint32_t generation;
  uint8_t opcode;
  int32_t result;  // of the last request
  uint64_t target;  // of a cancellation
  struct iovec vector[2];
  struct { int64_t sec, nsec; } time;
  char status[256];
  char buffer[BUFFER];
};

struct ring {
  struct pool *pool;
  struct pool_queues q;
  uint32_t words[8];  // heads, tails, flags
  int event_fd;
  uint32_t prepared, outstanding, completed;
  struct slot *slots;
};

static void ring_open(struct ring *r, uint32_t entries, uint32_t cq_entries, uint32_t workers) {
  memset(r, 0, sizeof *r);
  r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->slots = calloc(SLOTS, sizeof *r->slots);
  r->q = (struct pool_queues){
      .sqes = calloc(entries, sizeof(struct sqe)), .cqes = calloc(cq_entries, sizeof(struct cqe)),
      .sq_head = &r->words[0], .sq_tail = &r->words[1], .sq_flags = &r->words[2],
      .cq_head = &r->words[3], .cq_tail = &r->words[4], .sq_entries = entries, .cq_entries = cq_entries,
  };
  int error = pool_open(&r->pool, &r->q, r->event_fd, workers);
  CHECK(error == 0, "%d", error);
}

static int enter(struct ring *r, uint32_t min_complete, int timeout_ms) {
  struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
  int n = pool_enter(r->pool, r->prepared, min_complete, POOL_GETEVENTS, timeout_ms < 0 ? NULL : &timeout);
  CHECK(n >= 0 || n == -ETIME || n == -EINTR, "%d", n);
  if (n > 0) r->prepared -= (uint32_t)n;
  return n;
}

static struct sqe *prepare(struct ring *r, uint8_t opcode, int fd, uint32_t slot) {
  if (r->prepared == r->q.sq_entries) enter(r, 0, -1);
  struct sqe *e = &r->q.sqes[*r->q.sq_tail & (r->q.sq_entries - 1)];
  struct slot *s = &r->slots[slot];
  CHECK(!s->busy);
  s->busy = true;
  s->generation++;
  s->opcode = opcode;
  memset(e, 0, sizeof *e);
  e->opcode = opcode;
  e->fd = fd;
  e->addr = (uintptr_t)s->buffer;
  e->len = BUFFER;
  e->user_data = (uint64_t)s->generation << 32 | slot;
  r->prepared++;
  r->outstanding++;
  __atomic_store_n(r->q.sq_tail, *r->q.sq_tail + 1, __ATOMIC_RELEASE);
  return e;
}

static void check_result(struct ring *r, struct slot *s) {
  int32_t n = s->result;
  switch (s->opcode) {
    case OP_NOP: CHECK(n == 0, "%d", n); break;
    case OP_TIMEOUT: CHECK(n == -ETIME || n == -ECANCELED, "%d", n); break;
    case OP_ASYNC_CANCEL: CHECK(n == 0 || n == -ENOENT || n == -EALREADY, "%d", n); break;
    case OP_POLL_ADD: CHECK(n > 0 || n == -ECANCELED, "%d", n); break;
    case OP_READ: case OP_WRITE: case OP_READV: case OP_WRITEV: case OP_SEND: case OP_RECV:
      CHECK((n >= 0 && n <= 2 * BUFFER) || n == -ECANCELED || n == -EAGAIN, "opcode %d: %d", s->opcode, n);
      break;
    default: CHECK(n >= 0 || n == -ECANCELED, "opcode %d: %d", s->opcode, n); break;
  }
  (void)r;
}

static uint32_t reap(struct ring *r) {
  uint32_t head = *r->q.cq_head, tail = __atomic_load_n(r->q.cq_tail, __ATOMIC_ACQUIRE), count = tail - head;
  CHECK(count <= r->q.cq_entries);
  for (; head != tail; head++) {
    const struct cqe *c = &r->q.cqes[head & (r->q.cq_entries - 1)];
    struct slot *s = &r->slots[(uint32_t)c->user_data];
    CHECK(s->busy && s->generation == c->user_data >> 32, "completed twice");
    s->busy = false;
    s->result = c->result;
    if (s->opcode != 255) check_result(r, s);
    r->outstanding--;
    r->completed++;
  }
  __atomic_store_n(r->q.cq_head, tail, __ATOMIC_RELEASE);
  return count;
}

// As the event loop does it (native/queues.c, on_readable): sleep on the eventfd alone; post while TASKRUN says so.
static void sleep_and_reap(struct ring *r) {
  struct pollfd event = {.fd = r->event_fd, .events = POLLIN};
  int n = poll(&event, 1, LOST_MS);
  CHECK(n == 1, "no wake-up, %u outstanding", r->outstanding);
  uint64_t count;
  CHECK(read(r->event_fd, &count, sizeof count) == sizeof count);
  while (__atomic_load_n(r->q.sq_flags, __ATOMIC_ACQUIRE) & POOL_SQ_TASKRUN) {
    pool_post(r->pool);
    reap(r);
    n = (int)read(r->event_fd, &count, sizeof count);
  }
}

static void ring_drain(struct ring *r) {
  while (r->outstanding > 0) {
    enter(r, r->prepared > 0 ? 0 : 1, 100);
    reap(r);
    if (r->prepared == 0) pool_cancel_all(r->pool);
  }
}

static void ring_close(struct ring *r) {
  CHECK(r->outstanding == 0);
  pool_close(r->pool);
  close(r->event_fd);
  free(r->slots);
  free(r->q.sqes);
  free(r->q.cqes);
}

static uint64_t user_data_of(const struct ring *r, uint32_t slot) {
  return (uint64_t)r->slots[slot].generation << 32 | slot;
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 4096; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static uint32_t free_slot(struct ring *r) {
  uint32_t slot = random_below(SLOTS);
  while (r->slots[slot].busy) slot = (slot + 1) % SLOTS;
  return slot;
}

static uint32_t busy_slot(struct ring *r) {
  uint32_t slot = random_below(SLOTS);
  for (uint32_t i = 0; i < SLOTS && !r->slots[slot].busy; i++) slot = (slot + 1) % SLOTS;
  return slot;
}

// ── the scenarios ─────────────────────────────────────────────────────────────────────────────────────────────

static int open_file(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/stress-XXXXXX", directory);
  int fd = mkstemp(path);
  CHECK(fd >= 0, "%s", path);
  unlink(path);
  char block[BUFFER];
  for (int i = 0; i < FILE_BLOCKS; i++) {
    memset(block, i, sizeof block);
    CHECK(pwrite(fd, block, sizeof block, (off_t)i * BUFFER) == BUFFER);
  }
  return fd;
}

enum { PIPES = 8 };
static int pipes[PIPES][2], sockets[PIPES][2];
static int feeding;

// Puts something into pipes and sockets now and then, so that what waits there goes on.
static void *feed(void *argument) {
  uint64_t state = (uintptr_t)argument;
  char bytes[64] = "";
  while (__atomic_load_n(&feeding, __ATOMIC_RELAXED)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    int i = (int)(state >> 33) % PIPES;
    ssize_t n = state >> 63 ? write(pipes[i][1], bytes, sizeof bytes)
                            : send(sockets[i][1], bytes, sizeof bytes, MSG_DONTWAIT);
    (void)n;
    usleep(50);
  }
  return NULL;
}

static void prepare_random(struct ring *r, int file, uint32_t *cancels) {
  uint32_t slot = free_slot(r), i = random_below(PIPES);
  struct slot *s = &r->slots[slot];
  s->vector[0] = (struct iovec){s->buffer, 1000};
  s->vector[1] = (struct iovec){s->buffer + 1000, 3096};
  struct sqe *e;
  switch (random_below(16)) {
    case 0: prepare(r, OP_NOP, -1, slot); break;
    case 1: case 2: case 3:
      e = prepare(r, random_below(2) ? OP_READ : OP_WRITE, file, slot);
      e->off = (uint64_t)random_below(FILE_BLOCKS) * BUFFER;
      if (random_below(2)) e->flags = SQE_ASYNC;
      break;
    case 4:
      e = prepare(r, random_below(2) ? OP_READV : OP_WRITEV, file, slot);
      e->off = (uint64_t)random_below(FILE_BLOCKS) * BUFFER;
      e->addr = (uintptr_t)s->vector;
      e->len = 2;
      break;
    case 5: e = prepare(r, OP_FADVISE, file, slot); e->addr = 0; break;
    case 6:
      e = prepare(r, OP_STATX, AT_FDCWD, slot);
      strcpy(s->buffer, "/");
      e->off = (uintptr_t)s->status;
      e->len = 0x7ff;
      break;
    case 7: case 8:
      e = prepare(r, OP_READ, pipes[i][0], slot);
      if (random_below(2)) e->off = UINT64_MAX;
      break;
    case 9:
      e = prepare(r, OP_WRITE, pipes[i][1], slot);
      e->len = 1 + random_below(BUFFER);
      e->off = UINT64_MAX;
      break;
    case 10: prepare(r, OP_RECV, sockets[i][0], slot)->op_flags = random_below(4) ? 0 : MSG_WAITALL; break;
    case 11: prepare(r, OP_SEND, sockets[i][1], slot)->len = 1 + random_below(BUFFER); break;
    case 12:
      e = prepare(r, OP_POLL_ADD, pipes[i][0], slot);
      e->op_flags = POLLIN;
      e->len = 0;
      break;
    case 13:
      s->time.sec = 0;
      s->time.nsec = random_below(3000000);
      e = prepare(r, OP_TIMEOUT, -1, slot);
      e->addr = (uintptr_t)&s->time;
      e->len = 1;
      break;
    default: {
      uint32_t target = busy_slot(r);
      prepare(r, OP_ASYNC_CANCEL, -1, slot)->addr = user_data_of(r, target);
      ++*cancels;
      return;
    }
  }
  // What is not over within this call is over at some time; `main` counts the descriptors.
  e = &r->q.sqes[(*r->q.sq_tail - 1) & (r->q.sq_entries - 1)];
  if (e->fd < 0 || random_below(3)) return;
  e->fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
  CHECK(e->fd >= 0);
  e->flags |= SQE_OWN_DESCRIPTOR;
}

static void mixed(int file, uint32_t workers, uint32_t entries, uint32_t cq_entries) {
  struct ring ring, *r = &ring;
  uint32_t cancels = 0;
  pthread_t feeder;
  for (int i = 0; i < PIPES; i++) {
    CHECK(pipe(pipes[i]) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]) == 0);
    fcntl(pipes[i][1], F_SETFL, O_NONBLOCK);  // the feeder must not block; requests there answer -EAGAIN
  }
  __atomic_store_n(&feeding, 1, __ATOMIC_RELAXED);
  pthread_create(&feeder, NULL, feed, (void *)(uintptr_t)random_state);
  ring_open(r, entries, cq_entries, workers);
  for (int turn = 0; turn < 400; turn++) {
    for (uint32_t n = 1 + random_below(24); n > 0; n--) prepare_random(r, file, &cancels);
    switch (random_below(4)) {
      case 0: enter(r, 0, -1); break;
      case 1: enter(r, 1 + random_below(4), (int)random_below(3)); break;
      default:
        enter(r, 0, -1);
        reap(r);
        // Something is sure to come: the feeder, a timer or a worker.
        if (r->outstanding > 0) sleep_and_reap(r);
        break;
    }
    reap(r);
    while (r->outstanding > 300) {
      uint64_t victim = user_data_of(r, busy_slot(r));
      prepare(r, OP_ASYNC_CANCEL, -1, free_slot(r))->addr = victim;
      enter(r, 0, -1);
      reap(r);
    }
  }
  ring_drain(r);
  CHECK(r->completed > 400 && cancels > 0);
  ring_close(r);
  __atomic_store_n(&feeding, 0, __ATOMIC_RELAXED);
  pthread_join(feeder, NULL);
  for (int i = 0; i < PIPES; i++) close(pipes[i][0]), close(pipes[i][1]), close(sockets[i][0]), close(sockets[i][1]);
}

// More completions than the completion queue holds: they follow as there is room, and the flag says so.
static void overflow(void) {
  struct ring ring, *r = &ring;
  ring_open(r, 64, 16, 4);
  for (uint32_t i = 0; i < 1000; i++) {
    struct sqe *e = prepare(r, i % 2 ? OP_NOP : OP_STATX, AT_FDCWD, i);
    strcpy(r->slots[i].buffer, "/");
    e->off = (uintptr_t)r->slots[i].status;
    e->len = 0x7ff;
  }
  enter(r, 0, -1);
  CHECK(*r->q.cq_tail - *r->q.cq_head == 16);
  CHECK(__atomic_load_n(r->q.sq_flags, __ATOMIC_ACQUIRE) & POOL_SQ_TASKRUN);
  while (r->outstanding > 0) {
    reap(r);
    if (r->outstanding > 0) enter(r, 1, 1000);
  }
  CHECK(r->completed == 1000);
  ring_close(r);
}

// A thousand blocked reads and as many timers, two workers: files go on, and a cancellation is immediate.
static void blocked(int file) {
  struct ring ring, *r = &ring;
  int ends[2];
  CHECK(pipe(ends) == 0);
  ring_open(r, 128, 512, 2);
  for (uint32_t i = 0; i < 1000; i++) prepare(r, OP_READ, ends[0], i)->off = UINT64_MAX;
  for (uint32_t i = 1000; i < 2000; i++) {
    r->slots[i].time.sec = 1000;
    struct sqe *e = prepare(r, OP_TIMEOUT, -1, i);
    e->addr = (uintptr_t)&r->slots[i].time;
    e->len = 1;
  }
  enter(r, 0, -1);
  for (uint32_t i = 0; i < 200; i++) {
    struct sqe *e = prepare(r, OP_READ, file, 2000 + i);
    e->off = BUFFER;
    e->flags = SQE_ASYNC;
    enter(r, 1, 5000);
    CHECK(reap(r) == 1 && r->slots[2000 + i].result == BUFFER && r->slots[2000 + i].buffer[0] == 1);
  }
  CHECK(pool_threads(r->pool) <= 3);
  for (uint32_t i = 0; i < 2000; i++) {
    uint64_t user_data = user_data_of(r, i);
    prepare(r, OP_ASYNC_CANCEL, -1, 3000)->addr = user_data;
    enter(r, 0, -1);
    CHECK(reap(r) == 2 && r->slots[3000].result == 0 && r->slots[i].result == -ECANCELED);
    prepare(r, OP_ASYNC_CANCEL, -1, 3000)->addr = user_data;
    enter(r, 0, -1);
    CHECK(reap(r) == 1 && r->slots[3000].result == -ENOENT);
  }
  ring_close(r);
  close(ends[0]);
  close(ends[1]);
}

// Cancelling what workers are just taking up: 0 means that it never ran, and then it must say so.
static void cancel_race(int file, uint32_t workers) {
  struct ring ring, *r = &ring;
  uint32_t stopped = 0;
  ring_open(r, 128, 512, workers);
  for (int turn = 0; turn < 500; turn++) {
    uint32_t count = 1 + random_below(40);
    for (uint32_t i = 0; i < count; i++) prepare(r, OP_WRITE, file, i)->off = (uint64_t)(turn % FILE_BLOCKS) * BUFFER;
    if (random_below(2)) enter(r, 0, -1);
    for (uint32_t i = 0; i < count; i++) {
      prepare(r, OP_ASYNC_CANCEL, -1, 1000 + i)->addr = user_data_of(r, i);
    }
    while (r->outstanding > 0) {
      enter(r, 1, -1);
      reap(r);
    }
    for (uint32_t i = 0; i < count; i++) {
      int32_t cancel = r->slots[1000 + i].result, result = r->slots[i].result;
      bool either = cancel == -EALREADY && result == -ECANCELED;  // taken up, not begun
      CHECK(either || (cancel == 0 ? result == -ECANCELED : result == BUFFER), "%d, %d", cancel, result);
      stopped += cancel == 0;
    }
  }
  CHECK(stopped > 0);
  ring_close(r);
}

// Serial requests, as fast as they go: lingering workers, and answers inside pool_enter.
static void serial(int file) {
  struct ring ring, *r = &ring;
  ring_open(r, 8, 16, 4);
  for (uint32_t i = 0; i < 3000; i++) {
    prepare(r, OP_WRITE, file, 0)->off = 0;
    enter(r, 0, -1);
    reap(r);
    while (r->outstanding > 0) sleep_and_reap(r);
    if (i % 500 == 0) usleep(2000);
  }
  ring_close(r);
}

// Two workers take up reads of a pipe that holds one byte: the one that finds it empty must not begin to wait once it
// has been asked to stop, or it would for ever.
static void stopped_before_waiting(void) {
  struct ring ring, *r = &ring;
  int pair[2];
  static char large[128 * 1024];
  CHECK(pipe(pair) == 0);
  ring_open(r, 8, 16, 2);
  for (int turn = 0; turn < 300; turn++) {
    CHECK(write(pair[1], "x", 1) == 1);
    for (uint32_t i = 0; i < 2; i++) {
      struct sqe *e = prepare(r, OP_READ, pair[0], i);
      e->off = UINT64_MAX;
      e->addr = (uintptr_t)large;
      e->len = sizeof large;
    }
    enter(r, 0, -1);
    for (uint32_t i = 0; i < 2; i++) prepare(r, OP_ASYNC_CANCEL, -1, 2 + i)->addr = user_data_of(r, i);
    enter(r, 0, -1);
    reap(r);
    while (r->outstanding > 0) {
      CHECK(enter(r, 1, LOST_MS) != -ETIME, "cancelled %d, %d", r->slots[2].result, r->slots[3].result);
      reap(r);
    }
    char left;
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    while (read(pair[0], &left, 1) == 1) {}
    fcntl(pair[0], F_SETFL, 0);
  }
  ring_close(r);
  close(pair[0]);
  close(pair[1]);
}

// Timers end when they should, whatever was cancelled between them.
static void timers(void) {
  struct ring ring, *r = &ring;
  enum { COUNT = 600, LATE_MS = 1500 };
  int64_t deadlines[COUNT];
  ring_open(r, 128, 512, 1);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t ms = i % 2 ? 20 + random_below(60) : 5000 + random_below(1000);
    r->slots[i].time.sec = ms / 1000;
    r->slots[i].time.nsec = ms % 1000 * 1000000;
    deadlines[i] = pool_now() + (int64_t)ms * 1000000;
    struct sqe *e = prepare(r, OP_TIMEOUT, -1, i);
    e->addr = (uintptr_t)&r->slots[i].time;
    e->len = 1;
  }
  for (uint32_t n = 0; n < 200; n++) {
    uint32_t i = random_below(COUNT);
    if (!r->slots[i].busy) continue;
    prepare(r, OP_ASYNC_CANCEL, -1, COUNT)->addr = user_data_of(r, i);
    enter(r, 0, -1);
    reap(r);
  }
  for (uint32_t left = 1; left > 0;) {
    left = 0;
    int64_t now = pool_now();
    for (uint32_t i = 1; i < COUNT; i += 2) {
      if (!r->slots[i].busy) continue;
      left++;
      CHECK(now < deadlines[i] + (int64_t)LATE_MS * 1000000, "timer %u late", i);
    }
    if (left == 0) break;
    enter(r, 1, 50);
    reap(r);
  }
  for (uint32_t i = 1; i < COUNT; i += 2) {
    CHECK(r->slots[i].result == -ECANCELED || pool_now() >= deadlines[i], "timer %u early", i);
  }
  ring_drain(r);
  ring_close(r);
}

// Waiting needs a descriptor where another request waits on the same one. Without any left it takes longer, no more.
static void scarce_descriptors(void) {
  struct ring ring, *r = &ring;
  struct rlimit before, scarce;
  int pair[2];
  CHECK(pipe(pair) == 0);
  ring_open(r, 64, 512, 2);
  getrlimit(RLIMIT_NOFILE, &before);
  scarce = before;
  scarce.rlim_cur = (rlim_t)dup(0) + 3;
  close((int)scarce.rlim_cur - 3);
  CHECK(setrlimit(RLIMIT_NOFILE, &scarce) == 0);
  for (uint32_t i = 0; i < 40; i++) {
    struct sqe *e = prepare(r, OP_READ, pair[0], i);
    e->off = UINT64_MAX;
    e->len = 1;
  }
  enter(r, 0, -1);
  for (uint32_t i = 0; i < 40; i++) CHECK(write(pair[1], "x", 1) == 1);
  while (r->outstanding > 0) {
    CHECK(enter(r, 1, LOST_MS) != -ETIME);
    reap(r);
  }
  for (uint32_t i = 0; i < 40; i++) CHECK(r->slots[i].result == 1, "%d", r->slots[i].result);
  setrlimit(RLIMIT_NOFILE, &before);
  ring_close(r);
  close(pair[0]);
  close(pair[1]);
}

// Many wait for connections and few come: no worker may be caught in accept().
static void acceptors(int file) {
  struct ring ring, *r = &ring;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t size = sizeof name;
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0 && listen(listener, 16) == 0);
  getsockname(listener, (struct sockaddr *)&name, &size);
  ring_open(r, 128, 512, 2);
  for (uint32_t i = 0; i < 20; i++) prepare(r, OP_ACCEPT, listener, i)->addr = 0;
  enter(r, 0, -1);
  for (int turn = 0; turn < 10; turn++) {
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(client, (struct sockaddr *)&name, size) == 0);
    CHECK(enter(r, 1, LOST_MS) >= 0);
    CHECK(reap(r) == 1);
    for (uint32_t i = 100; i < 104; i++) prepare(r, OP_FSYNC, file, i)->len = 0;
    enter(r, 0, -1);
    for (uint32_t n = 0; n < 4;) {
      CHECK(enter(r, 1, LOST_MS) != -ETIME, "the workers are caught");
      n += reap(r);
    }
    close(client);
  }
  for (uint32_t i = 0; i < 20; i++) {
    if (r->slots[i].busy) {
      prepare(r, OP_ASYNC_CANCEL, -1, 100)->addr = user_data_of(r, i);
      enter(r, 0, -1);
      CHECK(reap(r) == 2 && r->slots[100].result == 0 && r->slots[i].result == -ECANCELED, "%d", r->slots[100].result);
    } else {
      close(r->slots[i].result);
    }
  }
  ring_close(r);
  close(listener);
}

static void connections(void) {
  struct ring ring, *r = &ring;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), clients[40];
  CHECK(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0 && listen(listener, 2) == 0);
  socklen_t size = sizeof name;
  getsockname(listener, (struct sockaddr *)&name, &size);
  ring_open(r, 128, 512, 2);
  // More connections than the backlog holds, and more acceptors than workers.
  for (uint32_t i = 0; i < 40; i++) {
    clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sqe *e = prepare(r, OP_CONNECT, clients[i], i);
    e->addr = (uintptr_t)&name;
    e->off = size;
    e->len = 0;
  }
  enter(r, 0, -1);
  for (uint32_t i = 40; i < 80; i++) prepare(r, OP_ACCEPT, listener, i)->addr = 0;
  while (r->outstanding > 0) {
    enter(r, r->prepared ? 0 : 1, 5000);
    reap(r);
  }
  for (uint32_t i = 0; i < 80; i++) {
    int32_t result = r->slots[i].result;
    CHECK(i < 40 ? result == 0 : result > 2, "%d", result);
  }
  for (uint32_t i = 0; i < 40; i++) {
    CHECK(!(fcntl(clients[i], F_GETFL) & O_NONBLOCK));
    close(clients[i]);
    close(r->slots[40 + i].result);
  }
  ring_close(r);
  close(listener);
}

// Queued, waiting and running requests at the end: cancelled or awaited.
static void ends(int file) {
  for (int i = 0; i < 60; i++) {
    struct ring ring, *r = &ring;
    int pair[2];
    CHECK(pipe(pair) == 0);
    ring_open(r, 128, 512, 1 + random_below(4));
    for (uint32_t s = 0; s < 100; s++) {
      struct sqe *e = prepare(r, s % 3 ? OP_WRITE : OP_READ, s % 3 ? file : pair[0], s);
      e->off = s % 3 ? 0 : UINT64_MAX;
    }
    enter(r, 0, -1);
    pool_cancel_all(r->pool);
    ring_drain(r);
    ring_close(r);
    close(pair[0]);
    close(pair[1]);
  }
}

int main(int argc, char **argv) {
  CHECK(argc == 4);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN);
  random_state = strtoull(argv[1], NULL, 10);
  int file = open_file(argv[3]);
  int descriptors = open_descriptors();
  for (int round = 0; round < atoi(argv[2]); round++) {
    mixed(file, 1, 8, 16);
    mixed(file, 2, 32, 512);
    mixed(file, 16, 128, 512);
  }
  // The others look at contents, which the random writes have changed.
  close(file);
  file = open_file(argv[3]);
  blocked(file);
  overflow();
  cancel_race(file, 1);
  cancel_race(file, 8);
  serial(file);
  stopped_before_waiting();
  timers();
  scarce_descriptors();
  connections();
  acceptors(file);
  ends(file);
  CHECK(open_descriptors() == descriptors, "%d, not %d descriptors", open_descriptors(), descriptors);
  puts("ok");
  return 0;
}
