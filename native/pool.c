// The queues of the pool, its requests and its workers: what io_uring's core does in the kernel.
//
// pool_enter has io_uring_enter's semantics. What can be served at once is served on the calling thread (a cached
// read, data waiting in a pipe); what waits goes to the poller; the rest goes to the run queue, from which workers
// take one request at a time. A worker that finds more behind it calls in another one, and one that has run out of
// work lingers for a moment before it sleeps, so that requests made one after the other need no wake-up.
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
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK_REQUESTS = 128 };
enum { SLOTS_MAX = 1 << 24 };      // src/ring/slots.ts has the same; beyond it a request cannot be cancelled
enum { WORKERS_MAX = 1024 };
enum { STACK_BYTES = 256 * 1024 };  // the deepest frame here holds 64 epoll events
enum { IDLE_MS = 3000 };           // a worker without work ends after this
// How long a worker looks for work before it sleeps. Waking it costs both sides ~5 µs and, on a virtual machine, the
// worker starts up to 50 µs later. After some looks in vain it sleeps at once, most of the time.
enum { LINGER_NS = 30 * 1000, LINGER_MISSES_MAX = 4, LINGER_AGAIN = 16 };

// Waking the owner costs ~2 µs here and ~5 µs there. While operations are as quick as that, completions gather for a
// while before it is woken; and who makes one quick request after the other is answered inside pool_enter.
enum { QUICK_NS = 10 * 1000, WAKE_DELAY_NS = 25 * 1000 };
enum { ANSWER_AT_ONCE_NS = 5 * 1000 };
// While operations are quicker than that they come from memory: more workers only get into each other's way (4 KiB
// buffered writes to one ext4 file, depth 32, 2 CPUs: 800 k/s with 4 workers, 460 k/s with 16). What may wait for a
// device gets all workers (O_DIRECT reads, depth 32: 31 k/s with 4 workers, 93 k/s with 16).
enum { QUICK_WORKERS_MIN = 4, STALLED_NS = 1000 * 1000 };

struct chunk {
  struct chunk *next;
  struct request requests[CHUNK_REQUESTS];
};

struct worker {
  struct pool *pool;
  struct worker *next_idle;
  pthread_t thread;
  uint32_t wake;        // futex: 1 when it shall look
  bool alive, is_idle;  // under the pool's `lock`
  int64_t busy_since;   // likewise; 0: it has no request
  bool joinable;        // whoever starts it, then pool_close
};

struct pool {
  struct pool_queues q;
  int event_fd;
  uint32_t linger_ns;
  struct poller *poller;

  // owner's thread only
  struct chunk *chunks;
  uint32_t requests;
  struct request *free;
  struct request *backlog, *backlog_last;  // finished, and no room in the completion queue yet
  struct request **by_slot;
  uint32_t slots;

  // under `lock`
  pthread_mutex_t lock __attribute__((aligned(64)));
  struct request *first, *last;  // the run queue
  uint32_t queued;               // its length; read without the lock by who lingers
  struct worker *workers, *idle;
  uint32_t workers_max, quick_workers_max, arriving, lingering, busy;
  uint32_t alive;                // threads; a futex for pool_close
  uint32_t linger_misses, linger_skipped;
  bool stopping;
  uint32_t very_quick;  // atomic: the last operation took less than ANSWER_AT_ONCE_NS

  uint32_t owner_looks;  // atomic: the owner is about to take `finished`, and needs no waking
  struct request *finished __attribute__((aligned(64)));  // newest first; pushed by anyone, taken by the owner
};

int64_t pool_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static void set_state(struct request *r, uint32_t state) { __atomic_store_n(&r->state, state, __ATOMIC_RELEASE); }

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
  r->stream = r->blocking = r->connecting = false;
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

