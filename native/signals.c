// Real signals for <aio.h>: queueing them to this thread, and receiving them in JavaScript with all of their siginfo,
// real-time signals included, which libuv does not know. What a handler does is decided in src/posix/signals.ts.
//
// One receiver per environment (main thread or worker), made when it first catches a signal. The kernel runs on_signal
// on whatever thread the signal is for; it puts the record into a receiver's queue and wakes that receiver's event
// loop through an eventfd. Everything on_signal touches is async-signal-safe:
//
//   receivers   a list that only grows; a receiver whose environment has ended is used again by the next one, never
//               freed, so the list can be walked at any time
//   records     a bounded queue of preallocated records that any number of threads and nested handlers may fill
//               (Dmitry Vyukov's: a cell's sequence number tells whose turn it is)
//   entered     how many handlers are inside; an environment that ends waits for them before it closes the eventfd
//
// The handler before ours is remembered and put back when the last receiver lets go of a signal, unless somebody has
// replaced ours meanwhile (libuv, for process.on).
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

enum { SIGNALS = 64 };
enum { RECORDS = 4096 };       // a power of two; beyond it signals from outside are lost, and counted
enum { TAKE_WORDS = 6 };       // Int32 words per record that JavaScript sees

struct record {
  uint32_t sequence;
  int32_t signo, code, pid, uid;
  uint64_t value;
};

struct receiver {
  struct receiver *next;
  uint64_t caught;   // atomic: bit signo - 1
  uint32_t entered;  // atomic: handlers that may be using what follows
  uint32_t lost;     // atomic
  bool in_use;       // under `lock`
  pid_t thread;
  int event_fd;
  uint32_t put, taken;  // put: atomic; taken: the environment's thread only
  struct record records[RECORDS];

  napi_env env;  // atomic: other threads compare it with theirs

  // the environment's thread only
  napi_ref on_signal, holder;
  napi_async_context async_context;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t *poll;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct receiver *receivers;        // atomic head; grows only
static struct sigaction before[SIGNALS + 1];  // under `lock`: what was there when the first receiver caught it
static uint32_t catchers[SIGNALS + 1];        // under `lock`

static uint64_t bit(int signo) { return (uint64_t)1 << (signo - 1); }

// ── in the handler ────────────────────────────────────────────────────────────────────────────────────────────

static bool put_record(struct receiver *r, int signo, const siginfo_t *info) {
  uint32_t at = __atomic_load_n(&r->put, __ATOMIC_RELAXED);
  for (;;) {
    struct record *record = &r->records[at & (RECORDS - 1)];
    int32_t turn = (int32_t)(__atomic_load_n(&record->sequence, __ATOMIC_ACQUIRE) - at);
    if (turn < 0) return false;  // not taken since the last round: full
    if (turn > 0) {
      at = __atomic_load_n(&r->put, __ATOMIC_RELAXED);
      continue;
    }
    if (!__atomic_compare_exchange_n(&r->put, &at, at + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
    record->signo = signo;
    record->code = info->si_code;
    record->pid = info->si_pid;
    record->uid = (int32_t)info->si_uid;
    record->value = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    __atomic_store_n(&record->sequence, at + 1, __ATOMIC_RELEASE);
    return true;
  }
}

// The signal goes to the environment of the thread that received it, or else to any that catches it. The receiver is
// returned entered, so that its eventfd stays open.
static struct receiver *enter_receiver(pid_t thread, int signo) {
  for (int pass = 0; pass < 2; pass++) {
    for (struct receiver *r = __atomic_load_n(&receivers, __ATOMIC_ACQUIRE); r; r = r->next) {
      if (pass == 0 && __atomic_load_n(&r->thread, __ATOMIC_RELAXED) != thread) continue;
      __atomic_add_fetch(&r->entered, 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&r->caught, __ATOMIC_SEQ_CST) & bit(signo)) return r;
      __atomic_sub_fetch(&r->entered, 1, __ATOMIC_SEQ_CST);
    }
  }
  return NULL;
}

// A signal for the process may be delivered on any thread, but it is the receiver's that may be blocked in a wait which
// it is to interrupt. That one gets a signal of its own, which says nothing but this.
static const char interruption;

static bool is_interruption(const siginfo_t *info) {
  return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &interruption;
}

static void interrupt_thread(pid_t thread, int signo) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = signo;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = (void *)&interruption;
  syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, signo, &info);
}

static void on_signal(int signo, siginfo_t *info, void *context) {
  (void)context;
  if (is_interruption(info)) return;
  int saved = errno;
  pid_t thread = (pid_t)syscall(SYS_gettid);
  struct receiver *r = enter_receiver(thread, signo);
  if (r) {
    uint64_t one = 1;
    if (!put_record(r, signo, info)) __atomic_add_fetch(&r->lost, 1, __ATOMIC_RELAXED);
    while (write(r->event_fd, &one, sizeof one) < 0 && errno == EINTR) {}
    if (r->thread != thread) interrupt_thread(r->thread, signo);
    __atomic_sub_fetch(&r->entered, 1, __ATOMIC_SEQ_CST);
  }
  errno = saved;
}

