// One thread that waits, in epoll, for every descriptor that was not ready and for every timer, so that waiting
// occupies no worker. It starts when something first waits and ends when nothing has for a while.
//
// A request in state POLLING belongs to this file and is guarded by `lock`: it is registered in the epoll set with
// EPOLLONESHOT, or it is in the heap of deadlines, whose earliest is armed in one timerfd. The epoll set names a
// request by its address. An event that was fetched before its request was cancelled may therefore reach the
// request's successor at that address: harmless, because an event only makes its request try again.
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 };
enum { IDLE_MS = 3000 };  // without anything to wait for the thread ends
// A request woken for nothing this often waits before it is watched again, so that a descriptor that claims to be
// ready and is not (or a thousand waiters on one) cannot keep a CPU busy.
enum { TRIES_MAX = 16, RETRY_NS = 1000 * 1000 };

struct poller {
  struct pool *pool;
  pthread_mutex_t lock;
  pthread_t thread;
  bool running, joinable, stopping;
  int epoll_fd, timer_fd;
  uint32_t watching;  // requests in state POLLING
  int64_t armed;      // the deadline that timer_fd has, or 0
  int64_t reminder;   // when the pool wants to be called, or 0
  struct request **heap;  // by deadline, the earliest first
  uint32_t heap_size, heap_capacity;
};

// ── the heap of deadlines ─────────────────────────────────────────────────────────────────────────────────────

static void place_at(struct poller *o, uint32_t i, struct request *r) {
  o->heap[i] = r;
  r->heap_index = i;
}

