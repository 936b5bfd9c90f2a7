// The queues of the pool and its requests: what io_uring's core does in the kernel.
//
// pool_enter has io_uring_enter's semantics. What can be served at once is served on the calling thread (a cached
// read, data waiting in a pipe); what waits goes to the poller; the rest goes to the workers' run queue.
//
// Nobody but the owner's thread writes the completion queue, as with IORING_SETUP_DEFER_TASKRUN. Whoever finishes a
// request pushes it on a lock-free list, and the owner moves that list to the queue when it enters. Waking the owner:
//
//   finisher                                     owner (pool_post)
//   1. push on `finished`                        a. clear TASKRUN
//   2. if the list was empty: set TASKRUN        b. take the whole list
//   3.                        write the eventfd  c. write completions; with some left, set TASKRUN again
//
// No wake-up can be lost. A push before b is taken by b. A push after b finds the list empty, or behind another push
// after b; the first of those does 2 and 3, after b and so after a: nothing clears its flag but a later a, whose b
// takes the list. And whoever waits reads the eventfd before a, never between b and waiting. A finisher that is
// overtaken between 1 and 2 sets the flag for an empty list; that costs one more look.
//
// Memory: a request is allocated with others in chunks, which are freed only when the pool is closed, so threads may
// hold its address. The owner finds requests by the low 32 bits of user_data, which are the caller's slot.
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK_REQUESTS = 128 };
enum { SLOTS_MAX = 1 << 24 };  // src/ring/slots.ts has the same; beyond it a request cannot be cancelled
enum { STACK_BYTES = 256 * 1024 };  // of a thread: the deepest frame here holds 64 epoll events

struct chunk {
  struct chunk *next;
  struct request requests[CHUNK_REQUESTS];
};

struct pool {
  struct pool_queues q;
  int event_fd;
  struct poller *poller;
  struct workers *workers;

  // owner's thread only
  struct chunk *chunks;
  uint32_t requests;
  struct request *free;
  struct request *backlog, *backlog_last;  // finished, and no room in the completion queue yet
  struct request **by_slot;
  uint32_t slots;
  uint32_t memory_locks;  // requests with locks_memory

  struct request *finished __attribute__((aligned(64)));  // newest first; pushed by anyone, taken by the owner
  uint32_t owner_looks;  // atomic: the owner is about to take `finished`, and needs no waking
  int owner_cpu;         // atomic: where the owner last was
};

int64_t pool_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int pool_spawn(pthread_t *thread, void *(*run)(void *), void *argument) {
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -error;
}

void pool_name_thread(const char *name) { syscall(SYS_prctl, PR_SET_NAME, name, 0, 0, 0); }

static uint32_t load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

// ── requests: allocation and look-up (owner) ──────────────────────────────────────────────────────────────────

static bool grow_requests(struct pool *p) {
  struct chunk *chunk = calloc(1, sizeof *chunk);
  if (!chunk) return false;
  if (poller_reserve(p->poller, p->requests + CHUNK_REQUESTS) < 0) {
    free(chunk);
    return false;
  }
  chunk->next = p->chunks;
  p->chunks = chunk;
  p->requests += CHUNK_REQUESTS;
  for (int i = CHUNK_REQUESTS - 1; i >= 0; i--) {
    chunk->requests[i].next = p->free;
    p->free = &chunk->requests[i];
  }
  return true;
}

// RUNNING, on the owner's thread.
static struct request *take_request(struct pool *p, const struct sqe *e) {
  if (!p->free && !grow_requests(p)) return NULL;
  struct request *r = p->free;
  p->free = r->next;
  r->sqe = *e;
  r->moved = r->cancel = r->tries = 0;
  r->stream = r->blocking = r->connecting = r->locks_memory = false;
  r->deadline = 0;
  set_state(r, RUNNING);
  return r;
}

