// As much of Node as the addon uses (Node-API, libuv, V8's backing stores), faithful in what it answers and strict in what
// it allows: for fuzz-addon.c. A value that has been collected, a reference that has been deleted and a handle that has
// been closed are freed memory, so AddressSanitizer sees whoever uses one.
#ifndef LINUX_AIO_FAKE_NODE_H
#define LINUX_AIO_FAKE_NODE_H

#include "../../native/ring.h"

enum kind { UNDEFINED, NULL_VALUE, BOOLEAN, NUMBER, STRING, OBJECT, FUNCTION, EXTERNAL, ARRAY_BUFFER, SHARED_ARRAY_BUFFER,
            TYPED_ARRAY, DATA_VIEW, ARRAY };

struct property { char name[24]; napi_value value; };
struct finalizer { napi_finalize run; void *data, *hint; struct finalizer *next; };

struct napi_value__ {
  enum kind kind;
  double number;                // also a boolean
  char *text;                   // of a string
  size_t length;                // of a string; of a view or an array, in elements
  struct store *store;          // of a buffer; NULL: detached
  napi_value buffer;            // of a view
  size_t offset, element;
  napi_callback function;
  void *data;                   // of a function or an external
  struct property *properties;
  int property_count, references;
  struct finalizer *finalizers;
  napi_value next, previous;    // all of an environment
};

void die(const char *what) __attribute__((noreturn));

napi_env fake_begin(void);
// Runs the clean-up hooks, then the finalizers of all that is left; `buffers_first`: those of the buffers before.
void fake_end(napi_env env, bool buffers_first);

napi_value fake_value(napi_env env, enum kind kind);
napi_value fake_number(napi_env env, double number);
napi_value fake_string(napi_env env, const void *text, size_t length);
napi_value fake_buffer(napi_env env, enum kind kind, const void *content, size_t size);
napi_value fake_view(napi_env env, enum kind kind, napi_value buffer, size_t element, size_t offset, size_t length);
napi_value fake_property(napi_value object, const char *name);
void fake_detach(napi_value buffer);
// Collects the value unless something refers to it; true when it is gone.
bool fake_collect(napi_env env, napi_value value);
napi_value fake_call(napi_env env, napi_value function, size_t argc, const napi_value *argv);
// One turn of the event loop.
void fake_turn(void);
// What JavaScript's functions do when they are called, and whether the next one throws.
extern void (*fake_on_call)(void);
extern bool fake_throws;
// Backing stores, references and handles of the event loop that there are: none at the end.
int fake_left(void);

#endif
