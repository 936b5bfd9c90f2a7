// The limit: what one C thread gets out of a raw ring for the same workloads, compiled on the spot by `npm run
// bench` (`cc -O2 limit.c`; no liburing). It reads the same files at offsets from the same generator, checks the same
// words, and prints one line of JSON. The order of the file is the order of a run: the ring, the lanes (one per
// request in flight), one pair of functions per workload, main.
//
//   limit read|write|append|small|sequence|whole KEY VALUE…     keys: see parse()
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Set-up flags by our own names: distributions' headers may be too old for theirs (Debian 12 has 6.1's).
enum {
  SUBMIT_ALL = 1 << 7,     // 5.18
  COOP_TASKRUN = 1 << 8,   // 5.19
  TASKRUN_FLAG = 1 << 9,   // 5.19
  SINGLE_ISSUER = 1 << 12, // 6.0
  DEFER_TASKRUN = 1 << 13, // 6.1
  NO_SQARRAY = 1 << 16,    // 6.6
};

enum { LANES_MAX = 1024, BLOCK = 4096 };
static unsigned in_flight; // results still to come

// ── the ring ───────────────────────────────────────────────────────────────────────────────────────────────

static struct {
  int fd;
  unsigned tail, pending; // pending: entries written since the kernel was last told
  unsigned *sq_tail, *cq_head, *cq_tail, sq_mask, cq_mask;
  struct io_uring_sqe *entries;
  struct io_uring_cqe *results;
} ring;

static void ring_open(unsigned entries) {
  const unsigned deferred = SINGLE_ISSUER | DEFER_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL;
  const unsigned choices[] = {deferred | NO_SQARRAY, deferred, COOP_TASKRUN | TASKRUN_FLAG, 0};
  struct io_uring_params p;
  for (unsigned i = 0; i < sizeof choices / sizeof *choices; i++) {
    memset(&p, 0, sizeof p);
    p.flags = choices[i];
    ring.fd = syscall(__NR_io_uring_setup, entries, &p);
    if (ring.fd >= 0 || errno != EINVAL) break;
  }
  if (ring.fd < 0) err(1, "io_uring_setup");
  if (!(p.features & IORING_FEAT_SINGLE_MMAP)) errx(1, "io_uring of a kernel before 5.4");

  size_t sq = p.sq_off.array + p.sq_entries * sizeof(unsigned);
  size_t cq = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
  char *queues = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, 0);
  ring.entries = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
  if (queues == MAP_FAILED || ring.entries == MAP_FAILED) err(1, "mmap of the ring");

  ring.sq_tail = (unsigned *)(queues + p.sq_off.tail);
  ring.sq_mask = *(unsigned *)(queues + p.sq_off.ring_mask);
  ring.cq_head = (unsigned *)(queues + p.cq_off.head);
  ring.cq_tail = (unsigned *)(queues + p.cq_off.tail);
  ring.cq_mask = *(unsigned *)(queues + p.cq_off.ring_mask);
  ring.results = (struct io_uring_cqe *)(queues + p.cq_off.cqes);
  if (!(p.flags & NO_SQARRAY)) {
    unsigned *array = (unsigned *)(queues + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
  }
}

/** The next free entry, cleared. There is always one: the queue has two for every lane, which is what a lane needs. */
static struct io_uring_sqe *ring_entry(int opcode, int fd, unsigned lane) {
  struct io_uring_sqe *entry = &ring.entries[ring.tail++ & ring.sq_mask];
  memset(entry, 0, sizeof *entry);
  entry->opcode = opcode;
  entry->fd = fd;
  entry->user_data = lane;
  ring.pending++, in_flight++;
  return entry;
}

/** One system call: hands over everything queued and waits for one completion. */
static void ring_enter(void) {
  __atomic_store_n(ring.sq_tail, ring.tail, __ATOMIC_RELEASE);
  int n = syscall(__NR_io_uring_enter, ring.fd, ring.pending, 1, IORING_ENTER_GETEVENTS, NULL, 0);
  if (n >= 0) ring.pending -= n;
  else if (errno != EINTR && errno != EAGAIN && errno != EBUSY) err(1, "io_uring_enter"); // those: drain, come again
}

// ── the run: lanes, the generator, the clock ───────────────────────────────────────────────────────────────

struct lane {
  int fd, step;
  uint32_t expected; // number of the block or file being transferred
  uint64_t position;
  char *buffer;
  char path[512]; // the kernel reads it after ring_entry(): one per lane
};

