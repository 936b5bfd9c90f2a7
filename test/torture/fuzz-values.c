// Arguments for the addon's functions, made up from the fuzzer's input. See fuzz-addon.c.
#define _GNU_SOURCE
#include "fuzz-addon.h"

#include <math.h>
#include <signal.h>
#include <string.h>

enum { SETUP_ALLOWED = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 16 };

static const uint8_t *input, *input_end;

void read_input(const uint8_t *data, size_t size) {
  input = data;
  input_end = data + size;
}

bool has_input(void) { return input < input_end; }
uint8_t byte(void) { return input < input_end ? *input++ : 0; }
uint32_t word(void) { return byte() | byte() << 8 | byte() << 16 | (uint32_t)byte() << 24; }

static napi_value keep(napi_value v) {
  v->references++;
  napi_value *place = &kept[byte() % KEPT];
  if (*place) (*place)->references--;
  return *place = v;
}

static napi_value any_number(void) {
  static const double odd[] = {0, -0.0, -1, 0.5, 1e300, -1e300, 2147483648.0, 4294967301.0, 9007199254740993.0, 255};
  switch (byte() % 5) {
    case 0: return fake_number(env, odd[byte() % 10]);
    case 1: return fake_number(env, byte() & 1 ? NAN : byte() & 1 ? INFINITY : -INFINITY);
    case 2: return fake_number(env, (int32_t)word());
    default: return fake_number(env, byte());
  }
}

static napi_value any_buffer(enum kind kind, size_t least) {
  static const size_t sizes[] = {0, 1, 4, 24, 28, PARAMS, 256, 300, 4096, 8192};
  size_t size = sizes[byte() % 10];
  char content[256];
  for (size_t i = 0; i < sizeof content; i++) content[i] = (char)(i < 40 ? byte() : 0);
  napi_value b = keep(fake_buffer(env, kind, size <= sizeof content ? content : NULL, size < least ? least : size));
  if (byte() % 8 == 0) fake_detach(b);
  return b;
}

static napi_value any_view(size_t least) {
  static const size_t elements[] = {1, 1, 1, 4, 8};
  size_t element = elements[byte() % 5], offset = byte() % 3 * element, bytes = least + byte() % 4 * 100;
  napi_value buffer = keep(fake_buffer(env, byte() & 1 ? ARRAY_BUFFER : SHARED_ARRAY_BUFFER, NULL, offset + bytes * element));
  napi_value view = keep(fake_view(env, byte() % 8 ? TYPED_ARRAY : DATA_VIEW, buffer, element, offset, bytes));
  if (byte() % 8 == 0) fake_detach(buffer);
  return view;
}

static napi_value any_path(void) {
  static const char *const names[] = {"file", "fifo", "directory", "directory/", "none", "link", "loop", "file/below", "."};
  char path[5000];
  size_t length = 0;
  if (byte() % 4) {
    length = strlen(strcpy(path, names[byte() % 9]));
  } else {  // no slash and no dots: nothing outside the directory can be named
    length = byte() & 1 ? byte() : 4090 + byte() % 12;
    memset(path, 'x', length);
  }
  if (byte() & 1) return fake_string(env, path, length);
  napi_value buffer = fake_buffer(env, ARRAY_BUFFER, path, length);
  if (byte() % 8 == 0) fake_detach(buffer);
  return fake_view(env, TYPED_ARRAY, buffer, 1, 0, length);
}

static napi_value any_handle(void) {
  struct ring *r = &rings[byte() % RINGS];
  napi_value handle = r->object ? fake_property(r->object, "handle") : NULL;
  return handle ? handle : fake_value(env, OBJECT);
}

static napi_value any_fd(void) {
  if (given_count > 0 && byte() & 1) return fake_number(env, given[byte() % given_count]);
  return fake_number(env, fds[byte() % FDS]);
}

static napi_value any_boolean(void) {
  napi_value v = fake_value(env, BOOLEAN);
  v->number = byte() & 1;
  return v;
}

static napi_value any(void) {
  napi_value old;
  switch (byte() % 12) {
    case 0: return fake_value(env, UNDEFINED);
    case 1: return fake_value(env, NULL_VALUE);
    case 2: return any_boolean();
    case 3: case 4: return any_number();
    case 5: return any_path();
    case 6: return fake_value(env, FUNCTION);
    case 7: return any_buffer(ARRAY_BUFFER, 0);
    case 8: return any_buffer(SHARED_ARRAY_BUFFER, 0);
    case 9: return any_view(0);
    case 10: return (old = kept[byte() % KEPT]) ? old : fake_value(env, OBJECT);
    default: return fake_value(env, OBJECT);
  }
}

static napi_value any_list(void) {
  napi_value list;
  napi_create_array_with_length(env, byte() % 20, &list);
  for (uint32_t i = byte() % 20; i-- > 0;) napi_set_element(env, list, i, byte() % 8 ? any_view(0) : any());
  return list;
}

static napi_value params(void) {
  struct params p = {.sq_entries = byte() % 8 ? byte() % 65 : word(), .cq_entries = byte() % 8 ? byte() % 130 : word()};
  p.flags = word() & SETUP_ALLOWED;
  if (byte() % 16) p.flags &= ~(1u << 1);  // a thread of the kernel for each is slow
  return keep(fake_buffer(env, ARRAY_BUFFER, &p, byte() % 16 ? PARAMS : byte() % PARAMS));
}

napi_value argument(char kind) {
  if (byte() % 8 == 1 && !strchr("mPf", kind)) return any();
  switch (kind) {
    case 'n': return any_fd();
    case 's': return any_path();
    case 'v': return any_view(256);
    case 'l': return any_list();
    case 'a': return any_buffer(ARRAY_BUFFER, 28);
    case 'm': return any_buffer(byte() & 1 ? ARRAY_BUFFER : SHARED_ARRAY_BUFFER, 0);
    case 'h': return any_handle();
    case 'P': return params();
    case 'f': return fake_value(env, FUNCTION);
    case 'b': return any_boolean();
    case 't': return fake_number(env, byte() % 3);
    case 'w': return fake_number(env, byte() % 20);
    case 'g': return fake_number(env, byte() % 4 ? SIGRTMIN + byte() % 2 : (int8_t)byte());
    default: return any_number();
  }
}
