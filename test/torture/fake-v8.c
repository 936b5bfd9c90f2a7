// Memory and values as V8 and Node-API have them. See fake-node.h.
#include "fake-internal.h"

#include <math.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANARY = 64 };  // behind each buffer: what the kernel writes too far AddressSanitizer does not see

// libstdc++'s shared_ptr, as in native/pin.c.
struct control_block {
  void (**vtable)(struct control_block *);
  int use_count, weak_count;
};
struct store {
  struct control_block control;
  char *memory;
  size_t size;
  bool external;
};
struct shared_store { void *store; struct control_block *control; void *unused; };
struct napi_callback_info__ { size_t argc; const napi_value *argv; void *data; };

static int stores;

int stores_left(void) { return stores; }

void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  abort();
}

void *must(void *memory) {
  if (!memory) die("out of memory");
  return memory;
}

// ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────

static void store_dispose(struct control_block *control) {
  struct store *s = (struct store *)control;
  if (s->external) return;
  __asan_unpoison_memory_region(s->memory + s->size, CANARY);
  for (int i = 0; i < CANARY; i++) {
    if (s->memory[s->size + i] != 0x5c) die("written beyond the end of a buffer");
  }
  free(s->memory);
}

static void store_destroy(struct control_block *control) {
  stores--;
  free(control);
}

static void (*store_vtable[])(struct control_block *) = {NULL, NULL, store_dispose, store_destroy};

static struct store *store_make(void *external, const void *content, size_t size) {
  struct store *s = must(calloc(1, sizeof *s));
  s->control = (struct control_block){store_vtable, 1, 1};
  s->size = size;
  s->external = external != NULL;
  s->memory = external ? external : must(calloc(1, size + CANARY));
  if (!external) {
    if (content && size > 0) memcpy(s->memory, content, size);
    memset(s->memory + size, 0x5c, CANARY);
    __asan_poison_memory_region(s->memory + size, CANARY);
  }
  stores++;
  return s;
}

static void store_release(struct store *s) {
  if (__atomic_sub_fetch(&s->control.use_count, 1, __ATOMIC_ACQ_REL) > 0) return;
  store_dispose(&s->control);
  if (--s->control.weak_count == 0) store_destroy(&s->control);
}

char uses_libstdcxx __asm__("_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE");

static struct shared_store share(napi_value buffer, enum kind kind) {
  if (buffer->kind != kind) die("another kind of object is taken for a buffer");
  if (!buffer->store) buffer->store = store_make(NULL, NULL, 0);  // V8 has an empty one, too
  buffer->store->control.use_count++;
  return (struct shared_store){buffer->store, &buffer->store->control, NULL};
}

struct shared_store array_buffer_store(void *b) __asm__("_ZN2v811ArrayBuffer15GetBackingStoreEv");
struct shared_store array_buffer_store(void *b) { return share(b, ARRAY_BUFFER); }
struct shared_store shared_buffer_store(void *b) __asm__("_ZN2v817SharedArrayBuffer15GetBackingStoreEv");
struct shared_store shared_buffer_store(void *b) { return share(b, SHARED_ARRAY_BUFFER); }
void *store_data(void *s) __asm__("_ZNK2v812BackingStore4DataEv");
void *store_data(void *s) { return ((struct store *)s)->size ? ((struct store *)s)->memory : NULL; }

// ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────

napi_value fake_value(napi_env env, enum kind kind) {
  napi_value v = must(calloc(1, sizeof *v));
  v->kind = kind;
  v->next = env->values;
  if (env->values) env->values->previous = v;
  env->values = v;
  return v;
}

napi_value fake_number(napi_env env, double number) {
  napi_value v = fake_value(env, NUMBER);
  v->number = number;
  return v;
}

napi_value fake_string(napi_env env, const void *text, size_t length) {
  napi_value v = fake_value(env, STRING);
  v->text = must(malloc(length + 1));
  memcpy(v->text, text, length);
  v->length = length;
  return v;
}

napi_value fake_buffer(napi_env env, enum kind kind, const void *content, size_t size) {
  napi_value v = fake_value(env, kind);
  v->store = store_make(NULL, content, size);
  return v;
}

napi_value fake_view(napi_env env, enum kind kind, napi_value buffer, size_t element, size_t offset, size_t length) {
  napi_value v = fake_value(env, kind);
  v->buffer = buffer;
  v->buffer->references++;
  v->element = element;
  v->offset = offset;
  v->length = length;
  return v;
}

napi_value fake_property(napi_value object, const char *name) {
  for (int i = 0; i < object->property_count; i++) {
    if (strcmp(object->properties[i].name, name) == 0) return object->properties[i].value;
  }
  return NULL;
}

void fake_detach(napi_value buffer) {
  if (buffer->kind != ARRAY_BUFFER || !buffer->store || buffer->store->external) return;
  store_release(buffer->store);
  buffer->store = NULL;
}

