// The workers: threads that take requests from the run queue, one at a time, and perform them.
//
//   called in ─► busy ─► lingering ─► asleep ─► ended
//       ▲         ▲          │          │
//       │         └── found ─┘          │
//       └───────── called in again ─────┘
//
// A worker that finds more behind the request it takes calls in another one, and one that has run out of work lingers
// for a moment before it sleeps, so that requests made one after the other need no wake-up. Whoever queues a request
// calls in a worker, unless one is about to look: it lingers, or it has been called in already.
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORKERS_MAX = 1024 };
enum { IDLE_MS = 3000 };  // a worker without work ends after this
// How long a worker looks for work before it sleeps. Waking it costs both sides ~5 µs and, on a virtual machine, the
// worker starts up to 50 µs later. After some looks in vain it sleeps at once, most of the time; and always on the CPU where
// the owner last was, for the owner cannot make a request there while the worker looks for it (link and unlink, 32 at a
// time, 2 CPUs: 65 k/s → 73 k/s; fs.write 349 k → 422 k).
enum { LINGER_NS = 60 * 1000, LINGER_MISSES_MAX = 4, LINGER_AGAIN = 16 };

// While operations are as quick as that, completions gather for a while before the owner is woken, which costs ~2 µs
// here and ~5 µs there.
enum { QUICK_NS = 10 * 1000, WAKE_DELAY_NS = 25 * 1000 };
// While operations are quicker than that they come from memory: more workers only get into each other's way (4 KiB
// buffered writes to one ext4 file, depth 32, 2 CPUs: 800 k/s with 4 workers, 460 k/s with 16). What may wait for a
// device gets all workers (O_DIRECT reads, depth 32: 31 k/s with 4 workers, 93 k/s with 16).
enum { QUICK_WORKERS_MIN = 4, STALLED_NS = 1000 * 1000 };
// What waits for the lock of one directory takes as many times longer as there are workers that wait, and more of them
// make it longer yet (mkdir on ext4, depth 32: 4.6 k/s with 4 workers, 3.2 k/s with all).
enum { NAMES_STALLED_NS = 10 * STALLED_NS };

struct worker {
  struct workers *workers;
  struct worker *next_idle;
  pthread_t thread;
  uint32_t wake;        // futex: 1 when it shall look
  bool alive, is_idle;  // under `lock`
  int64_t busy_since;   // likewise; 0: it has no request
  bool joinable;        // whoever starts it, then workers_close
};

struct workers {
  struct pool *pool;
  struct poller *poller;
  uint32_t linger_ns;

  // under `lock`
  pthread_mutex_t lock __attribute__((aligned(64)));
  struct request *first, *last;  // the run queue
  uint32_t queued;               // its length; read without the lock by who lingers
  struct worker *all, *idle;
  uint32_t max, quick_max, arriving, lingering, busy;
  uint32_t alive;                // threads; a futex for workers_close
  uint32_t linger_misses, linger_skipped;
  bool stopping;
  uint32_t very_quick;  // atomic: the last operation took less than ANSWER_AT_ONCE_NS
};

static uint32_t load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

static void futex_wait(uint32_t *word, uint32_t value, const struct timespec *timeout) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void futex_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

// ── the run queue ─────────────────────────────────────────────────────────────────────────────────────────────

static void append(struct workers *ws, struct request *r) {
  r->next = NULL;
  r->prev = ws->last;
  if (ws->last) ws->last->next = r;
  else ws->first = r;
  ws->last = r;
  __atomic_store_n(&ws->queued, ws->queued + 1, __ATOMIC_RELAXED);
  set_state(r, QUEUED);
}

static void unlink_queued(struct workers *ws, struct request *r) {
  if (r->prev) r->prev->next = r->next;
  else ws->first = r->next;
  if (r->next) r->next->prev = r->prev;
  else ws->last = r->prev;
  __atomic_store_n(&ws->queued, ws->queued - 1, __ATOMIC_RELAXED);
  set_state(r, RUNNING);
}

// ── calling in ────────────────────────────────────────────────────────────────────────────────────────────────

