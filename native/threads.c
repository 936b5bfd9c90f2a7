// The threads engine: a submission and a completion queue in anonymous memory, laid out as io_uring lays out its own,
// and a pool of threads behind them (pool.h). For where io_uring is refused; TypeScript cannot tell the difference.
//
// Called on the JavaScript thread only. The pool knows nothing of Node: it gets the queues and the eventfd under
// uv_poll, and queues.c does the rest as for every engine.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "ring.h"

// Offsets in the ring mapping: what the two sides write lies on cache lines of its own.
enum { SQ_HEAD = 0, SQ_TAIL = 64, SQ_MASK = 128, SQ_ENTRIES = 132, SQ_FLAGS = 192, CQ_HEAD = 256, CQ_TAIL = 320,
       CQ_MASK = 384, CQ_ENTRIES = 388, CQES = 448 };
enum { ENTRIES_MAX = 32768, CQ_ENTRIES_MAX = 2 * 65536 };

// Entries that have been consumed: what they own the pool closes, not the end of the environment.
static void forget_own_descriptors(const struct queues *q, uint32_t head, int consumed) {
  const struct sqe *entries = q->sqes->memory;
  uint32_t mask = *(uint32_t *)((char *)q->ring->memory + SQ_MASK);
  for (int i = 0; i < consumed; i++) {
    const struct sqe *e = &entries[(head + (uint32_t)i) & mask];
    if (e->flags & SQE_OWN_DESCRIPTOR) fds_forget(q->env, e->fd);
  }
}

static int threads_enter(struct queues *q, uint32_t to_submit, uint32_t min_complete, uint32_t flags) {
  struct timespec timeout = {q->control[CTL_TIMEOUT_SEC], q->control[CTL_TIMEOUT_NSEC]};
  bool limited = q->control[CTL_TIMEOUT_SET];
  q->control[CTL_TIMEOUT_SET] = 0;
  uint32_t head = *(uint32_t *)((char *)q->ring->memory + SQ_HEAD);
  int consumed = pool_enter(q->pool, to_submit, min_complete, flags, limited ? &timeout : NULL);
  forget_own_descriptors(q, head, consumed);
  return consumed;
}

static bool threads_post_deferred(struct queues *q) {
  pool_post(q->pool);
  return false;
}

static void threads_cancel_all(struct queues *q) { pool_cancel_all(q->pool); }

void threads_destroy(struct queues *q) {
  if (q->pool) pool_close(q->pool);
  mapping_close(q->sqes);
  mapping_close(q->ring);
}

static const struct engine threads = {
    .enter = threads_enter,
    .post_deferred = threads_post_deferred,
    .cancel_all = threads_cancel_all,
    .destroy = threads_destroy,
};

// A worker of Node that ends unloads its addons. Should a request outlive the wait for it, its thread is still in
// this addon's code, so the code stays.
void stay_loaded(void) {
  Dl_info self;
  if (dladdr((const void *)&threads, &self)) dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static uint32_t power_of_two(uint32_t n, uint32_t max) {
  uint32_t power = 1;
  while (power < n && power < max) power *= 2;
  return power;
}

static int threads_map(struct queues *q, struct params *p, struct pool_queues *view) {
  p->sq_entries = power_of_two(p->sq_entries, ENTRIES_MAX);
  p->cq_entries = power_of_two(p->cq_entries, CQ_ENTRIES_MAX);
  p->sq.head = SQ_HEAD, p->sq.tail = SQ_TAIL, p->sq.ring_mask = SQ_MASK, p->sq.ring_entries = SQ_ENTRIES;
  p->sq.flags = SQ_FLAGS;
  p->cq.head = CQ_HEAD, p->cq.tail = CQ_TAIL, p->cq.ring_mask = CQ_MASK, p->cq.ring_entries = CQ_ENTRIES;
  p->cq.cqes = CQES;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  q->ring = mapping_open(CQES + (size_t)p->cq_entries * sizeof(struct cqe), flags, -1, 0);
  if (!q->ring) return -errno;
  q->sqes = mapping_open((size_t)p->sq_entries * sizeof(struct sqe), flags, -1, 0);
  if (!q->sqes) return -errno;
  char *ring = q->ring->memory;
  *(uint32_t *)(ring + SQ_MASK) = p->sq_entries - 1;
  *(uint32_t *)(ring + SQ_ENTRIES) = p->sq_entries;
  *(uint32_t *)(ring + CQ_MASK) = p->cq_entries - 1;
  *(uint32_t *)(ring + CQ_ENTRIES) = p->cq_entries;
  q->sq_flags = (uint32_t *)(ring + SQ_FLAGS);
  q->cq_head = (uint32_t *)(ring + CQ_HEAD);
  q->cq_tail = (uint32_t *)(ring + CQ_TAIL);
  q->cq_entries = p->cq_entries;
  *view = (struct pool_queues){
      .sqes = q->sqes->memory,
      .cqes = (struct cqe *)(ring + CQES),
      .sq_head = (uint32_t *)(ring + SQ_HEAD),
      .sq_tail = (uint32_t *)(ring + SQ_TAIL),
      .sq_flags = q->sq_flags,
      .cq_head = q->cq_head,
      .cq_tail = q->cq_tail,
      .sq_entries = p->sq_entries,
      .cq_entries = p->cq_entries,
  };
  return 0;
}

napi_value threads_open_as(napi_env env, napi_callback_info info, const struct engine *engine, start_function *start) {
  size_t argc = 3, size;
  napi_value argv[3];
  struct params *p;
  uint32_t workers;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_arraybuffer_info(env, argv[0], (void **)&p, &size) != napi_ok || size != sizeof *p ||
      napi_get_value_uint32(env, argv[2], &workers) != napi_ok) {
    return js_int(env, -EINVAL);
  }
  struct queues *q = queues_create(env);
  if (!q) return js_int(env, -errno);
  q->engine = engine;
  struct pool_queues view;
  int error = threads_map(q, p, &view);
  if (!error) error = start(q, &view, workers);
  if (error) {
    queues_destroy(q);
    return js_int(env, error);
  }
  stay_loaded();
  return queues_expose(q, argv[1]);
}

static int start_pool(struct queues *q, const struct pool_queues *view, uint32_t workers) {
  return pool_open((struct pool **)&q->pool, view, q->event_fd, workers);
}

// poolOpen(params: ArrayBuffer(120), onWake, workers): the object of queues_expose(), or -errno. Sizes are taken from
// `params`, and offsets and real sizes left there, as by io_uring_setup; there is no index array.
napi_value threads_open(napi_env env, napi_callback_info info) {
  return threads_open_as(env, info, &threads, start_pool);
}

// firstFallback(): true the first time in this process, on whatever thread.
napi_value threads_first_fallback(napi_env env, napi_callback_info info) {
  (void)info;
  static int called;
  napi_value result;
  napi_get_boolean(env, !__atomic_exchange_n(&called, 1, __ATOMIC_RELAXED), &result);
  return result;
}
