// The io_uring engine: three system calls and three mappings. Which flags to ask for, what to do when the kernel
// refuses, and what the entries mean is decided in TypeScript (src/ring/).
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

// io_uring's numbers are the same on every architecture; older headers lack them.
enum { NR_SETUP = 425, NR_ENTER = 426, NR_REGISTER = 427 };
enum { OFF_RING = 0, OFF_SQES = 0x10000000 };
enum { ENTER_GETEVENTS = 1u << 0, ENTER_SQ_WAKEUP = 1u << 1, ENTER_EXT_ARG = 1u << 3, ENTER_REGISTERED_RING = 1u << 4 };
enum { REGISTER_EVENTFD = 4, REGISTER_RING_FDS = 20, UNREGISTER_RING_FDS = 21, REGISTER_SYNC_CANCEL = 24 };
enum { CANCEL_ALL = 1u << 0, CANCEL_ANY = 1u << 2 };
enum { SETUP_SQPOLL = 1u << 1, SETUP_DEFER_TASKRUN = 1u << 13, SETUP_NO_SQARRAY = 1u << 16 };
enum { FEAT_SINGLE_MMAP = 1u << 0, FEAT_EXT_ARG = 1u << 8 };

struct timespec64 { int64_t sec, nsec; };
struct getevents_arg { uint64_t sigmask; uint32_t sigmask_size, min_wait_usec; uint64_t timeout; };
struct sync_cancel { uint64_t addr; int32_t fd; uint32_t flags; struct timespec64 timeout; uint8_t opcode, pad[7]; uint64_t pad2[3]; };
struct rsrc_update { uint32_t offset, resv; uint64_t data; };

static int uring_enter(struct queues *q, uint32_t to_submit, uint32_t min_complete, uint32_t flags) {
  // The kernel's own thread has seen the new tail already, and is awake.
  if (q->polled && !(flags & (ENTER_GETEVENTS | ENTER_SQ_WAKEUP))) {
    q->control[CTL_SYSTEM_CALLS]--;
    return (int)to_submit;
  }
  struct timespec64 timeout = {q->control[CTL_TIMEOUT_SEC], q->control[CTL_TIMEOUT_NSEC]};
  struct getevents_arg arg = {.timeout = (uintptr_t)&timeout};
  long n;
  if (q->control[CTL_TIMEOUT_SET]) {
    q->control[CTL_TIMEOUT_SET] = 0;
    n = syscall(NR_ENTER, q->enter_fd, to_submit, min_complete, flags | q->enter_flags | ENTER_EXT_ARG, &arg,
                sizeof arg);
  } else {
    n = syscall(NR_ENTER, q->enter_fd, to_submit, min_complete, flags | q->enter_flags, NULL, 0);
  }
  return n < 0 ? -errno : (int)n;
}

static bool uring_post_deferred(struct queues *q) {
  syscall(NR_ENTER, q->enter_fd, 0, 0, ENTER_GETEVENTS | q->enter_flags, NULL, 0);
  return true;
}

// Linux 6.0: cancels without needing a submission entry, which a terminated script may have left half written.
// Before that, closing the thread's ring cancels as well; the drain then only waits.
static void uring_cancel_all(struct queues *q) {
  struct sync_cancel arg = {.fd = -1, .flags = CANCEL_ALL | CANCEL_ANY, .timeout = {0, 0}};
  syscall(NR_REGISTER, q->ring_fd, REGISTER_SYNC_CANCEL, &arg, 1);
}

static void uring_destroy(struct queues *q) {
  // The mappings hold a reference on the ring: closing the descriptor alone would leave it running.
  mapping_close(q->sqes);
  mapping_close(q->ring);
  if (q->enter_flags & ENTER_REGISTERED_RING) {
    struct rsrc_update update = {.offset = (uint32_t)q->enter_fd};
    syscall(NR_REGISTER, q->ring_fd, UNREGISTER_RING_FDS, &update, 1);
  }
  if (q->ring_fd >= 0) close(q->ring_fd);
}