struct call {
  struct worker *worker;  // NULL: nobody
  bool spawn;             // it has no thread yet
  bool later;             // nobody now, but see whether the queue moves
};

// With `lock` held.
static void set_alive(struct workers *ws, struct worker *w, bool alive) {
  w->alive = alive;
  __atomic_store_n(&ws->alive, ws->alive + (alive ? 1 : -1), __ATOMIC_RELEASE);
}

// What makes or removes names in one directory waits for its lock and the journal, one after the other.
static bool changes_names(const struct request *r) {
  switch (r->sqe.opcode) {
    case OP_MKDIRAT: case OP_UNLINKAT: case OP_RENAMEAT: case OP_SYMLINKAT: case OP_LINKAT: return true;
    default: return false;
  }
}

// With `lock` held. True while enough workers have taken a request lately to take the next ones soon.
static bool is_moving(const struct workers *ws) {
  bool is_name = changes_names(ws->first);
  bool few_suffice = is_name || __atomic_load_n(&ws->very_quick, __ATOMIC_RELAXED);
  if (ws->busy < ws->quick_max || !few_suffice) return false;
  int64_t lately = pool_now() - (is_name ? NAMES_STALLED_NS : STALLED_NS);
  uint32_t moving = 0;
  for (uint32_t i = 0; i < ws->max && moving < ws->quick_max; i++) {
    if (ws->all[i].busy_since > lately) moving++;
  }
  return moving >= ws->quick_max;
}

// With `lock` held: the worker to call in, or none when somebody is about to look. One at a time; that one calls in
// the next. Those who look as if they would be back soon may have met a device that never answers, so then the poller
// looks again a little later.
static struct call help_wanted(struct workers *ws) {
  if (!ws->first || ws->lingering > 0 || ws->arriving > 0) return (struct call){0};
  if (is_moving(ws)) return (struct call){.later = true};
  struct worker *w = ws->idle;
  if (w) {
    ws->idle = w->next_idle;
    w->is_idle = false;
    ws->arriving++;
    return (struct call){.worker = w};
  }
  if (ws->alive == ws->max) return (struct call){0};
  for (w = ws->all; w->alive; w++) {}
  set_alive(ws, w, true);
  ws->arriving++;
  return (struct call){.worker = w, .spawn = true};
}

static void *work(void *argument);

// Without a single thread (a limit on processes) requests fail; with one they only wait.
static void give_up(struct workers *ws, struct worker *w) {
  struct request *list = NULL;
  pthread_mutex_lock(&ws->lock);
  set_alive(ws, w, false);
  ws->arriving--;
  while (ws->alive == 0 && ws->first) {
    struct request *r = ws->first;
    unlink_queued(ws, r);
    r->next = list;
    list = r;
  }
  pthread_mutex_unlock(&ws->lock);
  while (list) {
    struct request *r = list;
    list = r->next;
    r->result = -EAGAIN;
    pool_finish(ws->pool, r);
  }
}

static void call_in(struct workers *ws, struct call call) {
  struct worker *w = call.worker;
  // Without a thread for a reminder (a limit on processes) there is none for a further worker either.
  if (call.later) poller_remind(ws->poller, STALLED_NS);
  if (!w) return;
  if (!call.spawn) {
    __atomic_store_n(&w->wake, 1, __ATOMIC_RELEASE);
    futex_wake(&w->wake);
    return;
  }
  if (w->joinable) pthread_join(w->thread, NULL);  // it has left its loop already
  w->joinable = pool_spawn(&w->thread, work, w) == 0;
  if (!w->joinable) give_up(ws, w);
}

bool workers_queue(struct workers *ws, struct request *list) {
  if (!list) return false;
  pthread_mutex_lock(&ws->lock);
  bool taken_up = ws->lingering > 0 && !ws->first;
  while (list) {
    struct request *r = list;
    list = r->next;
    append(ws, r);
  }
  struct call call = help_wanted(ws);
  pthread_mutex_unlock(&ws->lock);
  call_in(ws, call);
  return taken_up;
}

void workers_look_again(struct workers *ws) {
  pthread_mutex_lock(&ws->lock);
  struct call call = help_wanted(ws);
  pthread_mutex_unlock(&ws->lock);
  call_in(ws, call);
}

