// The C library's <aio.h> in the loop that every text on it shows: submit all, aio_suspend, collect what is over, submit
// it again. Compiled on the spot by `npm run bench` (`cc -O2 glibc.c -lrt`); workloads/posix-reads.ts has the same loop
// in TypeScript. It reads the same blocks as every other contestant, checks the same words, and prints one line of JSON.
//
//   glibc read KEY VALUE…     keys: see parse()
#define _GNU_SOURCE
#include <aio.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { DEPTH_MAX = 1024 };

static const char *path = "";
static unsigned depth = 1, ms = 1000, seed = 1, direct, size = 4096, count = 1;

static const struct key { const char *name; unsigned *value; } keys[] = {
    {"depth", &depth}, {"ms", &ms}, {"seed", &seed}, {"direct", &direct}, {"size", &size}, {"count", &count},
};

static void parse(int n, char **words) {
  for (int i = 0; i + 1 < n; i += 2) {
    if (!strcmp(words[i], "path")) path = words[i + 1];
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++)
      if (!strcmp(words[i], keys[k].name)) *keys[k].value = strtoul(words[i + 1], NULL, 10);
  }
  if (depth < 1 || depth > DEPTH_MAX) errx(1, "depth must be 1 to %d", DEPTH_MAX);
  if (seed == 0) seed = 1; // xorshift stays at 0
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_micros(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u); // the library's threads included
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/** Marsaglia's xorshift32, as bench/random.ts has it. */
static uint32_t random_next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static struct aiocb blocks[DEPTH_MAX];
static const struct aiocb *list[DEPTH_MAX]; // null: nothing in flight there
static uint32_t expected[DEPTH_MAX];

static void submit(unsigned i) {
  expected[i] = random_next() & (count - 1); // a power of two
  blocks[i].aio_offset = (off_t)expected[i] * size;
  if (aio_read(&blocks[i])) err(1, "aio_read");
  list[i] = &blocks[i];
}

int main(int n, char **words) {
  if (n < 2 || strcmp(words[1], "read")) errx(1, "usage: glibc read KEY VALUE…");
  parse(n - 2, words + 2);
  int fd = open(path, O_RDONLY | (direct ? O_DIRECT : 0));
  if (fd < 0) err(1, "%s", path);
  for (unsigned i = 0; i < depth; i++) {
    void *buffer;
    if (posix_memalign(&buffer, 4096, size)) errx(1, "no memory");
    blocks[i] = (struct aiocb){.aio_fildes = fd, .aio_buf = buffer, .aio_nbytes = size};
    blocks[i].aio_sigevent.sigev_notify = SIGEV_NONE;
  }

  unsigned long long operations = 0;
  unsigned in_flight = depth;
  int over = 0;
  double begun = seconds(), cpu = cpu_micros(), deadline = begun + ms / 1e3;
  for (unsigned i = 0; i < depth; i++) submit(i);
  while (in_flight > 0) {
    if (aio_suspend(list, depth, NULL) && errno != EINTR) err(1, "aio_suspend");
    for (unsigned i = 0; i < depth; i++) {
      if (!list[i] || aio_error(&blocks[i]) == EINPROGRESS) continue;
      ssize_t result = aio_return(&blocks[i]);
      uint32_t found = *(volatile uint32_t *)blocks[i].aio_buf;
      if (result != size || found != expected[i]) errx(1, "block %u: %zd, says %u", expected[i], result, found);
      list[i] = NULL;
      if ((++operations & 15) == 0 && seconds() >= deadline) over = 1;
      if (over) in_flight--;
      else submit(i);
    }
  }
  printf("{\"operations\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f}\n", operations,
         operations * size, seconds() - begun, cpu_micros() - cpu);
}
