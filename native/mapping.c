// Memory that an engine and JavaScript share: the rings, the submission entries, the control block.
//
// Whoever can write a submission entry can read and write any address of the process, so a ring that closes must take
// that memory away from every typed array that is left. Detaching the ArrayBuffers would do it, but then V8 no longer
// relies on any typed array of the thread to have memory ("array buffer detaching" protector), and loops over them are
// slower until the thread ends (figures: ARCHITECTURE.md, Memory). So they keep their addresses and lose what was
// behind: from the closing of the ring until the ArrayBuffer has been collected, memory of nobody is there.
//
// Called on the JavaScript thread only. At the end of an environment Node runs the finalizers of what has not been
// collected, before or after the clean-up hook that closes a ring: hence the count of holders.
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ring.h"

struct mapping *mapping_open(size_t size, int flags, int fd, int64_t offset) {
  struct mapping *m = malloc(sizeof *m);
  if (!m) return NULL;
  m->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
  m->size = size;
  m->is_kernels = flags & MAP_SHARED;
  m->holders = 1;
  if (m->memory == MAP_FAILED) {
    int saved = errno;
    free(m);
    errno = saved;
    return NULL;
  }
  madvise(m->memory, size, MADV_DONTFORK);  // a forked child must not touch the parent's queues
  return m;
}

static void release(struct mapping *m) {
  if (--m->holders > 0) return;
  munmap(m->memory, m->size);
  free(m);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)data;
  release(hint);
}

napi_value mapping_expose(napi_env env, struct mapping *m) {
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, m->memory, m->size, on_collected, m, &buffer) != napi_ok) return NULL;
  m->holders++;
  return buffer;
}

// From here on zeros are read there, and nobody sees what is written. All of it is replaced, also what is ours alone:
// what is left of closed rings is then alike, and the kernel counts neighbours as one mapping (vm.max_map_count).
static void vacate(struct mapping *m) {
  // Read-only first. Writable memory counts against limits (RLIMIT_DATA, vm.overcommit_memory=2), and the kernel looks
  // at one of them when the old mapping is gone already: then anybody's memory could come to lie there.
  int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (mmap(m->memory, m->size, PROT_READ, flags, -1, 0) != MAP_FAILED) {
    mprotect(m->memory, m->size, PROT_READ | PROT_WRITE);  // if a limit refuses, a late write is a fault instead
  } else if (m->is_kernels && mprotect(m->memory, m->size, PROT_NONE) < 0) {
    abort();  // neither replaced (vm.max_map_count) nor locked: better no process than one that leaves them open
  }
}

void mapping_close(struct mapping *m) {
  if (!m) return;
  if (m->holders > 1) vacate(m);
  release(m);
}