bool workers_take_back(struct workers *ws, struct request *r) {
  pthread_mutex_lock(&ws->lock);
  bool found = state_of(r) == QUEUED;
  if (found) unlink_queued(ws, r);
  pthread_mutex_unlock(&ws->lock);
  return found;
}

// ── a worker's life ───────────────────────────────────────────────────────────────────────────────────────────

// Usually: a transfer, a new size, or what begins with a path that was looked up before. Nothing is known of the others.
static bool is_from_memory(const struct request *r) {
  switch (r->sqe.opcode) {
    case OP_READ: case OP_READV: case OP_WRITE: case OP_WRITEV: case OP_SEND: case OP_RECV: case OP_STATX:
    case OP_READ_FILE: case OP_FTRUNCATE: return true;
    default: return false;
  }
}

// True when the owner has to be woken for it.
static bool perform(struct workers *ws, struct request *r) {
  if (load(&r->cancel)) {
    r->result = -ECANCELED;
  } else if (operation_step(r, ON_WORKER, NULL) == WAIT) {
    poller_watch(ws->poller, r);
    return false;
  }
  return pool_push(ws->pool, r);
}

// With `lock` held, which is released meanwhile. While somebody lingers nobody is called in: whoever queues a request
// holds the lock, and so does the lingerer when it looks a last time.
static void linger(struct workers *ws) {
  ws->lingering++;
  pthread_mutex_unlock(&ws->lock);
  bool found = false;
  int64_t until = pool_now() + ws->linger_ns;
  do {
    for (int i = 0; i < 64 && !found; i++) {
      pause_cpu();
      found = __atomic_load_n(&ws->queued, __ATOMIC_RELAXED) > 0;
    }
  } while (!found && pool_now() < until && pool_owner_is_elsewhere(ws->pool));
  pthread_mutex_lock(&ws->lock);
  ws->lingering--;
  ws->linger_misses = found ? 0 : ws->linger_misses + 1;
}

static bool may_linger(struct workers *ws) {
  if (ws->linger_ns == 0 || ws->lingering > 0 || !pool_owner_is_elsewhere(ws->pool)) return false;
  return ws->linger_misses < LINGER_MISSES_MAX || ++ws->linger_skipped % LINGER_AGAIN == 0;
}

// With `lock` held, which is released meanwhile. False when there was nothing to do for so long that it ends.
static bool sleep_idle(struct workers *ws, struct worker *w) {
  int64_t until = pool_now() + (int64_t)IDLE_MS * 1000000;
  w->is_idle = true;
  w->next_idle = ws->idle;
  ws->idle = w;
  while (w->is_idle && !ws->stopping) {
    __atomic_store_n(&w->wake, 0, __ATOMIC_RELAXED);
    int64_t left = until - pool_now();
    if (left <= 0) {
      struct worker **link = &ws->idle;
      while (*link != w) link = &(*link)->next_idle;
      *link = w->next_idle;
      w->is_idle = false;
      return false;
    }
    pthread_mutex_unlock(&ws->lock);
    struct timespec timeout = {left / 1000000000, left % 1000000000};
    futex_wait(&w->wake, 0, &timeout);
    pthread_mutex_lock(&ws->lock);
  }
  if (!w->is_idle) ws->arriving--;
  return true;
}