static bool enter_in_table(struct pool *p, struct request *r) {
  uint32_t slot = (uint32_t)r->sqe.user_data;
  if (slot >= SLOTS_MAX) return true;
  if (slot >= p->slots) {
    uint32_t slots = p->slots ? p->slots : 1024;
    while (slots <= slot) slots *= 2;
    struct request **table = realloc(p->by_slot, slots * sizeof *table);
    if (!table) return false;
    memset(table + p->slots, 0, (slots - p->slots) * sizeof *table);
    p->by_slot = table;
    p->slots = slots;
  }
  p->by_slot[slot] = r;
  return true;
}

static void free_request(struct pool *p, struct request *r) {
  uint32_t slot = (uint32_t)r->sqe.user_data;
  if (slot < p->slots && p->by_slot[slot] == r) p->by_slot[slot] = NULL;
  if (r->locks_memory) p->memory_locks--;
  set_state(r, FREE);
  r->next = p->free;
  p->free = r;
}

// ── completions ───────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t completions_ready(const struct pool *p) { return *p->q.cq_tail - load(p->q.cq_head); }

static void write_completion(struct pool *p, const struct request *r) {
  uint32_t tail = *p->q.cq_tail;  // only this thread writes it
  p->q.cqes[tail & (p->q.cq_entries - 1)] = (struct cqe){r->sqe.user_data, r->result, 0};
  __atomic_store_n(p->q.cq_tail, tail + 1, __ATOMIC_RELEASE);
}

// The request is over, and its result not seen yet: whoever sees it may execute the file, or wait for a pipe to end.
static void close_own_descriptor(struct request *r) {
  if (!(r->sqe.flags & SQE_OWN_DESCRIPTOR)) return;
  r->sqe.flags &= ~SQE_OWN_DESCRIPTOR;
  close(r->sqe.fd);
}

// Owner: nobody else knows the request any more.
static void complete(struct pool *p, struct request *r) {
  close_own_descriptor(r);
  if (!p->backlog && completions_ready(p) < p->q.cq_entries) {
    write_completion(p, r);
    free_request(p, r);
    return;
  }
  set_state(r, FINISHED);
  r->next = NULL;
  if (p->backlog) p->backlog_last->next = r;
  else p->backlog = r;
  p->backlog_last = r;
  __atomic_fetch_or(p->q.sq_flags, POOL_SQ_TASKRUN, __ATOMIC_RELEASE);
}

