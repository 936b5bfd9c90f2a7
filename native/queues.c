// The life of a pair of queues on the event loop: the control block, enter(), the wake-up, closing.
//
// The wake-up is a registered eventfd under uv_poll. Polling the ring's own descriptor is never woken with
// IORING_SETUP_DEFER_TASKRUN on Linux 6.3 to 6.18, and IORING_REGISTER_EVENTFD_ASYNC never fires for O_DIRECT.
// Order in the handler: clear the eventfd, then look for work; the kernel signals after it has made work visible,
// so nothing can be missed.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ring.h"

enum { SQ_TASKRUN = 1u << 2, SQ_CQ_OVERFLOW = 1u << 1 };
enum { ENTER_GETEVENTS = 1u << 0 };
enum { CONTROL_BYTES = 4096 };
enum { POST_ROUNDS_MAX = 4096 };          // a wake-up posts at most 20 × this many completions before it yields
enum { DRAIN_DEADLINE_MS = 5000 };        // at thread or process end; after that memory is leaked on purpose

static uint32_t load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

struct queues *queues_create(napi_env env) {
  struct queues *q = calloc(1, sizeof *q);
  if (!q) return NULL;
  q->env = env;
  q->event_fd = q->ring_fd = -1;
  q->holders = 1;
  q->block = mapping_open(CONTROL_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (q->block) q->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (q->event_fd < 0) {
    int saved = errno;
    mapping_close(q->block);
    free(q);
    errno = saved;
    return NULL;
  }
  q->control = q->block->memory;
  return q;
}

// The struct itself outlives its resources: JavaScript may still hold `enter` or the handle, and both must find
// `closed` there, not freed memory.
static void queues_release(struct queues *q) {
  if (--q->holders == 0) free(q);
}

static void on_holder_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  queues_release(data);
}

// Gives memory and descriptors back. libuv allows closing a descriptor right after uv_poll_stop.
static void release_resources(struct queues *q) {
  if (q->engine) {  // NULL: a request could not be awaited, so the kernel may still use all of it
    q->engine->destroy(q);
    mapping_close(q->block);
  }
  if (q->event_fd >= 0) close(q->event_fd);
  q->engine = NULL;
  q->control = NULL;
  q->event_fd = -1;
}

void queues_destroy(struct queues *q) {
  release_resources(q);
  free(q->poll);
  free(q->check);
  q->poll = NULL;
  q->check = NULL;
  queues_release(q);
}

static int ready(const struct queues *q) { return (int)(load(q->cq_tail) - load(q->cq_head)); }

int queues_pending(const struct queues *q) { return q->control[CTL_IN_FLIGHT] - ready(q); }

// In-flight requests keep the process alive, an idle ring does not. TypeScript holds posted results alive itself.
void queues_sync_reference(struct queues *q) {
  if (!q->poll || q->closed) return;
  // Where completions are posted only inside enter, TypeScript has read what is ready by the time the loop goes on.
  // Where they are posted at any time, what is ready has still to be read: by the wake-up that comes with it.
  int waited_for = q->posts_anytime ? q->control[CTL_IN_FLIGHT] : queues_pending(q);
  bool wanted = waited_for > 0 && !q->control[CTL_UNREF];
  if (wanted == q->referenced) return;
  q->referenced = wanted;
  if (wanted) uv_ref((uv_handle_t *)q->poll);
  else uv_unref((uv_handle_t *)q->poll);
}

void queues_clear_event(int event_fd) {
  uint64_t count;
  while (read(event_fd, &count, sizeof count) < 0 && errno == EINTR) {}
}

// JavaScript calls this without arguments; they are in the control block.
static napi_value js_enter(napi_env env, napi_callback_info info) {
  struct queues *q;
  napi_get_cb_info(env, info, NULL, NULL, NULL, (void **)&q);
  if (q->closed) return NULL;  // the control block is gone too; src/ring never asks
  int32_t *control = q->control;
  control[CTL_SYSTEM_CALLS]++;
  control[CTL_RESULT] =
      q->engine->enter(q, control[CTL_TO_SUBMIT], control[CTL_MIN_COMPLETE], control[CTL_FLAGS]);
  if (control[CTL_RESULT] > 0) control[CTL_IN_FLIGHT] += control[CTL_RESULT];
  queues_sync_reference(q);
  return NULL;
}