// Owner: the request is over; nobody else knows it any more.
static void complete(struct pool *p, struct request *r) {
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

// True when the list was empty: then the owner has to be woken (3. above), now or soon.
static bool push_finished(struct pool *p, struct request *r) {
  poller_forget(p->poller, r);
  set_state(r, FINISHED);
  struct request *head = __atomic_load_n(&p->finished, __ATOMIC_RELAXED);
  do r->next = head;
  while (!__atomic_compare_exchange_n(&p->finished, &head, r, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  if (!head) __atomic_fetch_or(p->q.sq_flags, POOL_SQ_TASKRUN, __ATOMIC_ACQ_REL);
  return !head;
}

static void wake_owner(struct pool *p) {
  uint64_t one = 1;
  while (write(p->event_fd, &one, sizeof one) < 0 && errno == EINTR) {}
}

void pool_finish(struct pool *p, struct request *r) {
  if (push_finished(p, r)) wake_owner(p);
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

// ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────

static void futex_wait(uint32_t *word, uint32_t value, const struct timespec *timeout) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void futex_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

// Signals are the program's: none is ever delivered here.
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

// As `top -H` and /proc show it; at most 15 characters.
void pool_name_thread(const char *name) { syscall(SYS_prctl, PR_SET_NAME, name, 0, 0, 0); }

static void append(struct pool *p, struct request *r) {
  r->next = NULL;
  r->prev = p->last;
  if (p->last) p->last->next = r;
  else p->first = r;
  p->last = r;
  __atomic_store_n(&p->queued, p->queued + 1, __ATOMIC_RELAXED);
  set_state(r, QUEUED);
}

static void unlink_queued(struct pool *p, struct request *r) {
  if (r->prev) r->prev->next = r->next;
  else p->first = r->next;
  if (r->next) r->next->prev = r->prev;
  else p->last = r->prev;
  __atomic_store_n(&p->queued, p->queued - 1, __ATOMIC_RELAXED);
  set_state(r, RUNNING);
}

struct call {
  struct worker *worker;  // NULL: nobody
  bool spawn;             // it has no thread yet
  bool later;             // nobody now, but see whether the queue moves
};

// With `lock` held.
static void set_alive(struct pool *p, struct worker *w, bool alive) {
  w->alive = alive;
  __atomic_store_n(&p->alive, p->alive + (alive ? 1 : -1), __ATOMIC_RELEASE);
}

// With `lock` held. True while enough workers have taken a request lately to take the next ones soon.
static bool is_moving(const struct pool *p) {
  if (p->busy < p->quick_workers_max || !__atomic_load_n(&p->very_quick, __ATOMIC_RELAXED)) return false;
  int64_t lately = pool_now() - STALLED_NS;
  uint32_t moving = 0;
  for (uint32_t i = 0; i < p->workers_max && moving < p->quick_workers_max; i++) {
    if (p->workers[i].busy_since > lately) moving++;
  }
  return moving >= p->quick_workers_max;
}

// With `lock` held: the worker to call in, or none when somebody is about to look. One at a time; that one calls in
// the next. Those who look as if they would be back soon may have met a device that never answers, so then the poller
// looks again a little later.
static struct call help_wanted(struct pool *p) {
  if (!p->first || p->lingering > 0 || p->arriving > 0) return (struct call){0};
  if (is_moving(p)) return (struct call){.later = true};
  struct worker *w = p->idle;
  if (w) {
    p->idle = w->next_idle;
    w->is_idle = false;
    p->arriving++;
    return (struct call){.worker = w};
  }
  if (p->alive == p->workers_max) return (struct call){0};
  for (w = p->workers; w->alive; w++) {}
  set_alive(p, w, true);
  p->arriving++;
  return (struct call){.worker = w, .spawn = true};
}

static void *work(void *argument);

// Without a single thread (a limit on processes) requests fail; with one they only wait.
static void give_up(struct pool *p, struct worker *w) {
  struct request *list = NULL;
  pthread_mutex_lock(&p->lock);
  set_alive(p, w, false);
  p->arriving--;
  while (p->alive == 0 && p->first) {
    struct request *r = p->first;
    unlink_queued(p, r);
    r->next = list;
    list = r;
  }
  pthread_mutex_unlock(&p->lock);
  while (list) {
    struct request *r = list;
    list = r->next;
    r->result = -EAGAIN;
    pool_finish(p, r);
  }
}

static void call_in(struct pool *p, struct call call) {
  struct worker *w = call.worker;
  // Without a thread for a reminder (a limit on processes) there is none for a further worker either.
  if (call.later) poller_remind(p->poller, STALLED_NS);
  if (!w) return;
  if (!call.spawn) {
    __atomic_store_n(&w->wake, 1, __ATOMIC_RELEASE);
    futex_wake(&w->wake);
    return;
  }
  if (w->joinable) pthread_join(w->thread, NULL);  // it has left its loop already
  w->joinable = pool_spawn(&w->thread, work, w) == 0;
  if (!w->joinable) give_up(p, w);
}

// True when the owner has to be woken for it.
static bool perform(struct pool *p, struct request *r) {
  if (load(&r->cancel)) {
    r->result = -ECANCELED;
  } else if (operation_step(r, ON_WORKER, NULL) == WAIT) {
    poller_watch(p->poller, r);
    return false;
  }
  return push_finished(p, r);
}

// Usually: a transfer, or what begins with a path that was looked up before. Nothing is known of the others.
static bool is_from_memory(const struct request *r) {
  switch (r->sqe.opcode) {
    case OP_READ: case OP_READV: case OP_WRITE: case OP_WRITEV: case OP_SEND: case OP_RECV: case OP_STATX:
    case OP_READ_FILE: return true;
    default: return false;
  }
}

static void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// With `lock` held, which is released meanwhile. While somebody lingers nobody is called in: whoever queues a request
// holds the lock, and so does the lingerer when it looks a last time.
static void linger(struct pool *p) {
  p->lingering++;
  pthread_mutex_unlock(&p->lock);
  bool found = false;
  int64_t until = pool_now() + p->linger_ns;
  do {
    for (int i = 0; i < 64 && !found; i++) {
      pause_cpu();
      found = __atomic_load_n(&p->queued, __ATOMIC_RELAXED) > 0;
    }
  } while (!found && pool_now() < until);
  pthread_mutex_lock(&p->lock);
  p->lingering--;
  p->linger_misses = found ? 0 : p->linger_misses + 1;
}

static bool may_linger(struct pool *p) {
  if (p->linger_ns == 0 || p->lingering > 0) return false;
  return p->linger_misses < LINGER_MISSES_MAX || ++p->linger_skipped % LINGER_AGAIN == 0;
}

// With `lock` held, which is released meanwhile. False when there was nothing to do for so long that it ends.
static bool sleep_idle(struct pool *p, struct worker *w) {
  int64_t until = pool_now() + (int64_t)IDLE_MS * 1000000;
  w->is_idle = true;
  w->next_idle = p->idle;
  p->idle = w;
  while (w->is_idle && !p->stopping) {
    __atomic_store_n(&w->wake, 0, __ATOMIC_RELAXED);
    int64_t left = until - pool_now();
    if (left <= 0) {
      struct worker **link = &p->idle;
      while (*link != w) link = &(*link)->next_idle;
      *link = w->next_idle;
      w->is_idle = false;
      return false;
    }
    pthread_mutex_unlock(&p->lock);
    struct timespec timeout = {left / 1000000000, left % 1000000000};
    futex_wait(&w->wake, 0, &timeout);
    pthread_mutex_lock(&p->lock);
  }
  if (!w->is_idle) p->arriving--;
  return true;
}

static void *work(void *argument) {
  struct worker *w = argument;
  struct pool *p = w->pool;
  bool was_busy = false, was_quick = false;
  pool_name_thread("aio-worker");
  bool owes_wake = false;      // something is on the list that the owner has not been told of
  int64_t owed_since = 0, ended = 0;
  pthread_mutex_lock(&p->lock);
  p->arriving--;
  while (!p->stopping) {
    struct request *r = p->first;
    if (owes_wake && (!r || !was_quick || !is_from_memory(r) || ended - owed_since > WAKE_DELAY_NS)) {
      owes_wake = false;
      // Not needed when the owner has taken the list already, or is about to.
      if (!__atomic_load_n(&p->owner_looks, __ATOMIC_SEQ_CST) && __atomic_load_n(&p->finished, __ATOMIC_RELAXED)) {
        pthread_mutex_unlock(&p->lock);
        wake_owner(p);
        pthread_mutex_lock(&p->lock);
        continue;
      }
    }
    if (r) {
      int64_t begun = was_busy ? ended : pool_now();
      unlink_queued(p, r);
      p->busy++;
      w->busy_since = begun;
      if (!is_from_memory(r)) __atomic_store_n(&p->very_quick, 0, __ATOMIC_RELAXED);
      struct call call = help_wanted(p);
      pthread_mutex_unlock(&p->lock);
      call_in(p, call);
      // This one may never come back, and nobody else tells the owner: the list is not empty.
      if (owes_wake && !poller_remind(p->poller, STALLED_NS)) {
        wake_owner(p);
        owes_wake = false;
      }
      bool first = perform(p, r);
      ended = pool_now();
      was_quick = ended - begun < QUICK_NS;
      __atomic_store_n(&p->very_quick, ended - begun < ANSWER_AT_ONCE_NS, __ATOMIC_RELAXED);
      was_busy = true;
      if (first && !owes_wake) owed_since = ended;
      owes_wake |= first;
      pthread_mutex_lock(&p->lock);
      p->busy--;
      w->busy_since = 0;
    } else if (was_busy && may_linger(p)) {
      was_busy = false;
      linger(p);
    } else {
      was_busy = false;
      if (!sleep_idle(p, w)) break;
    }
  }
  set_alive(p, w, false);
  pthread_mutex_unlock(&p->lock);
  futex_wake(&p->alive);  // pool_close joins this thread before it frees the pool
  return NULL;
}

// Requests linked through `next`. True when a lingering worker takes up the first of them now.
static bool queue_list(struct pool *p, struct request *list) {
  if (!list) return false;
  pthread_mutex_lock(&p->lock);
  bool taken_up = p->lingering > 0 && !p->first;
  while (list) {
    struct request *r = list;
    list = r->next;
    append(p, r);
  }
  struct call call = help_wanted(p);
  pthread_mutex_unlock(&p->lock);
  call_in(p, call);
  return taken_up;
}

void pool_look_again(struct pool *p) {
  if (__atomic_load_n(&p->finished, __ATOMIC_RELAXED)) wake_owner(p);
  pthread_mutex_lock(&p->lock);
  struct call call = help_wanted(p);
  pthread_mutex_unlock(&p->lock);
  call_in(p, call);
}

void pool_requeue(struct pool *p, struct request *r) {
  r->next = NULL;
  queue_list(p, r);
}

// ── submission ────────────────────────────────────────────────────────────────────────────────────────────────

// As IORING_OP_ASYNC_CANCEL by user_data: 0, -ENOENT when there is no such request (any more), -EALREADY when it is
// running; then it goes on to its own result, but does not begin to wait.
static int cancel_request(struct pool *p, struct request *r) {
  if (load(&r->state) == FINISHED) return -ENOENT;
  pthread_mutex_lock(&p->lock);
  bool found = load(&r->state) == QUEUED;
  if (found) unlink_queued(p, r);
  pthread_mutex_unlock(&p->lock);
  if (!found) found = poller_cancel(p->poller, r);
  if (!found) return -EALREADY;
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
  struct visit visit = {.flags_fd = -1, .flags = -1, .mode_fd = -1};
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
      queue_list(p, list);  // its target may be among them
      list = NULL;
      end = &list;
      r->result = cancel(p, e);
      complete(p, r);
      continue;
    }
    enum outcome outcome = operation_step(r, AT_ONCE, &visit);
    if (outcome == DONE) {
      complete(p, r);
    } else if (!enter_in_table(p, r)) {
      free_request(p, r);
      break;
    } else if (outcome == WAIT) {
      poller_watch(p->poller, r);
    } else {
      r->next = NULL;
      *end = r;
      end = &r->next;
    }
  }
  __atomic_store_n(p->q.sq_head, head + consumed, __ATOMIC_RELEASE);
  bool taken_up = queue_list(p, list);
  if (taken_up && count == 1 && __atomic_load_n(&p->very_quick, __ATOMIC_RELAXED)) look_for_answer(p);
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
      if (load(&r->state) != FREE) cancel_request(p, r);
    }
  }
}

// ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t count_cpus(void) {
  uint64_t set[128] = {0};
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
  int cpus = 0;
  for (long i = 0; i < bytes / 8; i++) {
    for (uint64_t bits = set[i]; bits; bits &= bits - 1) cpus++;  // __builtin_popcountll would need libgcc
  }
  return (uint32_t)cpus;
}

int pool_open(struct pool **out, const struct pool_queues *queues, int event_fd, uint32_t workers_max) {
  if (workers_max < 1) return -EINVAL;
  if (workers_max > WORKERS_MAX) workers_max = WORKERS_MAX;
  struct pool *p = aligned_alloc(64, sizeof *p);
  if (!p) return -ENOMEM;
  memset(p, 0, sizeof *p);
  p->q = *queues;
  uint32_t cpus = count_cpus();
  p->linger_ns = cpus > 1 ? LINGER_NS : 0;  // on a single CPU it would keep off what it waits for
  p->quick_workers_max = cpus > QUICK_WORKERS_MIN ? cpus : QUICK_WORKERS_MIN;
  p->workers_max = workers_max;
  p->workers = calloc(workers_max, sizeof *p->workers);
  // A duplicate: when the program ends with a request that cannot be awaited, its worker outlives the caller's.
  p->event_fd = fcntl(event_fd, F_DUPFD_CLOEXEC, 3);
  int error = p->event_fd < 0 ? -errno : !p->workers ? -ENOMEM : poller_open(&p->poller, p);
  if (error) {
    if (p->event_fd >= 0) close(p->event_fd);
    free(p->workers);
    free(p);
    return error;
  }
  pthread_mutex_init(&p->lock, NULL);
  for (uint32_t i = 0; i < workers_max; i++) p->workers[i].pool = p;
  *out = p;
  return 0;
}

void pool_close(struct pool *p) {
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  for (uint32_t i = 0; i < p->workers_max; i++) {
    __atomic_store_n(&p->workers[i].wake, 1, __ATOMIC_RELEASE);
    if (p->workers[i].alive) futex_wake(&p->workers[i].wake);
  }
  pthread_mutex_unlock(&p->lock);
  poller_close(p->poller);
  // A worker that is calling in another one is alive, and so is that one.
  for (uint32_t alive; (alive = load(&p->alive)) > 0;) futex_wait(&p->alive, alive, NULL);
  for (uint32_t i = 0; i < p->workers_max; i++) {
    if (p->workers[i].joinable) pthread_join(p->workers[i].thread, NULL);
  }
  pthread_mutex_destroy(&p->lock);
  close(p->event_fd);
  while (p->chunks) {
    struct chunk *chunk = p->chunks;
    p->chunks = chunk->next;
    free(chunk);
  }
  free(p->by_slot);
  free(p->workers);
  free(p);
}

uint32_t pool_threads(struct pool *p) { return load(&p->alive) + poller_running(p->poller); }