static void *work(void *argument) {
  struct worker *w = argument;
  struct workers *ws = w->workers;
  bool was_busy = false, was_quick = false;
  pool_name_thread("aio-worker");
  bool owes_wake = false;      // something is on the list that the owner has not been told of
  int64_t owed_since = 0, ended = 0;
  pthread_mutex_lock(&ws->lock);
  ws->arriving--;
  while (!ws->stopping) {
    struct request *r = ws->first;
    if (owes_wake && (!r || !was_quick || !is_from_memory(r) || ended - owed_since > WAKE_DELAY_NS)) {
      owes_wake = false;
      // Not needed when the owner has taken the list already, or is about to.
      if (pool_owner_is_to_be_woken(ws->pool)) {
        pthread_mutex_unlock(&ws->lock);
        pool_wake_owner(ws->pool);
        pthread_mutex_lock(&ws->lock);
        continue;
      }
    }
    if (r) {
      int64_t begun = was_busy ? ended : pool_now();
      unlink_queued(ws, r);
      ws->busy++;
      w->busy_since = begun;
      if (!is_from_memory(r)) __atomic_store_n(&ws->very_quick, 0, __ATOMIC_RELAXED);
      struct call call = help_wanted(ws);
      pthread_mutex_unlock(&ws->lock);
      call_in(ws, call);
      // This one may never come back, and nobody else tells the owner: the list is not empty.
      if (owes_wake && !poller_remind(ws->poller, STALLED_NS)) {
        pool_wake_owner(ws->pool);
        owes_wake = false;
      }
      bool first = perform(ws, r);
      ended = pool_now();
      was_quick = ended - begun < QUICK_NS;
      __atomic_store_n(&ws->very_quick, ended - begun < ANSWER_AT_ONCE_NS, __ATOMIC_RELAXED);
      was_busy = true;
      if (first && !owes_wake) owed_since = ended;
      owes_wake |= first;
      pthread_mutex_lock(&ws->lock);
      ws->busy--;
      w->busy_since = 0;
    } else if (was_busy && may_linger(ws)) {
      was_busy = false;
      linger(ws);
    } else {
      was_busy = false;
      if (!sleep_idle(ws, w)) break;
    }
  }
  set_alive(ws, w, false);
  pthread_mutex_unlock(&ws->lock);
  futex_wake(&ws->alive);  // workers_close joins this thread before it frees them
  return NULL;
}

// ── their life ────────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t count_cpus(void) {
  uint64_t set[128] = {0};
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
  int cpus = 0;
  for (long i = 0; i < bytes / 8; i++) {
    for (uint64_t bits = set[i]; bits; bits &= bits - 1) cpus++;  // __builtin_popcountll would need libgcc
  }
  return (uint32_t)cpus;
}

int workers_open(struct workers **out, struct pool *pool, struct poller *poller, uint32_t max) {
  if (max > WORKERS_MAX) max = WORKERS_MAX;
  struct workers *ws = aligned_alloc(64, sizeof *ws);
  if (!ws) return -ENOMEM;
  memset(ws, 0, sizeof *ws);
  ws->all = calloc(max, sizeof *ws->all);
  if (!ws->all) {
    free(ws);
    return -ENOMEM;
  }
  uint32_t cpus = count_cpus();
  ws->pool = pool;
  ws->poller = poller;
  ws->linger_ns = cpus > 1 ? LINGER_NS : 0;  // on a single CPU it would keep off what it waits for
  ws->quick_max = cpus > QUICK_WORKERS_MIN ? cpus : QUICK_WORKERS_MIN;
  ws->max = max;
  pthread_mutex_init(&ws->lock, NULL);
  for (uint32_t i = 0; i < max; i++) ws->all[i].workers = ws;
  *out = ws;
  return 0;
}

void workers_stop(struct workers *ws) {
  pthread_mutex_lock(&ws->lock);
  ws->stopping = true;
  for (uint32_t i = 0; i < ws->max; i++) {
    __atomic_store_n(&ws->all[i].wake, 1, __ATOMIC_RELEASE);
    if (ws->all[i].alive) futex_wake(&ws->all[i].wake);
  }
  pthread_mutex_unlock(&ws->lock);
}

void workers_close(struct workers *ws) {
  // A worker that is calling in another one is alive, and so is that one.
  for (uint32_t alive; (alive = load(&ws->alive)) > 0;) futex_wait(&ws->alive, alive, NULL);
  for (uint32_t i = 0; i < ws->max; i++) {
    if (ws->all[i].joinable) pthread_join(ws->all[i].thread, NULL);
  }
  pthread_mutex_destroy(&ws->lock);
  free(ws->all);
  free(ws);
}

uint32_t workers_alive(struct workers *ws) { return load(&ws->alive); }

bool workers_are_very_quick(struct workers *ws) { return __atomic_load_n(&ws->very_quick, __ATOMIC_RELAXED); }