static const struct engine uring = {
    .enter = uring_enter,
    .post_deferred = uring_post_deferred,
    .cancel_all = uring_cancel_all,
    .destroy = uring_destroy,
};

static int uring_map(struct queues *q, struct params *p) {
  if (!(p->features & FEAT_SINGLE_MMAP) || !(p->features & FEAT_EXT_ARG)) return -ENOSYS;  // before Linux 5.11
  size_t sq_end = p->sq.array + p->sq_entries * sizeof(uint32_t);
  size_t cq_end = p->cq.cqes + p->cq_entries * 16;
  int flags = MAP_SHARED | MAP_POPULATE;
  q->ring = mapping_open(sq_end > cq_end ? sq_end : cq_end, flags, q->ring_fd, OFF_RING);
  if (!q->ring) return -errno;
  q->sqes = mapping_open((size_t)p->sq_entries * 64, flags, q->ring_fd, OFF_SQES);
  if (!q->sqes) return -errno;
  char *ring = q->ring->memory;
  q->cq_head = (uint32_t *)(ring + p->cq.head);
  q->cq_tail = (uint32_t *)(ring + p->cq.tail);
  q->sq_flags = (uint32_t *)(ring + p->sq.flags);
  q->cq_entries = p->cq_entries;
  q->polled = p->flags & SETUP_SQPOLL;
  // Before Linux 6.3 workers of the kernel post by themselves even so; NO_SQARRAY, of 6.6, tells that it is later.
  q->posts_anytime = !(p->flags & SETUP_DEFER_TASKRUN) || !(p->flags & SETUP_NO_SQARRAY);
  return 0;
}

// uringOpen(params: ArrayBuffer(120), onWake): the object of queues_expose(), or -errno. The kernel's answer
// (offsets, features, real sizes) is left in `params`.
napi_value uring_open(napi_env env, napi_callback_info info) {
  size_t argc = 2, size;
  napi_value argv[2];
  struct params *p;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_arraybuffer_info(env, argv[0], (void **)&p, &size) != napi_ok || size != sizeof *p) {
    return js_int(env, -EINVAL);
  }
  struct queues *q = queues_create(env);
  if (!q) return js_int(env, -errno);
  q->engine = &uring;
  q->ring_fd = q->enter_fd = (int)syscall(NR_SETUP, p->sq_entries, p);
  int error = q->ring_fd < 0 ? -errno : uring_map(q, p);
  if (!error && syscall(NR_REGISTER, q->ring_fd, REGISTER_EVENTFD, &q->event_fd, 1) < 0) error = -errno;
  if (error) {
    queues_destroy(q);
    return js_int(env, error);
  }
  // Saves the descriptor look-up on every enter (205 → 121 ns in a process with threads); the index belongs to
  // this thread. Linux 5.18; without it the plain descriptor serves.
  struct rsrc_update update = {.offset = UINT32_MAX, .data = (uint64_t)q->ring_fd};
  if (syscall(NR_REGISTER, q->ring_fd, REGISTER_RING_FDS, &update, 1) == 1) {
    q->enter_fd = (int)update.offset;
    q->enter_flags = ENTER_REGISTERED_RING;
  }
  return queues_expose(q, argv[1]);
}

// uringRegister(handle, opcode, argument: ArrayBuffer | null, count): io_uring_register's result or -errno.
napi_value uring_register(napi_env env, napi_callback_info info) {
  size_t argc = 4, size;
  napi_value argv[4];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct queues *q = queues_unwrap(env, argv[0]);
  if (!q || q->closed || q->engine != &uring) return js_int(env, -EBADF);
  uint32_t opcode, count;
  void *argument = NULL;
  if (napi_get_value_uint32(env, argv[1], &opcode) != napi_ok || napi_get_value_uint32(env, argv[3], &count) != napi_ok) {
    return js_int(env, -EINVAL);
  }
  napi_get_arraybuffer_info(env, argv[2], &argument, &size);  // null: no argument
  long result = syscall(NR_REGISTER, q->ring_fd, opcode, argument, count);
  return js_int(env, result < 0 ? -errno : result);
}