static void report_exception(napi_env env) {
  napi_value error;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

// In a callback scope of its own: process.nextTick and promise reactions run when it closes.
void queues_call_back(napi_env env, napi_async_context context, napi_ref receiver, napi_ref function) {
  napi_handle_scope scope;
  napi_value callback, object;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, function, &callback) == napi_ok &&
      napi_get_reference_value(env, receiver, &object) == napi_ok &&
      napi_make_callback(env, context, object, callback, 0, NULL, NULL) != napi_ok) {
    report_exception(env);
  }
  napi_close_handle_scope(env, scope);
}

static bool more_to_post(struct queues *q) {
  if (q->engine->note_deferred) q->engine->note_deferred(q);
  return load(q->sq_flags) & (SQ_TASKRUN | SQ_CQ_OVERFLOW) && ready(q) < (int)q->cq_entries;
}

// The eventfd is readable: post what the kernel has deferred, then let TypeScript deliver it, the whole batch in one
// callback.
static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct queues *q = uv_handle_get_data((uv_handle_t *)poll);
  q->control[CTL_WAKEUPS]++;
  queues_clear_event(q->event_fd);
  // The kernel signals only when the first work arrives, so stop short of all of it only if TypeScript enters again:
  // it does after it has made room in a full queue.
  for (int rounds = 0; rounds < POST_ROUNDS_MAX && more_to_post(q); rounds++) {
    q->control[CTL_SYSTEM_CALLS]++;
    // Signalled once more, it would wake the loop up again for nothing.
    if (q->engine->post_deferred(q)) queues_clear_event(q->event_fd);
  }
  if (ready(q) > 0 || load(q->sq_flags) & (SQ_TASKRUN | SQ_CQ_OVERFLOW)) {
    queues_call_back(q->env, q->async_context, q->receiver, q->on_wake);
  }
  queues_sync_reference(q);  // q outlives this callback: closing frees it in a later one
}

// Counts turns of the event loop, so that TypeScript can tell a new turn from a long one without a timer.
static void on_check(uv_check_t *check) {
  struct queues *q = uv_handle_get_data((uv_handle_t *)check);
  q->control[CTL_TURN]++;
}

static void on_handle_closed(uv_handle_t *handle) {
  struct queues *q = uv_handle_get_data(handle);
  if (--q->handles_open > 0) return;
  napi_async_cleanup_hook_handle cleanup = q->cleanup;
  queues_destroy(q);
  if (cleanup) napi_remove_async_cleanup_hook(cleanup);
}

static void leave_loop(struct queues *q) {
  q->closed = true;
  q->referenced = false;
  if (q->poll) {
    uv_poll_stop(q->poll);
    uv_close((uv_handle_t *)q->poll, on_handle_closed);
  }
  if (q->check) {
    uv_check_stop(q->check);
    uv_close((uv_handle_t *)q->check, on_handle_closed);
  }
  release_resources(q);
}

// TypeScript has awaited every request (Ring.close). From here on nobody can write a submission entry.
void queues_close(struct queues *q) {
  if (q->closed) return;
  napi_delete_reference(q->env, q->on_wake);
  napi_delete_reference(q->env, q->receiver);
  napi_async_destroy(q->env, q->async_context);
  leave_loop(q);
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// The thread or process ends with requests in flight. Closing the ring would not wait for them (the kernel goes on
// writing into freed memory), so cancel and wait here; past the deadline leak the ring and every pinned buffer.
static bool drain(struct queues *q) {
  int64_t deadline = now_ms() + DRAIN_DEADLINE_MS;
  while (queues_pending(q) > 0 || ready(q) > 0) {
    // Reap without delivering: JavaScript is gone.
    q->control[CTL_IN_FLIGHT] -= ready(q);
    __atomic_store_n(q->cq_head, load(q->cq_tail), __ATOMIC_RELEASE);
    if (queues_pending(q) <= 0 && !(load(q->sq_flags) & SQ_CQ_OVERFLOW)) break;
    if (now_ms() > deadline) return false;
    q->engine->cancel_all(q);  // again in every round: kernels before 6.12.115 can miss a request in transition
    q->control[CTL_TIMEOUT_SEC] = 0;
    q->control[CTL_TIMEOUT_NSEC] = 20 * 1000000;
    q->control[CTL_TIMEOUT_SET] = 1;
    q->engine->enter(q, 0, 1, ENTER_GETEVENTS);
  }
  return true;
}

static void on_environment_end(napi_async_cleanup_hook_handle handle, void *data) {
  struct queues *q = data;
  if (q->closed) return;  // its libuv handles are closing; on_handle_closed removes the hook
  if (!drain(q)) {
    pin_leak_all();
    q->engine = NULL;  // the maps stay too: destroy() is not called
  }
  leave_loop(q);
}

static int join_loop(struct queues *q) {
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(q->env, (struct uv_loop_s **)&loop) != napi_ok) return -EINVAL;
  q->poll = calloc(1, uv_handle_size(LIBUV_HANDLE_POLL));
  q->check = calloc(1, uv_handle_size(LIBUV_HANDLE_CHECK));
  if (!q->poll || !q->check) return -ENOMEM;
  int error = uv_poll_init(loop, q->poll, q->event_fd);
  if (error) return error;
  uv_handle_set_data((uv_handle_t *)q->poll, q);
  uv_check_init(loop, q->check);
  uv_handle_set_data((uv_handle_t *)q->check, q);
  q->handles_open = 2;
  uv_poll_start(q->poll, LIBUV_READABLE, on_readable);
  uv_check_start(q->check, on_check);
  uv_unref((uv_handle_t *)q->poll);
  uv_unref((uv_handle_t *)q->check);
  return 0;
}

