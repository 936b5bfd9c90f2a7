// The environment that the addon is loaded into, and the event loop of libuv. See fake-node.h.
#include "fake-internal.h"

#include <poll.h>
#include <stdlib.h>

struct uv_handle_s {
  void *data;
  bool is_active, is_closing, is_referenced;
  int fd;
  void (*ready)(uv_poll_t *, int, int);
  void (*ran)(uv_check_t *);
  void (*closed)(uv_handle_t *);
  uv_handle_t *next;
};
struct uv_loop_s { uv_handle_t *handles; };

static uv_loop_t loop;
static int handles;
void (*fake_on_call)(void);
bool fake_throws;

int fake_left(void) { return stores_left() + handles; }

// ── the environment ───────────────────────────────────────────────────────────────────────────────────────────────

EXPORT napi_open_handle_scope(napi_env env, napi_handle_scope *scope) { return *scope = NULL, napi_ok; }
EXPORT napi_close_handle_scope(napi_env env, napi_handle_scope scope) { return napi_ok; }
EXPORT napi_async_init(napi_env env, napi_value o, napi_value n, napi_async_context *c) { return *c = (napi_async_context)&loop, napi_ok; }
EXPORT napi_async_destroy(napi_env env, napi_async_context c) { return napi_ok; }
EXPORT napi_set_instance_data(napi_env env, void *data, napi_finalize run, void *hint) { return env->instance_data = data, napi_ok; }
EXPORT napi_get_instance_data(napi_env env, void **data) { return *data = env->instance_data, napi_ok; }

EXPORT napi_get_uv_event_loop(napi_env env, struct uv_loop_s **result) {
  *result = &loop;
  return napi_ok;
}

EXPORT napi_make_callback(napi_env env, napi_async_context c, napi_value self, napi_value function, size_t argc, const napi_value *argv,
                          napi_value *result) {
  EXPECT(!env->exception, napi_pending_exception);
  EXPECT(function->kind == FUNCTION, napi_invalid_arg);
  if (fake_on_call) fake_on_call();
  if (!fake_throws) return napi_ok;
  fake_throws = false;
  env->exception = fake_value(env, OBJECT);
  return napi_pending_exception;
}

EXPORT napi_throw_error(napi_env env, const char *code, const char *text) { return env->exception = fake_value(env, OBJECT), napi_ok; }
EXPORT napi_is_exception_pending(napi_env env, bool *result) { return *result = env->exception != NULL, napi_ok; }
EXPORT napi_fatal_exception(napi_env env, napi_value error) { return napi_ok; }

EXPORT napi_get_and_clear_last_exception(napi_env env, napi_value *result) {
  *result = env->exception;
  env->exception = NULL;
  return napi_ok;
}

EXPORT napi_add_env_cleanup_hook(napi_env env, void (*run)(void *), void *data) {
  struct hook *h = must(malloc(sizeof *h));
  *h = (struct hook){.run = run, .data = data, .next = env->hooks};
  env->hooks = h;
  return napi_ok;
}

EXPORT napi_add_async_cleanup_hook(napi_env env, napi_async_cleanup_hook run, void *data, napi_async_cleanup_hook_handle *result) {
  napi_async_cleanup_hook_handle h = must(malloc(sizeof *h));
  *h = (struct napi_async_cleanup_hook_handle__){{.is_async = true, .run_async = run, .data = data, .next = env->hooks}, env};
  env->hooks = &h->hook;
  if (result) *result = h;
  return napi_ok;
}

EXPORT napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle h) {
  struct hook **link = &h->env->hooks;
  while (*link && *link != &h->hook) link = &(*link)->next;
  if (!*link) die("a clean-up hook is removed twice");
  *link = h->hook.next;
  free(h);
  return napi_ok;
}

napi_env fake_begin(void) { return must(calloc(1, sizeof(struct napi_env__))); }

void fake_end(napi_env env, bool buffers_first) {
  if (buffers_first) finalize_values(env, true);
  while (env->hooks) {
    struct hook *h = env->hooks;
    if (h->is_async) {
      h->run_async((napi_async_cleanup_hook_handle)h, h->data);
      for (int turns = 0; env->hooks == h; turns++) {
        if (turns > 100) die("a clean-up hook is never removed");
        fake_turn();
      }
    } else {
      env->hooks = h->next;
      h->run(h->data);
      free(h);
    }
  }
  for (int turns = 0; turns < 3; turns++) fake_turn();
  finalize_values(env, false);
  free_values(env);
  for (napi_ref r = env->references, next; r; r = next) {
    next = r->next;
    free(r);
  }
  free(env);
}

// ── the event loop ────────────────────────────────────────────────────────────────────────────────────────────────

size_t uv_handle_size(int type) { return sizeof(uv_handle_t); }
void *uv_handle_get_data(const uv_handle_t *h) { return h->data; }
void uv_handle_set_data(uv_handle_t *h, void *data) { h->data = data; }
void uv_ref(uv_handle_t *h) { h->is_referenced = true; }
void uv_unref(uv_handle_t *h) { h->is_referenced = false; }

static int join(uv_loop_t *l, uv_handle_t *h, int fd) {
  *h = (uv_handle_t){.fd = fd, .is_referenced = true, .next = l->handles};
  l->handles = h;
  handles++;
  return 0;
}

int uv_poll_init(uv_loop_t *l, uv_poll_t *h, int fd) { return join(l, (uv_handle_t *)h, fd); }
int uv_check_init(uv_loop_t *l, uv_check_t *h) { return join(l, (uv_handle_t *)h, -1); }

int uv_poll_start(uv_poll_t *h, int events, void (*ready)(uv_poll_t *, int, int)) {
  ((uv_handle_t *)h)->ready = ready;
  ((uv_handle_t *)h)->is_active = true;
  return 0;
}

int uv_check_start(uv_check_t *h, void (*ran)(uv_check_t *)) {
  ((uv_handle_t *)h)->ran = ran;
  ((uv_handle_t *)h)->is_active = true;
  return 0;
}

int uv_poll_stop(uv_poll_t *h) { return ((uv_handle_t *)h)->is_active = false, 0; }
int uv_check_stop(uv_check_t *h) { return ((uv_handle_t *)h)->is_active = false, 0; }

void uv_close(uv_handle_t *h, void (*closed)(uv_handle_t *)) {
  if (h->is_closing) die("a handle is closed twice");
  h->is_active = false;
  h->is_closing = true;
  h->closed = closed;
}

void fake_turn(void) {
  for (uv_handle_t *h = loop.handles; h; h = h->next) {
    struct pollfd readable = {.fd = h->fd, .events = POLLIN};
    if (h->is_active && h->ready && poll(&readable, 1, 0) > 0) h->ready((uv_poll_t *)h, 0, LIBUV_READABLE);
  }
  for (uv_handle_t *h = loop.handles; h; h = h->next) {
    if (h->is_active && h->ran) h->ran((uv_check_t *)h);
  }
  for (uv_handle_t **link = &loop.handles; *link;) {
    uv_handle_t *h = *link;
    if (!h->is_closing) {
      link = &h->next;
      continue;
    }
    *link = h->next;
    handles--;
    h->closed(h);
  }
}
