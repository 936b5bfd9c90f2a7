// The native engine: Linux AIO (io_setup, io_submit, io_getevents' ring) for what it serves without blocking the
// caller, which is transfers at a position on O_DIRECT files and block devices, and fsync of regular files. Everything
// else goes to a pool, as in the threads engine (threads.c), of which this is a variation: the queues, the pool and the
// completion queue are the same; only submissions pass through here first.
//
//   submission queue ─ submit() ─┬─► WAITING ─ io_submit ─► IN_KERNEL ─► the kernel's event ring ─┐
//                                │        │ refused, cancelled                                    ├─► completion queue
//                                │        └──────────────► FINISHED ─────────────────────────────┤
//                                └─► pool_sqes ─ pool_enter ──────────────────────────────────────┘
//
// Called on the JavaScript thread only, so nothing here needs a lock: the kernel shares the event ring with us, and
// the pool writes completions inside pool_enter and pool_post, on this thread. Every request has a slot that was
// allocated when the engine was opened, with its iocb in it; without a free one a request goes to the pool.
//
// Waking: the kernel puts an event in the ring, then signals the eventfd of IOCB_FLAG_RESFD. Whoever reads that eventfd
// looks into the ring afterwards (native_note_deferred, wait_for_completions), so no event is missed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux-aio.h"
#include "ring.h"

enum { BATCH_MAX = 256 };  // iocbs in one io_submit; a refused one costs building the array again
enum { EVENT_RING_MAGIC = 0xa10a10a1 };

// struct aio_ring of fs/aio.c, which io_setup maps at the address that is the context's id. Its layout has been the
// same since Linux 2.6 and is relied on by fio and QEMU (block/linux-aio.c).
struct event_ring {
  uint32_t id, entries, head, tail, magic, compat_features, incompat_features, header_length;
  struct io_event events[];
};
_Static_assert(sizeof(struct event_ring) == 32 && sizeof(struct io_event) == 32, "struct aio_ring");

enum aio_state { AIO_FREE, AIO_WAITING, AIO_IN_KERNEL, AIO_FINISHED };

struct aio_request {
  struct iocb iocb;
  struct sqe sqe;
  struct aio_request *next, *prev;  // in one of the lists
  struct aio_request *chain;        // in a bucket of the table
  enum aio_state state;
  int32_t result;
};

struct list { struct aio_request *first, *last; };

struct aio {
  struct pool_queues q;
  struct pool *pool;
  int32_t *control;
  int event_fd;
  aio_context_t context;     // 0 after io_destroy
  struct event_ring *events;

  // What the pool reads submissions from: the entries of one call that are not for the kernel.
  struct sqe *pool_sqes;
  uint32_t pool_head, pool_tail;

  struct aio_request *requests, *free;  // as many as completion entries
  struct aio_request **by_user_data;    // as many buckets; the low bits of user_data are src/ring's slot, so chains are short
  struct list waiting;                  // io_submit has not taken them yet
  struct list finished;                 // results that did not come from the event ring, oldest first
  uint32_t in_kernel;
  struct iocb *batch[BATCH_MAX];
};

static long answer(long n) { return n < 0 ? -errno : n; }
#define CALL(...) answer(syscall(__VA_ARGS__))

static uint32_t load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

// ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────

static void append(struct list *list, struct aio_request *r) {
  r->next = NULL;
  r->prev = list->last;
  if (list->last) list->last->next = r;
  else list->first = r;
  list->last = r;
}

static void unlink_request(struct list *list, struct aio_request *r) {
  if (r->prev) r->prev->next = r->next;
  else list->first = r->next;
  if (r->next) r->next->prev = r->prev;
  else list->last = r->prev;
}

static struct aio_request **bucket(struct aio *a, uint64_t user_data) {
  return &a->by_user_data[(uint32_t)user_data & (a->q.cq_entries - 1)];
}

static struct aio_request *find(struct aio *a, uint64_t user_data) {
  struct aio_request *r = *bucket(a, user_data);
  while (r && r->sqe.user_data != user_data) r = r->chain;
  return r;
}

static struct aio_request *take_request(struct aio *a, const struct sqe *e) {
  struct aio_request *r = a->free;
  a->free = r->next;
  r->sqe = *e;
  struct aio_request **first = bucket(a, e->user_data);
  r->chain = *first;
  *first = r;
  return r;
}