napi_value queues_expose(struct queues *q, napi_value on_wake) {
  napi_env env = q->env;
  napi_value object, value, name;
  int error = join_loop(q);
  if (error) {
    queues_destroy(q);
    return js_int(env, error);
  }
  napi_create_object(env, &object);
  napi_create_string_utf8(env, "linux-aio", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, object, name, &q->async_context);
  napi_create_reference(env, on_wake, 1, &q->on_wake);
  napi_create_reference(env, object, 1, &q->receiver);
  napi_add_async_cleanup_hook(env, on_environment_end, q, &q->cleanup);

  napi_value ring = mapping_expose(env, q->ring);
  napi_value sqes = mapping_expose(env, q->sqes);
  napi_value control = mapping_expose(env, q->block);
  if (!ring || !sqes || !control) {
    queues_close(q);
    napi_throw_error(env, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM",
                     "linux-aio needs external ArrayBuffers, which this runtime forbids (Electron's V8 sandbox)");
    return NULL;
  }
  napi_set_named_property(env, object, "ring", ring);
  napi_set_named_property(env, object, "sqes", sqes);
  napi_set_named_property(env, object, "control", control);
  napi_create_function(env, "enter", NAPI_AUTO_LENGTH, js_enter, q, &value);
  napi_set_named_property(env, object, "enter", value);
  if (napi_add_finalizer(env, value, q, on_holder_collected, NULL, NULL) == napi_ok) q->holders++;
  napi_create_external(env, q, on_holder_collected, NULL, &value);
  q->holders++;
  napi_set_named_property(env, object, "handle", value);
  return object;
}

struct queues *queues_unwrap(napi_env env, napi_value handle) {
  void *q = NULL;
  if (napi_get_value_external(env, handle, &q) != napi_ok) return NULL;
  return q;
}

// waitForEither(handle, handle, milliseconds): blocks until one of two rings has something to post or has posted it,
// -1: no limit. 0, -ETIME or -EINTR. Whoever calls it reads both completion queues afterwards.
napi_value queues_wait_either(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  double milliseconds;
  struct pollfd watched[2];
  struct queues *rings[2];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  for (int i = 0; i < 2; i++) {
    rings[i] = queues_unwrap(env, argv[i]);
    if (!rings[i] || rings[i]->closed) return js_int(env, -EINVAL);
    watched[i] = (struct pollfd){.fd = rings[i]->event_fd, .events = POLLIN};
  }
  if (napi_get_value_double(env, argv[2], &milliseconds) != napi_ok) return js_int(env, -EINVAL);
  struct timespec limit = {(time_t)(milliseconds / 1000), 0};
  limit.tv_nsec = (long)((milliseconds - 1000.0 * limit.tv_sec) * 1e6);
  rings[0]->control[CTL_SYSTEM_CALLS]++;
  int ready = ppoll(watched, 2, milliseconds < 0 ? NULL : &limit, NULL);
  if (ready < 0) return js_int(env, -errno);
  for (int i = 0; i < 2; i++) {
    if (watched[i].revents) queues_clear_event(rings[i]->event_fd);
  }
  return js_int(env, ready == 0 ? -ETIME : 0);
}