bool pool_push(struct pool *p, struct request *r) {
  poller_forget(p->poller, r);
  close_own_descriptor(r);
  set_state(r, FINISHED);
  struct request *head = __atomic_load_n(&p->finished, __ATOMIC_RELAXED);
  do r->next = head;
  while (!__atomic_compare_exchange_n(&p->finished, &head, r, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  if (!head) __atomic_fetch_or(p->q.sq_flags, POOL_SQ_TASKRUN, __ATOMIC_ACQ_REL);
  return !head;
}

void pool_wake_owner(struct pool *p) {
  uint64_t one = 1;
  while (write(p->event_fd, &one, sizeof one) < 0 && errno == EINTR) {}
}

bool pool_owner_is_to_be_woken(struct pool *p) {
  return !__atomic_load_n(&p->owner_looks, __ATOMIC_SEQ_CST) && __atomic_load_n(&p->finished, __ATOMIC_RELAXED);
}

bool pool_owner_is_elsewhere(struct pool *p) {
  return __atomic_load_n(&p->owner_cpu, __ATOMIC_RELAXED) != sched_getcpu();
}

void pool_finish(struct pool *p, struct request *r) {
  if (pool_push(p, r)) pool_wake_owner(p);
}

void pool_post(struct pool *p) {
  if (!(load(p->q.sq_flags) & POOL_SQ_TASKRUN) && !__atomic_load_n(&p->finished, __ATOMIC_SEQ_CST)) return;
  __atomic_fetch_and(p->q.sq_flags, ~(uint32_t)POOL_SQ_TASKRUN, __ATOMIC_ACQ_REL);
  struct request *list = __atomic_exchange_n(&p->finished, NULL, __ATOMIC_ACQ_REL);
  struct request *batch = NULL;
  while (list) {  // oldest first again
    struct request *next = list->next;
    list->next = batch;
    batch = list;
    list = next;
  }
  struct request *waiting = p->backlog;
  p->backlog = NULL;
  for (int pass = 0; pass < 2; pass++) {
    for (struct request *r = pass ? batch : waiting, *next; r; r = next) {
      next = r->next;
      complete(p, r);
    }
  }
}

void pool_look_again(struct pool *p) {
  if (__atomic_load_n(&p->finished, __ATOMIC_RELAXED)) pool_wake_owner(p);
  workers_look_again(p->workers);
}

void pool_requeue(struct pool *p, struct request *r) {
  r->next = NULL;
  workers_queue(p->workers, r);
}

// ── submission ────────────────────────────────────────────────────────────────────────────────────────────────

// As IORING_OP_ASYNC_CANCEL by user_data: 0, -ENOENT when there is no such request (any more), -EALREADY when it is
// running; then it goes on to its own result, but does not begin to wait.
static int cancel_request(struct pool *p, struct request *r) {
  if (state_of(r) == FINISHED) return -ENOENT;
  if (!workers_take_back(p->workers, r) && !poller_cancel(p->poller, r)) return -EALREADY;
  poller_forget(p->poller, r);
  r->result = -ECANCELED;
  complete(p, r);
  return 0;
}

static int cancel(struct pool *p, const struct sqe *e) {
  if (e->op_flags != 0 || e->flags & ~SQE_ASYNC) return -EINVAL;
  uint32_t slot = (uint32_t)e->addr;
  struct request *r = slot < p->slots ? p->by_slot[slot] : NULL;
  return r && r->sqe.user_data == e->addr ? cancel_request(p, r) : -ENOENT;
}

// One request, and the last one took less time than a wake-up: look for the answer here, that long at most. A worker
// that reads owner_looks as set has pushed before pool_enter clears it and takes the list.
static void look_for_answer(struct pool *p) {
  int64_t until = pool_now() + ANSWER_AT_ONCE_NS;
  __atomic_store_n(&p->owner_looks, 1, __ATOMIC_SEQ_CST);
  do {
    for (int i = 0; i < 16 && !__atomic_load_n(&p->finished, __ATOMIC_RELAXED); i++) pause_cpu();
  } while (!__atomic_load_n(&p->finished, __ATOMIC_RELAXED) && pool_now() < until);
  __atomic_store_n(&p->owner_looks, 0, __ATOMIC_SEQ_CST);
}

static int submit(struct pool *p, uint32_t to_submit) {
  struct visit visit = {.flags_fd = -1, .flags = -1, .mode_fd = -1, .memory_fd = -1};
  struct request *list = NULL, **end = &list;  // for the workers: queued together
  uint32_t head = *p->q.sq_head;
  uint32_t prepared = load(p->q.sq_tail) - head;
  uint32_t count = to_submit < prepared ? to_submit : prepared;
  uint32_t consumed = 0;
  for (; consumed < count; consumed++) {
    const struct sqe *e = &p->q.sqes[(head + consumed) & (p->q.sq_entries - 1)];
    struct request *r = take_request(p, e);
    if (!r) break;
    if (e->opcode == OP_ASYNC_CANCEL) {
      workers_queue(p->workers, list);  // its target may be among them
      list = NULL;
      end = &list;
      r->result = cancel(p, e);
      complete(p, r);
      continue;
    }
    visit.memory_is_locked = p->memory_locks > 0;
    enum outcome outcome = operation_step(r, AT_ONCE, &visit);
    if (outcome == DONE) {
      complete(p, r);
    } else if (!enter_in_table(p, r)) {
      free_request(p, r);
      break;
    } else if (outcome == WAIT) {
      poller_watch(p->poller, r);
    } else {
      r->locks_memory = operation_locks_memory(e, &visit);
      if (r->locks_memory) p->memory_locks++;
      r->next = NULL;
      *end = r;
      end = &r->next;
    }
  }
  __atomic_store_n(p->q.sq_head, head + consumed, __ATOMIC_RELEASE);
  bool taken_up = workers_queue(p->workers, list);
  if (taken_up && count == 1 && workers_are_very_quick(p->workers)) look_for_answer(p);
  return consumed == 0 && count > 0 ? -EAGAIN : (int)consumed;
}

static int wait_for_completions(struct pool *p, uint32_t min_complete, const struct timespec *timeout) {
  int64_t until = timeout ? pool_now() + (int64_t)timeout->tv_sec * 1000000000 + timeout->tv_nsec : 0;
  for (;;) {
    pool_post(p);
    uint32_t ready = completions_ready(p);
    if (ready >= min_complete || ready == p->q.cq_entries) return 0;
    struct timespec left, *limit = NULL;
    if (timeout) {
      int64_t ns = until - pool_now();
      if (ns <= 0) return -ETIME;
      left = (struct timespec){ns / 1000000000, ns % 1000000000};
      limit = &left;
    }
    struct pollfd event = {.fd = p->event_fd, .events = POLLIN};
    if (syscall(SYS_ppoll, &event, 1, limit, NULL, 0) < 0) return -errno;
    uint64_t count;
    while (read(p->event_fd, &count, sizeof count) < 0 && errno == EINTR) {}
  }
}

int pool_enter(struct pool *p, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
               const struct timespec *timeout) {
  __atomic_store_n(&p->owner_cpu, sched_getcpu(), __ATOMIC_RELAXED);
  int consumed = to_submit > 0 ? submit(p, to_submit) : 0;
  pool_post(p);
  if (consumed != (int)to_submit || !(flags & POOL_GETEVENTS) || min_complete == 0) return consumed;
  int waited = wait_for_completions(p, min_complete, timeout);
  return consumed > 0 ? consumed : waited;
}

void pool_cancel_all(struct pool *p) {
  for (struct chunk *chunk = p->chunks; chunk; chunk = chunk->next) {
    for (int i = 0; i < CHUNK_REQUESTS; i++) {
      struct request *r = &chunk->requests[i];
      if (state_of(r) != FREE) cancel_request(p, r);
    }
  }
}

// ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────

int pool_open(struct pool **out, const struct pool_queues *queues, int event_fd, uint32_t workers_max) {
  if (workers_max < 1) return -EINVAL;
  struct pool *p = aligned_alloc(64, sizeof *p);
  if (!p) return -ENOMEM;
  memset(p, 0, sizeof *p);
  p->q = *queues;
  // A duplicate: when the program ends with a request that cannot be awaited, its worker outlives the caller's.
  p->event_fd = fcntl(event_fd, F_DUPFD_CLOEXEC, 3);
  int error = p->event_fd < 0 ? -errno : poller_open(&p->poller, p);
  if (!error && (error = workers_open(&p->workers, p, p->poller, workers_max))) poller_close(p->poller);
  if (error) {
    if (p->event_fd >= 0) close(p->event_fd);
    free(p);
    return error;
  }
  *out = p;
  return 0;
}

void pool_close(struct pool *p) {
  workers_stop(p->workers);
  poller_close(p->poller);
  workers_close(p->workers);
  close(p->event_fd);
  while (p->chunks) {
    struct chunk *chunk = p->chunks;
    p->chunks = chunk->next;
    free(chunk);
  }
  free(p->by_slot);
  free(p);
}

uint32_t pool_threads(struct pool *p) { return workers_alive(p->workers) + poller_running(p->poller); }