static void run_finalizers(napi_env env, napi_value v) {
  for (struct finalizer *f; (f = v->finalizers);) {
    v->finalizers = f->next;
    f->run(env, f->data, f->hint);
    free(f);
  }
}

static void free_value(napi_value v) {
  if (v->store) store_release(v->store);
  free(v->properties);
  free(v->text);
  free(v);
}

bool fake_collect(napi_env env, napi_value v) {
  if (v->references > 0) return false;
  if (v->previous) v->previous->next = v->next;
  else env->values = v->next;
  if (v->next) v->next->previous = v->previous;
  run_finalizers(env, v);
  for (int i = 0; i < v->property_count; i++) v->properties[i].value->references--;
  if (v->buffer) v->buffer->references--;
  free_value(v);
  return true;
}

void finalize_values(napi_env env, bool external_only) {
  for (napi_value v = env->values; v; v = v->next) {
    if (!external_only || (v->kind == ARRAY_BUFFER && v->store && v->store->external)) run_finalizers(env, v);
  }
}

void free_values(napi_env env) {
  for (napi_value v = env->values, next; v; v = next) {
    next = v->next;
    free_value(v);
  }
}

napi_value fake_call(napi_env env, napi_value function, size_t argc, const napi_value *argv) {
  struct napi_callback_info__ info = {argc, argv, function->data};
  napi_value result = function->function(env, &info);
  env->exception = NULL;  // JavaScript's own
  return result;
}

EXPORT napi_get_cb_info(napi_env env, napi_callback_info info, size_t *argc, napi_value *argv, napi_value *self, void **data) {
  for (size_t i = 0; argc && i < *argc; i++) argv[i] = i < info->argc ? info->argv[i] : fake_value(env, UNDEFINED);
  if (argc) *argc = info->argc;
  if (self) *self = NULL;
  if (data) *data = info->data;
  return napi_ok;
}

// As V8 does it: modulo 2^32, and 0 for what is not finite.
static uint32_t modulo(double number) {
  if (!isfinite(number)) return 0;
  double m = fmod(trunc(number), 4294967296.0);
  return (uint32_t)(int64_t)(m < 0 ? m + 4294967296.0 : m);
}

EXPORT napi_get_value_int32(napi_env env, napi_value v, int32_t *result) {
  EXPECT(v->kind == NUMBER, napi_number_expected);
  *result = (int32_t)modulo(v->number);
  return napi_ok;
}

EXPORT napi_get_value_uint32(napi_env env, napi_value v, uint32_t *result) {
  EXPECT(v->kind == NUMBER, napi_number_expected);
  *result = modulo(v->number);
  return napi_ok;
}

EXPORT napi_get_value_double(napi_env env, napi_value v, double *result) {
  EXPECT(v->kind == NUMBER, napi_number_expected);
  *result = v->number;
  return napi_ok;
}

EXPORT napi_get_value_int64(napi_env env, napi_value v, int64_t *result) {
  EXPECT(v->kind == NUMBER, napi_number_expected);
  double n = v->number;
  *result = !isfinite(n) ? 0 : n >= 0x1p63 ? INT64_MAX : n <= -0x1p63 ? INT64_MIN : (int64_t)n;
  return napi_ok;
}

EXPORT napi_get_value_bool(napi_env env, napi_value v, bool *result) {
  EXPECT(v->kind == BOOLEAN, napi_boolean_expected);
  *result = v->number != 0;
  return napi_ok;
}

EXPORT napi_get_value_string_utf8(napi_env env, napi_value v, char *out, size_t size, size_t *length) {
  EXPECT(v->kind == STRING, napi_string_expected);
  size_t copied = v->length < size - 1 ? v->length : size - 1;
  memcpy(out, v->text, copied);
  out[copied] = 0;
  *length = copied;
  return napi_ok;
}

EXPORT napi_get_value_external(napi_env env, napi_value v, void **result) {
  EXPECT(v->kind == EXTERNAL, napi_invalid_arg);
  *result = v->data;
  return napi_ok;
}

EXPORT napi_is_arraybuffer(napi_env env, napi_value v, bool *result) {
  *result = v->kind == ARRAY_BUFFER;
  return napi_ok;
}

EXPORT napi_get_arraybuffer_info(napi_env env, napi_value v, void **data, size_t *size) {
  EXPECT(v->kind == ARRAY_BUFFER, napi_invalid_arg);
  *data = v->store && v->store->size ? v->store->memory : NULL;
  *size = v->store ? v->store->size : 0;
  return napi_ok;
}

