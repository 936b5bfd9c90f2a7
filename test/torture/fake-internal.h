// Between fake-v8.c (memory and values) and fake-node.c (the environment and its event loop).
#ifndef LINUX_AIO_FAKE_INTERNAL_H
#define LINUX_AIO_FAKE_INTERNAL_H

#include "fake-node.h"

struct hook {
  bool is_async;
  void (*run)(void *);
  napi_async_cleanup_hook run_async;
  void *data;
  struct hook *next;
};
struct napi_ref__ { napi_value value; napi_ref next, previous; };
struct napi_async_cleanup_hook_handle__ { struct hook hook; napi_env env; };
struct napi_env__ {
  napi_value values;
  napi_ref references;
  struct hook *hooks;  // the last one first
  void *instance_data;
  napi_value exception;
};

void *must(void *memory);
// The finalizers of all values, or of the engines' own memory only; and the end of all values.
void finalize_values(napi_env env, bool external_only);
void free_values(napi_env env);
int stores_left(void);

#define EXPORT __attribute__((visibility("default"))) napi_status
#define EXPECT(condition, status) do { if (!(condition)) return status; } while (0)

#endif