static void sift(struct poller *o, uint32_t i) {
  struct request *r = o->heap[i];
  while (i > 0 && o->heap[(i - 1) / 2]->deadline > r->deadline) {
    place_at(o, i, o->heap[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  for (uint32_t child; (child = 2 * i + 1) < o->heap_size; i = child) {
    if (child + 1 < o->heap_size && o->heap[child + 1]->deadline < o->heap[child]->deadline) child++;
    if (o->heap[child]->deadline >= r->deadline) break;
    place_at(o, i, o->heap[child]);
  }
  place_at(o, i, r);
}

static void heap_insert(struct poller *o, struct request *r) {
  place_at(o, o->heap_size++, r);
  sift(o, r->heap_index);
}

static void heap_remove(struct poller *o, struct request *r) {
  struct request *last = o->heap[--o->heap_size];
  if (last == r) return;
  place_at(o, r->heap_index, last);
  sift(o, last->heap_index);
}

// Only ever earlier than what is armed: a timer that has become too early costs one empty wake-up.
static void arm(struct poller *o, int64_t deadline) {
  if (o->armed != 0 && o->armed <= deadline) return;
  struct itimerspec at = {.it_value = {deadline / 1000000000, deadline % 1000000000}};
  o->armed = deadline;
  timerfd_settime(o->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

// ── the epoll set ─────────────────────────────────────────────────────────────────────────────────────────────

void poller_forget(struct poller *o, struct request *r) {
  if (!r->watched) return;
  epoll_ctl(o->epoll_fd, EPOLL_CTL_DEL, r->registered_fd, NULL);
  if (r->watch_owned) close(r->registered_fd);
  r->watched = r->watch_owned = false;
}

static int watch_descriptor(struct poller *o, struct request *r) {
  struct epoll_event event = {.events = r->watch_events | EPOLLONESHOT, .data.ptr = r};
  if (r->watched && r->registered_for == r->watch_fd) {
    return epoll_ctl(o->epoll_fd, EPOLL_CTL_MOD, r->registered_fd, &event) < 0 ? -errno : 0;
  }
  poller_forget(o, r);  // splice has waited for one end and now waits for the other
  r->registered_for = r->registered_fd = r->watch_fd;
  if (epoll_ctl(o->epoll_fd, EPOLL_CTL_ADD, r->registered_fd, &event) < 0) {
    if (errno != EEXIST) return -errno;
    // Another request waits on this descriptor: the set can hold it once more under another number.
    r->registered_fd = fcntl(r->watch_fd, F_DUPFD_CLOEXEC, 3);
    if (r->registered_fd < 0) return -errno;
    if (epoll_ctl(o->epoll_fd, EPOLL_CTL_ADD, r->registered_fd, &event) < 0) {
      int error = errno;
      close(r->registered_fd);
      return -error;
    }
    r->watch_owned = true;
  }
  r->watched = true;
  return 0;
}

// ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

// The request's time or readiness has come: it goes on, here if it can, else on a worker.
static void go_on(struct poller *o, struct request *r) {
  switch (operation_step(r, ON_POLLER, NULL)) {
    case DONE: pool_finish(o->pool, r); return;
    case WORKER: pool_requeue(o->pool, r); return;
    case WAIT:
      if (++r->tries % TRIES_MAX == 0 && r->deadline == 0) r->deadline = pool_now() + RETRY_NS;
      poller_watch(o, r);
      return;
  }
}

static struct request *take(struct poller *o, struct request *r, struct request *list) {
  set_state(r, RUNNING);
  o->watching--;
  r->next = list;
  return r;
}

static struct request *take_expired(struct poller *o, struct request *list) {
  uint64_t count;
  int64_t now = pool_now();
  if (read(o->timer_fd, &count, sizeof count) < 0 && errno != EAGAIN) return list;
  o->armed = 0;
  while (o->heap_size > 0 && o->heap[0]->deadline <= now) {
    struct request *r = o->heap[0];
    heap_remove(o, r);
    list = take(o, r, list);
  }
  if (o->heap_size > 0) arm(o, o->heap[0]->deadline);
  if (o->reminder > now) arm(o, o->reminder);
  return list;
}

// True once, when its time has come.
static bool take_reminder(struct poller *o) {
  if (o->reminder == 0 || o->reminder > pool_now()) return false;
  o->reminder = 0;
  return true;
}

static void *run(void *argument) {
  struct poller *o = argument;
  struct epoll_event events[EVENTS_MAX];
  pool_name_thread("aio-poller");
  pthread_mutex_lock(&o->lock);
  while (!o->stopping) {
    int wait_ms = o->watching > 0 || o->reminder != 0 ? -1 : IDLE_MS;
    pthread_mutex_unlock(&o->lock);
    int n = epoll_wait(o->epoll_fd, events, EVENTS_MAX, wait_ms);
    pthread_mutex_lock(&o->lock);
    if (n == 0 && o->watching == 0 && o->reminder == 0) break;
    struct request *list = NULL;
    for (int i = 0; i < n; i++) {
      struct request *r = events[i].data.ptr;
      if (r == NULL) list = take_expired(o, list);
      else if (state_of(r) == POLLING && r->deadline == 0) list = take(o, r, list);
    }
    bool reminded = take_reminder(o);
    pthread_mutex_unlock(&o->lock);
    if (reminded) pool_look_again(o->pool);
    while (list) {
      struct request *r = list;
      list = r->next;
      go_on(o, r);
    }
    pthread_mutex_lock(&o->lock);
  }
  o->running = false;
  pthread_mutex_unlock(&o->lock);
  return NULL;
}

// With `lock` held.
static int start(struct poller *o) {
  if (o->running) return 0;
  if (o->joinable) pthread_join(o->thread, NULL);  // it has left its loop already
  o->joinable = false;
  int error = pool_spawn(&o->thread, run, o);
  if (error) return error;
  o->running = o->joinable = true;
  return 0;
}

void poller_watch(struct poller *o, struct request *r) {
  pthread_mutex_lock(&o->lock);
  // Before it is POLLING, a cancellation could only leave a note.
  int error = __atomic_load_n(&r->cancel, __ATOMIC_ACQUIRE) ? -ECANCELED : start(o);
  if (!error) {
    if (r->deadline == 0) error = watch_descriptor(o, r);
    // No descriptor left for a duplicate, or max_user_watches: look again now and then.
    if (error && error != -EPERM && error != -EBADF) r->deadline = pool_now() + RETRY_NS;
    if (r->deadline != 0) {
      heap_insert(o, r);
      arm(o, r->deadline);
      error = 0;
    }
    if (!error) {
      set_state(r, POLLING);
      o->watching++;
    }
  }
  pthread_mutex_unlock(&o->lock);
  if (error == -EPERM) {  // not pollable: wait in the call itself
    r->blocking = true;
    pool_requeue(o->pool, r);
  } else if (error) {
    r->result = error;
    pool_finish(o->pool, r);
  }
}

bool poller_remind(struct poller *o, int64_t ns) {
  pthread_mutex_lock(&o->lock);
  if (o->reminder == 0 && start(o) == 0) {
    o->reminder = pool_now() + ns;
    arm(o, o->reminder);
  }
  bool will = o->reminder != 0;
  pthread_mutex_unlock(&o->lock);
  return will;
}

bool poller_cancel(struct poller *o, struct request *r) {
  pthread_mutex_lock(&o->lock);
  bool waits = state_of(r) == POLLING;
  if (waits) {
    if (r->deadline != 0) heap_remove(o, r);
    o->watching--;
    set_state(r, RUNNING);
  } else {
    __atomic_store_n(&r->cancel, 1, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&o->lock);
  return waits;
}

// ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────

// The descriptors are opened now, so that waiting does not fail later for want of them; the thread starts when needed.
int poller_open(struct poller **out, struct pool *p) {
  struct poller *o = calloc(1, sizeof *o);
  if (!o) return -ENOMEM;
  o->pool = p;
  o->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  o->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (o->epoll_fd < 0 || o->timer_fd < 0 || epoll_ctl(o->epoll_fd, EPOLL_CTL_ADD, o->timer_fd, &event) < 0) {
    int error = errno;
    if (o->epoll_fd >= 0) close(o->epoll_fd);
    if (o->timer_fd >= 0) close(o->timer_fd);
    free(o);
    return -error;
  }
  pthread_mutex_init(&o->lock, NULL);
  *out = o;
  return 0;
}

int poller_reserve(struct poller *o, uint32_t requests) {
  pthread_mutex_lock(&o->lock);
  struct request **heap = realloc(o->heap, requests * sizeof *heap);
  if (heap) {
    o->heap = heap;
    o->heap_capacity = requests;
  }
  pthread_mutex_unlock(&o->lock);
  return heap ? 0 : -ENOMEM;
}

bool poller_running(struct poller *o) {
  pthread_mutex_lock(&o->lock);
  bool running = o->running;
  pthread_mutex_unlock(&o->lock);
  return running;
}

void poller_close(struct poller *o) {
  pthread_mutex_lock(&o->lock);
  o->stopping = true;
  o->armed = 0;
  if (o->running) arm(o, 1);  // long past: wakes it
  pthread_mutex_unlock(&o->lock);
  if (o->joinable) pthread_join(o->thread, NULL);
  close(o->epoll_fd);
  close(o->timer_fd);
  pthread_mutex_destroy(&o->lock);
  free(o->heap);
  free(o);
}