EXPORT napi_get_typedarray_info(napi_env env, napi_value v, napi_typedarray_type *type, size_t *length, void **data,
                                napi_value *buffer, size_t *offset) {
  EXPECT(v->kind == TYPED_ARRAY, napi_invalid_arg);
  struct store *s = v->buffer->store;
  bool has_memory = s && s->size > 0;
  if (type) *type = v->element == 1 ? napi_uint8_array : v->element == 4 ? napi_uint32_array : napi_biguint64_array;
  if (length) *length = has_memory ? v->length : 0;
  if (data) *data = has_memory ? s->memory + v->offset : NULL;
  return napi_ok;
}

EXPORT napi_create_double(napi_env env, double number, napi_value *result) { return *result = fake_number(env, number), napi_ok; }
EXPORT napi_create_int64(napi_env env, int64_t number, napi_value *result) { return *result = fake_number(env, (double)number), napi_ok; }
EXPORT napi_create_object(napi_env env, napi_value *result) { return *result = fake_value(env, OBJECT), napi_ok; }
EXPORT napi_create_array_with_length(napi_env env, size_t n, napi_value *result) {
  *result = fake_value(env, ARRAY);
  (*result)->length = n;
  return napi_ok;
}

EXPORT napi_get_boolean(napi_env env, bool flag, napi_value *result) {
  *result = fake_value(env, BOOLEAN);
  (*result)->number = flag;
  return napi_ok;
}

EXPORT napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *result) {
  *result = fake_string(env, text, length == NAPI_AUTO_LENGTH ? strlen(text) : length);
  return napi_ok;
}

EXPORT napi_create_function(napi_env env, const char *name, size_t length, napi_callback run, void *data, napi_value *result) {
  *result = fake_value(env, FUNCTION);
  (*result)->function = run;
  (*result)->data = data;
  return napi_ok;
}

static bool is_object(napi_value v) { return v->kind >= OBJECT; }

EXPORT napi_add_finalizer(napi_env env, napi_value v, void *data, napi_finalize run, void *hint, napi_ref *result) {
  EXPECT(is_object(v), napi_object_expected);
  struct finalizer *f = must(malloc(sizeof *f));
  *f = (struct finalizer){run, data, hint, v->finalizers};
  v->finalizers = f;
  return napi_ok;
}

EXPORT napi_create_external(napi_env env, void *data, napi_finalize run, void *hint, napi_value *result) {
  *result = fake_value(env, EXTERNAL);
  (*result)->data = data;
  return napi_add_finalizer(env, *result, data, run, hint, NULL);
}

EXPORT napi_create_arraybuffer(napi_env env, size_t size, void **memory, napi_value *result) {
  *result = fake_buffer(env, ARRAY_BUFFER, NULL, size);
  *memory = (*result)->store->memory;
  return napi_ok;
}

EXPORT napi_create_external_arraybuffer(napi_env env, void *memory, size_t size, napi_finalize run, void *hint, napi_value *result) {
  *result = fake_value(env, ARRAY_BUFFER);
  (*result)->store = store_make(memory, NULL, size);
  return napi_add_finalizer(env, *result, memory, run, hint, NULL);
}

EXPORT napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value v) {
  EXPECT(is_object(object), napi_object_expected);
  object->properties = must(realloc(object->properties, (object->property_count + 1) * sizeof *object->properties));
  struct property *p = &object->properties[object->property_count++];
  snprintf(p->name, sizeof p->name, "%s", name);
  p->value = v;
  v->references++;
  return napi_ok;
}

EXPORT napi_get_array_length(napi_env env, napi_value array, uint32_t *result) {
  EXPECT(array->kind == ARRAY, napi_array_expected);
  *result = (uint32_t)array->length;
  return napi_ok;
}

EXPORT napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value *result) {
  EXPECT(is_object(object), napi_object_expected);
  char name[12];
  snprintf(name, sizeof name, "%u", index);
  *result = fake_property(object, name);
  if (!*result) *result = fake_value(env, UNDEFINED);
  return napi_ok;
}

EXPORT napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value v) {
  if (object->kind == ARRAY && index >= object->length) object->length = index + 1;
  char name[12];
  snprintf(name, sizeof name, "%u", index);
  return napi_set_named_property(env, object, name, v);
}

EXPORT napi_create_reference(napi_env env, napi_value v, uint32_t count, napi_ref *result) {
  EXPECT(is_object(v), napi_object_expected);
  napi_ref r = *result = must(malloc(sizeof *r));
  *r = (struct napi_ref__){.value = v, .next = env->references};
  if (r->next) r->next->previous = r;
  env->references = r;
  v->references++;
  return napi_ok;
}

EXPORT napi_delete_reference(napi_env env, napi_ref r) {
  EXPECT(r, napi_invalid_arg);
  r->value->references--;
  if (r->previous) r->previous->next = r->next;
  else env->references = r->next;
  if (r->next) r->next->previous = r->previous;
  free(r);
  return napi_ok;
}

EXPORT napi_get_reference_value(napi_env env, napi_ref ref, napi_value *result) {
  EXPECT(ref, napi_invalid_arg);
  *result = ref->value;
  return napi_ok;
}