// ── catching ──────────────────────────────────────────────────────────────────────────────────────────────────

static int catch_signal(struct receiver *r, int signo) {
  int error = 0;
  pthread_mutex_lock(&lock);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, old;
  sigfillset(&action.sa_mask);
  bool first = !(r->caught & bit(signo));
  __atomic_fetch_or(&r->caught, bit(signo), __ATOMIC_SEQ_CST);
  // Again even if it is caught already: somebody else may have replaced ours, and the last call counts.
  if (sigaction(signo, &action, &old) < 0) error = -errno;
  else if (first && catchers[signo]++ == 0) before[signo] = old;
  if (error && first) __atomic_fetch_and(&r->caught, ~bit(signo), __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&lock);
  return error;
}

// Once it returns no handler is inside, and what they have sent to this thread has been delivered.
static void await_handlers(struct receiver *r) {
  while (__atomic_load_n(&r->entered, __ATOMIC_SEQ_CST) > 0) sched_yield();
  sched_yield();  // signals that are pending for a thread are delivered when it leaves the kernel
}

static void let_go(struct receiver *r, int signo) {
  pthread_mutex_lock(&lock);
  if (r->caught & bit(signo)) {
    struct sigaction now;
    __atomic_fetch_and(&r->caught, ~bit(signo), __ATOMIC_SEQ_CST);
    await_handlers(r);  // an interruption must not meet the default action
    if (--catchers[signo] == 0 && sigaction(signo, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
        now.sa_sigaction == on_signal) {
      sigaction(signo, &before[signo], NULL);
    }
  }
  pthread_mutex_unlock(&lock);
}

// ── the receiver's life on the event loop ─────────────────────────────────────────────────────────────────────

static struct receiver *take_receiver(void) {
  pthread_mutex_lock(&lock);
  struct receiver *r = receivers;
  while (r && r->in_use) r = r->next;
  if (r) {
    r->in_use = true;
  } else if ((r = calloc(1, sizeof *r))) {
    r->in_use = true;
    r->event_fd = -1;
    for (uint32_t i = 0; i < RECORDS; i++) r->records[i].sequence = i;
    r->next = receivers;
    __atomic_store_n(&receivers, r, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&lock);
  return r;
}

static void give_back(struct receiver *r) {
  __atomic_store_n(&r->thread, 0, __ATOMIC_SEQ_CST);
  await_handlers(r);
  if (r->event_fd >= 0) close(r->event_fd);
  r->event_fd = -1;
  pthread_mutex_lock(&lock);
  r->in_use = false;
  pthread_mutex_unlock(&lock);
}

static void on_poll_closed(uv_handle_t *handle) {
  struct receiver *r = uv_handle_get_data(handle);
  napi_async_cleanup_hook_handle cleanup = r->cleanup;
  free(r->poll);
  r->poll = NULL;
  give_back(r);
  napi_remove_async_cleanup_hook(cleanup);
}

static void on_environment_end(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  struct receiver *r = data;
  for (int signo = 1; signo <= SIGNALS; signo++) let_go(r, signo);
  uv_poll_stop(r->poll);
  uv_close((uv_handle_t *)r->poll, on_poll_closed);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct receiver *r = uv_handle_get_data((uv_handle_t *)poll);
  queues_clear_event(r->event_fd);
  queues_call_back(r->env, r->async_context, r->holder, r->on_signal);
}

// signalsOpen(onSignal): 0, or -errno. Once per environment.
napi_value signals_open(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value callback, holder, name;
  napi_get_cb_info(env, info, &argc, &callback, NULL, NULL);
  struct receiver *r = take_receiver();
  if (!r) return js_int(env, -ENOMEM);
  stay_loaded();  // another thread may be in the last lines of on_signal when this environment has ended
  uv_loop_t *loop;
  int error = 0;
  __atomic_store_n(&r->env, env, __ATOMIC_RELAXED);
  r->taken = __atomic_load_n(&r->put, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < RECORDS; i++) r->records[(r->taken + i) & (RECORDS - 1)].sequence = r->taken + i;
  r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->poll = calloc(1, uv_handle_size(LIBUV_HANDLE_POLL));
  if (r->event_fd < 0) error = -errno;
  else if (!r->poll) error = -ENOMEM;
  else if (napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok) error = -EINVAL;
  else error = uv_poll_init(loop, r->poll, r->event_fd);
  if (error) {
    free(r->poll);
    r->poll = NULL;
    give_back(r);
    return js_int(env, error);
  }
  uv_handle_set_data((uv_handle_t *)r->poll, r);
  uv_poll_start(r->poll, LIBUV_READABLE, on_readable);
  uv_unref((uv_handle_t *)r->poll);  // catching a signal keeps no process alive
  napi_create_object(env, &holder);
  napi_create_string_utf8(env, "linux-aio:signals", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, holder, name, &r->async_context);
  napi_create_reference(env, callback, 1, &r->on_signal);
  napi_create_reference(env, holder, 1, &r->holder);
  napi_add_async_cleanup_hook(env, on_environment_end, r, &r->cleanup);
  __atomic_store_n(&r->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
  return js_int(env, 0);
}

// The receiver of this environment. It runs on its own thread, so nobody can take it away meanwhile. Those of other
// threads are passed, which may be just beginning: whoever sees their thread sees their environment, and not that of the
// receiver's former one, in whose place ours may be.
static struct receiver *mine(napi_env env) {
  for (struct receiver *r = __atomic_load_n(&receivers, __ATOMIC_ACQUIRE); r; r = r->next) {
    if (__atomic_load_n(&r->thread, __ATOMIC_ACQUIRE) != 0 && __atomic_load_n(&r->env, __ATOMIC_RELAXED) == env) {
      return r;
    }
  }
  return NULL;
}

// signalsCatch(signo, wanted: boolean): 0, or -errno. After signalsOpen.
napi_value signals_catch(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  int32_t signo;
  bool wanted;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct receiver *r = mine(env);
  if (!r || napi_get_value_int32(env, argv[0], &signo) != napi_ok || signo < 1 || signo > SIGNALS ||
      napi_get_value_bool(env, argv[1], &wanted) != napi_ok) {
    return js_int(env, -EINVAL);
  }
  if (wanted) return js_int(env, catch_signal(r, signo));
  let_go(r, signo);
  return js_int(env, 0);
}

// signalsTake(out: ArrayBuffer): how many records it has written there, TAKE_WORDS words each: signo, code, pid, uid,
// value (low, high).
napi_value signals_take(napi_env env, napi_callback_info info) {
  size_t argc = 1, size;
  napi_value buffer;
  int32_t *out;
  napi_get_cb_info(env, info, &argc, &buffer, NULL, NULL);
  struct receiver *r = mine(env);
  if (!r || napi_get_arraybuffer_info(env, buffer, (void **)&out, &size) != napi_ok) return js_int(env, 0);
  int count = 0;
  for (size_t room = size / (TAKE_WORDS * sizeof *out); room > 0; room--) {
    struct record *record = &r->records[r->taken & (RECORDS - 1)];
    if (__atomic_load_n(&record->sequence, __ATOMIC_ACQUIRE) != r->taken + 1) break;
    int32_t words[TAKE_WORDS] = {record->signo, record->code, record->pid, record->uid, (int32_t)record->value,
                                 (int32_t)(record->value >> 32)};
    memcpy(out + count++ * TAKE_WORDS, words, sizeof words);
    __atomic_store_n(&record->sequence, r->taken + RECORDS, __ATOMIC_RELEASE);
    r->taken++;
  }
  return js_int(env, count);
}

// signalsLost(): how many signals found no room since the last call.
napi_value signals_lost(napi_env env, napi_callback_info info) {
  (void)info;
  struct receiver *r = mine(env);
  return js_int(env, r ? __atomic_exchange_n(&r->lost, 0, __ATOMIC_RELAXED) : 0);
}

// ── queueing ──────────────────────────────────────────────────────────────────────────────────────────────────

static bool is_caught(int signo) {
  struct sigaction now;
  if (sigaction(signo, NULL, &now) < 0) return false;
  return now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;  // a union with sa_sigaction
}

// signalQueue(signo, low, high): queues the signal to the calling thread as SI_ASYNCIO with that value. 1 when a
// handler catches it, 0 when none does, or -errno: EAGAIN when the user's queue is full (RLIMIT_SIGPENDING).
napi_value signal_queue(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  int32_t words[3];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  for (int i = 0; i < 3; i++) {
    if (napi_get_value_int32(env, argv[i], &words[i]) != napi_ok) return js_int(env, -EINVAL);
  }
  siginfo_t signal;
  memset(&signal, 0, sizeof signal);
  signal.si_signo = words[0];
  signal.si_code = SI_ASYNCIO;
  signal.si_pid = getpid();
  signal.si_uid = getuid();
  signal.si_value.sival_ptr = (void *)(uintptr_t)((uint64_t)(uint32_t)words[1] | (uint64_t)(uint32_t)words[2] << 32);
  bool caught = is_caught(words[0]);
  long result = syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), words[0], &signal);
  return js_int(env, result < 0 ? -errno : caught);
}

// firstRealTimeSignal(): SIGRTMIN, which the C library sets; it keeps the ones below for itself.
napi_value signal_first_real_time(napi_env env, napi_callback_info info) {
  (void)info;
  return js_int(env, SIGRTMIN);
}