static void free_request(struct aio *a, struct aio_request *r) {
  struct aio_request **link = bucket(a, r->sqe.user_data);
  while (*link != r) link = &(*link)->chain;
  *link = r->chain;
  r->state = AIO_FREE;
  r->next = a->free;
  a->free = r;
}

static void finish(struct aio *a, struct aio_request *r, long result) {
  r->state = AIO_FINISHED;
  r->result = (int32_t)result;
  append(&a->finished, r);
}

// ── what goes to the kernel ───────────────────────────────────────────────────────────────────────────────────

static void prepare(struct aio *a, struct aio_request *r) {
  const struct sqe *e = &r->sqe;
  struct iocb *i = &r->iocb;
  memset(i, 0, sizeof *i);
  i->aio_data = (uint64_t)(r - a->requests);
  i->aio_fildes = (uint32_t)e->fd;
  i->aio_flags = IOCB_FLAG_RESFD;
  i->aio_resfd = (uint32_t)a->event_fd;
  if (e->opcode == OP_FSYNC) {
    i->aio_lio_opcode = e->op_flags & FSYNC_DATASYNC ? IOCB_CMD_FDSYNC : IOCB_CMD_FSYNC;
  } else {
    i->aio_lio_opcode = e->opcode == OP_READ     ? IOCB_CMD_PREAD
                        : e->opcode == OP_READV  ? IOCB_CMD_PREADV
                        : e->opcode == OP_WRITE  ? IOCB_CMD_PWRITE
                                                 : IOCB_CMD_PWRITEV;
    i->aio_buf = e->addr;
    i->aio_nbytes = e->len;
    i->aio_offset = (int64_t)e->off;
    i->aio_rw_flags = (__kernel_rwf_t)e->op_flags;
  }
  r->state = AIO_WAITING;
  append(&a->waiting, r);
}

// A request that the kernel has no memory for, or an fsync of which it knows no asynchronous form.
static void hand_to_pool(struct aio *a, struct aio_request *r) {
  a->pool_sqes[a->pool_tail & (a->q.sq_entries - 1)] = r->sqe;
  a->pool_tail++;
  if (pool_enter(a->pool, 1, 0, 0, NULL) == 1) {
    free_request(a, r);
  } else {
    a->pool_tail = a->pool_head;
    finish(a, r, -ENOMEM);
  }
}

// io_submit takes iocbs up to the first that it refuses; called with that one first, it says why. That is the result
// of this one request, and the rest goes on. EAGAIN means not now: completions make room, and native_post comes back.
static void submit_waiting(struct aio *a) {
  while (a->waiting.first) {
    long count = 0;
    for (struct aio_request *r = a->waiting.first; r && count < BATCH_MAX; r = r->next) a->batch[count++] = &r->iocb;
    long taken = CALL(SYS_io_submit, a->context, count, a->batch);
    for (long i = 0; i < taken; i++) {
      a->waiting.first->state = AIO_IN_KERNEL;
      unlink_request(&a->waiting, a->waiting.first);
    }
    if (taken > 0) {
      a->in_kernel += (uint32_t)taken;
      a->control[CTL_AIO_SUBMITTED] += (int32_t)taken;
      continue;
    }
    if (taken == 0) taken = -EAGAIN;
    if (taken == -EAGAIN && a->in_kernel > 0) return;
    struct aio_request *r = a->waiting.first;
    unlink_request(&a->waiting, r);
    if (taken == -EAGAIN || (taken == -EINVAL && r->sqe.opcode == OP_FSYNC)) hand_to_pool(a, r);
    else finish(a, r, taken);
  }
}

// ── completions ───────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t ready(const struct aio *a) { return *a->q.cq_tail - load(a->q.cq_head); }

static void write_completion(struct aio *a, struct aio_request *r, int32_t result) {
  uint32_t tail = *a->q.cq_tail;
  a->q.cqes[tail & (a->q.cq_entries - 1)] = (struct cqe){r->sqe.user_data, result, 0};
  __atomic_store_n(a->q.cq_tail, tail + 1, __ATOMIC_RELEASE);
  free_request(a, r);
}

static bool has_events(const struct aio *a) { return a->context && a->events->head != load(&a->events->tail); }