static struct lane lanes[LANES_MAX];
static unsigned long long operations;
static double deadline;
static int over;

static const char *path = ""; // the file, or the prefix of numbered files
static unsigned depth = 1, ms = 1000, seed = 1, direct;
static unsigned size = BLOCK;   // bytes per transfer, or of a whole file
static unsigned count = 1;      // blocks in the file, or files
static unsigned per_folder = 1; // small files in one folder
static unsigned stamp;          // second word of every block written: which slice wrote it
static unsigned look_mask = 15; // the clock is read every 16 operations, for large ones after each

static const struct key { const char *name; unsigned *value; } keys[] = {
    {"depth", &depth}, {"ms", &ms},       {"seed", &seed},   {"direct", &direct},
    {"size", &size},   {"count", &count}, {"stamp", &stamp}, {"perFolder", &per_folder},
};

static void parse(int n, char **words) {
  for (int i = 0; i + 1 < n; i += 2) {
    if (!strcmp(words[i], "path")) path = words[i + 1];
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++)
      if (!strcmp(words[i], keys[k].name)) *keys[k].value = strtoul(words[i + 1], NULL, 10);
  }
  if (depth < 1 || depth > LANES_MAX) errx(1, "depth must be 1 to %d", LANES_MAX);
  if (seed == 0) seed = 1; // xorshift stays at 0
  if (size >= 1 << 18) look_mask = 0;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_micros(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u); // io-wq workers are threads of this process: included
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/** Marsaglia's xorshift32, as bench/random.ts has it. */
static uint32_t random_next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static void finished(void) {
  if ((++operations & look_mask) == 0 && seconds() >= deadline) over = 1;
}

/** A transfer between the lane's buffer, from `begin` on, and the file at `position`. */
static struct io_uring_sqe *transfer(int opcode, unsigned lane, unsigned begin, uint64_t position) {
  struct io_uring_sqe *entry = ring_entry(opcode, lanes[lane].fd, lane);
  entry->addr = (uintptr_t)lanes[lane].buffer + begin;
  entry->len = size - begin;
  entry->off = position;
  return entry;
}

// ── the workloads: `start` begins a lane's next operation, `done` receives each of its results ─────────────

static void block_start(unsigned i, int opcode) {
  lanes[i].expected = random_next() & (count - 1); // a power of two
  if (opcode == IORING_OP_WRITE) *(uint32_t *)lanes[i].buffer = lanes[i].expected;
  transfer(opcode, i, 0, (uint64_t)lanes[i].expected * size);
}
static void read_start(unsigned i) { block_start(i, IORING_OP_READ); }
static void write_start(unsigned i) { block_start(i, IORING_OP_WRITE); }
static int block_done(unsigned i, int result) {
  if (result != (int)size) errx(1, "transfer of block %u: %d", lanes[i].expected, result);
  if (*(uint32_t *)lanes[i].buffer != lanes[i].expected) errx(1, "block %u: wrong data", lanes[i].expected);
  finished();
  return 1;
}

static void append_start(unsigned i) { // write, then fdatasync, linked: two results
  lanes[i].step = 0;
  *(uint32_t *)lanes[i].buffer = lanes[i].position / size;
  transfer(IORING_OP_WRITE, i, 0, lanes[i].position)->flags = IOSQE_IO_LINK;
  ring_entry(IORING_OP_FSYNC, lanes[i].fd, i)->fsync_flags = IORING_FSYNC_DATASYNC;
}
static int append_done(unsigned i, int result) {
  if (result != (lanes[i].step == 0 ? (int)size : 0)) errx(1, "append, step %d: %d", lanes[i].step, result);
  if (lanes[i].step++ == 0) return 0;
  lanes[i].position += size;
  finished();
  return 1;
}

static void sequence_start(unsigned i) {
  if (lanes[i].position + size > (uint64_t)count * size) lanes[i].position = 0;
  lanes[i].expected = lanes[i].position / BLOCK;
  transfer(IORING_OP_READ, i, 0, lanes[i].position);
  lanes[i].position += size;
}

// open, read, close; `small` files come by one read, `whole` ones by as many as it takes, on a worker thread each
// (copying 16 MiB inside the submission leaves every other core idle: measured 3 to 5 times slower on two cores)
static unsigned punt;