// io_getevents without the system call: we are the only reader of the ring, and the kernel learns of the new head when
// it needs room (user_refill_reqs_available in fs/aio.c).
static void reap_events(struct aio *a) {
  if (!has_events(a)) return;
  struct event_ring *ring = a->events;
  uint32_t head = ring->head, tail = load(&ring->tail);
  uint32_t room = a->q.cq_entries - ready(a);
  for (; head != tail && room > 0; room--) {
    const struct io_event *event = &ring->events[head];
    struct aio_request *r = &a->requests[event->data];
    head = head + 1 == ring->entries ? 0 : head + 1;
    a->in_kernel--;
    write_completion(a, r, (int32_t)event->res);
  }
  __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

static void post_finished(struct aio *a) {
  while (a->finished.first && ready(a) < a->q.cq_entries) {
    struct aio_request *r = a->finished.first;
    unlink_request(&a->finished, r);
    write_completion(a, r, r->result);
  }
}

static void native_note_deferred(struct queues *q) {
  struct aio *a = q->aio;
  if (a->finished.first || has_events(a)) __atomic_fetch_or(a->q.sq_flags, POOL_SQ_TASKRUN, __ATOMIC_ACQ_REL);
}

// pool_post clears TASKRUN and sets it again for what is the pool's; for the rest it is set here.
static bool native_post(struct queues *q) {
  struct aio *a = q->aio;
  pool_post(a->pool);
  reap_events(a);
  if (a->waiting.first) submit_waiting(a);
  post_finished(a);
  native_note_deferred(q);
  return true;
}

// ── submission ────────────────────────────────────────────────────────────────────────────────────────────────

// 0, or -EALREADY when it goes on to its own result, or -ENOENT when it has one.
static int cancel_request(struct aio *a, struct aio_request *r) {
  if (r->state == AIO_WAITING) {
    unlink_request(&a->waiting, r);
    finish(a, r, -ECANCELED);
    return 0;
  }
  if (r->state == AIO_FINISHED) return -ENOENT;
  // No file system can do it (EINVAL); the event of one that could arrives in the ring (EINPROGRESS).
  struct io_event event;
  long asked = CALL(SYS_io_cancel, a->context, &r->iocb, &event);
  return asked == 0 || asked == -EINPROGRESS ? 0 : -EALREADY;
}

// Entries beyond `taken` that the pool had no memory for become the last ones of those looked at, and stay in the
// submission queue.
static uint32_t give_back(struct aio *a, uint32_t end) {
  uint32_t mask = a->q.sq_entries - 1, left = a->pool_tail - a->pool_head;
  for (uint32_t i = 0; i < left; i++) {
    a->q.sqes[(end - left + i) & mask] = a->pool_sqes[(a->pool_head + i) & mask];
  }
  a->pool_tail = a->pool_head;
  return left;
}

static int submit(struct aio *a, uint32_t to_submit) {
  struct facts facts = {.flags_fd = -1, .flags = -1, .stat_fd = -1, .memory_fd = -1};
  uint32_t mask = a->q.sq_entries - 1, head = *a->q.sq_head;
  uint32_t prepared = load(a->q.sq_tail) - head;
  uint32_t count = to_submit < prepared ? to_submit : prepared;
  uint32_t consumed = 0;
  for (; consumed < count; consumed++) {
    const struct sqe *e = &a->q.sqes[(head + consumed) & mask];
    if (e->opcode == OP_ASYNC_CANCEL && e->op_flags == 0 && !(e->flags & ~SQE_ASYNC)) {
      reap_events(a);  // what is complete cannot be cancelled
      struct aio_request *target = find(a, e->addr);
      if (target) {
        if (!a->free) break;
        finish(a, take_request(a, e), cancel_request(a, target));
        continue;
      }
    } else if (a->free && aio_takes(e, &facts)) {
      prepare(a, take_request(a, e));
      continue;
    }
    a->pool_sqes[a->pool_tail & mask] = *e;
    a->pool_tail++;
  }
  uint32_t for_pool = a->pool_tail - a->pool_head;
  if (for_pool > 0) {
    pool_enter(a->pool, for_pool, 0, 0, NULL);
    consumed -= give_back(a, head + consumed);
  }
  __atomic_store_n(a->q.sq_head, head + consumed, __ATOMIC_RELEASE);
  submit_waiting(a);
  return consumed == 0 && count > 0 ? -EAGAIN : (int)consumed;
}

static int wait_for_completions(struct queues *q, uint32_t min_complete, const struct timespec *timeout) {
  struct aio *a = q->aio;
  int64_t until = timeout ? pool_now() + (int64_t)timeout->tv_sec * 1000000000 + timeout->tv_nsec : 0;
  for (;;) {
    native_post(q);
    uint32_t n = ready(a);
    if (n >= min_complete || n == a->q.cq_entries) return 0;
    struct timespec left, *limit = NULL;
    if (timeout) {
      int64_t ns = until - pool_now();
      if (ns <= 0) return -ETIME;
      left = (struct timespec){ns / 1000000000, ns % 1000000000};
      limit = &left;
    }
    struct pollfd event = {.fd = a->event_fd, .events = POLLIN};
    if (syscall(SYS_ppoll, &event, 1, limit, NULL, 0) < 0) return -errno;
    uint64_t signals;
    while (read(a->event_fd, &signals, sizeof signals) < 0 && errno == EINTR) {}
  }
}

static int native_enter(struct queues *q, uint32_t to_submit, uint32_t min_complete, uint32_t flags) {
  struct timespec timeout = {q->control[CTL_TIMEOUT_SEC], q->control[CTL_TIMEOUT_NSEC]};
  bool limited = q->control[CTL_TIMEOUT_SET];
  q->control[CTL_TIMEOUT_SET] = 0;
  int consumed = to_submit > 0 ? submit(q->aio, to_submit) : 0;
  native_post(q);
  if (consumed != (int)to_submit || !(flags & POOL_GETEVENTS) || min_complete == 0) return consumed;
  int waited = wait_for_completions(q, min_complete, limited ? &timeout : NULL);
  return consumed > 0 ? consumed : waited;
}

// ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────

// Only when the thread or process ends. Nothing can stop a transfer that the device has, so the drain is io_destroy: it
// returns when the kernel has finished with all of them, and then none writes into memory any more. Their events go
// with the ring, so each gets a result here, which nobody reads.
static void native_cancel_all(struct queues *q) {
  struct aio *a = q->aio;
  if (a->context) {
    syscall(SYS_io_destroy, a->context);
    a->context = 0;
    a->in_kernel = 0;
    for (uint32_t i = 0; i < a->q.cq_entries; i++) {
      struct aio_request *r = &a->requests[i];
      if (r->state == AIO_WAITING) unlink_request(&a->waiting, r);
      if (r->state == AIO_WAITING || r->state == AIO_IN_KERNEL) finish(a, r, -ECANCELED);
    }
  }
  pool_cancel_all(a->pool);
}

static void native_destroy(struct queues *q) {
  struct aio *a = q->aio;
  if (a) {
    if (a->context) syscall(SYS_io_destroy, a->context);
    free(a->requests);
    free(a->by_user_data);
    free(a->pool_sqes);
    free(a);
  }
  threads_destroy(q);
}

static const struct engine native = {
    .enter = native_enter,
    .post_deferred = native_post,
    .cancel_all = native_cancel_all,
    .destroy = native_destroy,
    .note_deferred = native_note_deferred,
};

static int start(struct queues *q, const struct pool_queues *view, uint32_t workers) {
  struct aio *a = calloc(1, sizeof *a);
  if (!a) return -ENOMEM;
  q->aio = a;  // from here on native_destroy frees what there is
  a->q = *view;
  a->control = q->control;
  a->event_fd = q->event_fd;
  a->requests = calloc(view->cq_entries, sizeof *a->requests);
  a->by_user_data = calloc(view->cq_entries, sizeof *a->by_user_data);
  a->pool_sqes = calloc(view->sq_entries, sizeof *a->pool_sqes);
  if (!a->requests || !a->by_user_data || !a->pool_sqes) return -ENOMEM;
  for (uint32_t i = view->cq_entries; i-- > 0;) {
    a->requests[i].next = a->free;
    a->free = &a->requests[i];
  }
  long error = CALL(SYS_io_setup, view->cq_entries, &a->context);
  if (error < 0) return (int)error;
  a->events = (struct event_ring *)(uintptr_t)a->context;
  if (a->events->magic != EVENT_RING_MAGIC || a->events->incompat_features != 0) return -EOPNOTSUPP;
  struct pool_queues inner = *view;  // the completion queue is shared, the submission queue is not
  inner.sqes = a->pool_sqes;
  inner.sq_head = &a->pool_head;
  inner.sq_tail = &a->pool_tail;
  int refused = pool_open(&a->pool, &inner, q->event_fd, workers);
  q->pool = a->pool;
  return refused;
}

// nativeOpen(params: ArrayBuffer(120), onWake, workers): as poolOpen.
napi_value native_open(napi_env env, napi_callback_info info) { return threads_open_as(env, info, &native, start); }