static void file_start(unsigned i) {
  struct lane *lane = &lanes[i];
  lane->step = lane->position = 0;
  lane->expected = random_next() % count;
  int n = snprintf(lane->path, sizeof lane->path, "%s", path);
  if (per_folder > 1) n += snprintf(lane->path + n, sizeof lane->path - n, "%u/", lane->expected / per_folder);
  snprintf(lane->path + n, sizeof lane->path - n, "%u", lane->expected);
  struct io_uring_sqe *entry = ring_entry(IORING_OP_OPENAT, AT_FDCWD, i);
  entry->addr = (uintptr_t)lane->path;
  entry->open_flags = O_RDONLY | O_CLOEXEC;
}
static int file_done(unsigned i, int result) {
  struct lane *lane = &lanes[i];
  if (result < 0 || (lane->step == 1 && result == 0)) errx(1, "%s, step %d: %d", lane->path, lane->step, result);
  switch (lane->step) {
  case 0: // opened
    lane->fd = result;
    lane->step++;
    if (punt && !(lane->buffer = malloc(size))) errx(1, "no memory"); // fresh for each file, as readFile() has it
    transfer(IORING_OP_READ, i, 0, 0)->flags = punt ? IOSQE_ASYNC : 0;
    return 0;
  case 1: // read
    lane->position += result;
    if (lane->position < size) {
      transfer(IORING_OP_READ, i, lane->position, lane->position)->flags = punt ? IOSQE_ASYNC : 0;
      return 0;
    }
    if (*(uint32_t *)lane->buffer != lane->expected || // and the last block's number, where there are several
        (punt && *(uint32_t *)(lane->buffer + size - BLOCK) != size / BLOCK - 1)) errx(1, "%s: wrong data", lane->path);
    lane->step++;
    ring_entry(IORING_OP_CLOSE, lane->fd, i);
    return 0;
  default: // closed
    if (punt) free(lane->buffer);
    finished();
    return 1;
  }
}

static const struct workload {
  const char *name;
  void (*start)(unsigned lane);
  int (*done)(unsigned lane, int result); // 1 when the lane's operation is complete
  int open_flags;                         // -1: the workload opens its files itself
} workloads[] = {
    {"read", read_start, block_done, O_RDONLY},      {"write", write_start, block_done, O_RDWR},
    {"append", append_start, append_done, O_WRONLY}, {"sequence", sequence_start, block_done, O_RDONLY},
    {"small", file_start, file_done, -1},            {"whole", file_start, file_done, -1},
};

static void prepare(const struct workload *workload) {
  char *memory = NULL;
  int fd = -1, own = !strcmp(workload->name, "append");
  punt = !strcmp(workload->name, "whole");
  if (!punt && posix_memalign((void **)&memory, BLOCK, (size_t)size * depth)) errx(1, "no memory");
  for (unsigned i = 0; i < depth; i++) {
    if (memory) ((uint32_t *)(lanes[i].buffer = memset(memory + (size_t)size * i, 1, size)))[1] = stamp;
    if (workload->open_flags < 0) continue;
    snprintf(lanes[i].path, sizeof lanes[i].path, own ? "%s%u" : "%s", path, i);
    if (own || fd < 0) fd = open(lanes[i].path, workload->open_flags | (direct ? O_DIRECT : 0) | O_CLOEXEC);
    if (fd < 0) err(1, "%s", lanes[i].path);
    lanes[i].fd = fd;
  }
}

int main(int n, char **words) {
  const struct workload *workload = NULL;
  for (unsigned i = 0; n > 1 && i < sizeof workloads / sizeof *workloads; i++)
    if (!strcmp(workloads[i].name, words[1])) workload = &workloads[i];
  if (!workload) errx(1, "usage: limit read|write|append|sequence|small|whole KEY VALUE…");
  parse(n - 2, words + 2);
  prepare(workload);
  ring_open(2 * depth);

  double begun = seconds(), cpu = cpu_micros();
  deadline = begun + ms / 1e3;
  for (unsigned i = 0; i < depth; i++) workload->start(i);
  while (in_flight > 0) {
    ring_enter();
    unsigned head = *ring.cq_head;
    for (unsigned end = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE); head != end; head++) {
      struct io_uring_cqe *result = &ring.results[head & ring.cq_mask];
      unsigned lane = result->user_data;
      in_flight--;
      if (workload->done(lane, result->res) && !over) workload->start(lane);
    }
    __atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
  }
  printf("{\"operations\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f}\n",
         operations, operations * size, seconds() - begun, cpu_micros() - cpu);
}
