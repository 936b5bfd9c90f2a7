// Keeps the memory behind an ArrayBuffer alive while the kernel may write to it.
//
// A reference to the ArrayBuffer is not enough: transfer(), structuredClone and postMessage move the memory to
// another owner, whose death would free it under the kernel, and a terminated worker frees its whole heap. What
// owns the memory is V8's BackingStore, a std::shared_ptr that Node-API does not expose. This file takes one more
// count on it and gives it back in one of two ways:
//
//   pin   when the ArrayBuffer object is collected (requests hold the object until their completion). Once per buffer,
//         and for good: for what is used again and again.
//   loan  when it is said to be over. A pin's weak handle keeps the object through V8's scavenges (they take weak handles
//         for strong ones), so that a buffer which is used once would grow old, and cost a collection of the whole heap.
//
// If a request could not be awaited at thread end, neither gives anything back any more.
//
// v8::ArrayBuffer::GetBackingStore and BackingStore::Data are exported, with these names and libstdc++'s
// shared_ptr, by every Node from 14 to 26; the symbols are weak and the layout is tested at load, so a runtime that
// differs is refused instead of corrupted. napi_value is V8's Local<Value> (node: src/js_native_api_v8.h).
#include <errno.h>
#include <stdlib.h>

#include "ring.h"

// libstdc++'s std::_Sp_counted_base (Itanium C++ ABI): two destructors, then _M_dispose and _M_destroy.
struct control_block {
  void (**vtable)(struct control_block *);
  int use_count, weak_count;
};

// More than 16 bytes, so that both the x86-64 and the AArch64 ABI return it through the hidden pointer that a
// non-trivial C++ class uses; the callee fills in the first two words.
struct shared_store {
  void *store;
  struct control_block *control;
  void *unused;
};

// This one exists only where std::shared_ptr is libstdc++'s: the parameter type is part of the name.
extern char uses_libstdcxx[] __asm__("_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE")
    __attribute__((weak));
extern struct shared_store array_buffer_store(void *array_buffer) __asm__("_ZN2v811ArrayBuffer15GetBackingStoreEv")
    __attribute__((weak));
extern struct shared_store shared_buffer_store(void *shared_buffer)
    __asm__("_ZN2v817SharedArrayBuffer15GetBackingStoreEv") __attribute__((weak));
extern void *store_data(void *store) __asm__("_ZNK2v812BackingStore4DataEv") __attribute__((weak));

static int leaked;        // some request could not be awaited: nothing is released any more
static int pins_live;     // for tests

void pin_leak_all(void) { __atomic_store_n(&leaked, 1, __ATOMIC_RELEASE); }

static void release(struct control_block *control) {
  if (!control) return;
  if (__atomic_sub_fetch(&control->use_count, 1, __ATOMIC_ACQ_REL) != 0) return;
  control->vtable[2](control);
  if (__atomic_sub_fetch(&control->weak_count, 1, __ATOMIC_ACQ_REL) == 0) control->vtable[3](control);
}

// One more count on the memory of `buffer`: what owns it, or NULL where the runtime is not one we know.
static struct control_block *hold(napi_env env, napi_value buffer, void **address) {
  bool is_array_buffer = false;
  if (!uses_libstdcxx || !array_buffer_store || !shared_buffer_store || !store_data) return NULL;
  napi_is_arraybuffer(env, buffer, &is_array_buffer);
  struct shared_store shared = is_array_buffer ? array_buffer_store(buffer) : shared_buffer_store(buffer);
  if (!shared.store || !shared.control) return NULL;
  *address = store_data(shared.store);
  if (is_array_buffer) {
    // The layout is what we think it is if Node-API names the same address.
    void *expected;
    size_t size;
    if (napi_get_arraybuffer_info(env, buffer, &expected, &size) != napi_ok || (size > 0 && expected != *address)) {
      return NULL;
    }
  }
  return shared.control;
}

// ── pins ──────────────────────────────────────────────────────────────────────────────────────────────────────────

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  if (__atomic_load_n(&leaked, __ATOMIC_ACQUIRE)) return;
  __atomic_sub_fetch(&pins_live, 1, __ATOMIC_RELAXED);
  release(data);
}

// pin(buffer: ArrayBuffer | SharedArrayBuffer): its address, or -1 where the runtime is not one we know.
napi_value pin_buffer(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value buffer, result;
  void *address;
  napi_get_cb_info(env, info, &argc, &buffer, NULL, NULL);
  napi_create_double(env, -1, &result);
  struct control_block *control = hold(env, buffer, &address);
  if (!control) return result;
  if (napi_add_finalizer(env, buffer, control, on_collected, NULL, NULL) != napi_ok) {
    release(control);
    return result;
  }
  __atomic_add_fetch(&pins_live, 1, __ATOMIC_RELAXED);
  napi_create_double(env, (double)(uintptr_t)address, &result);
  return result;
}

napi_value pin_count(napi_env env, napi_callback_info info) {
  (void)info;
  return js_int(env, __atomic_load_n(&pins_live, __ATOMIC_RELAXED));
}

// ── loans ─────────────────────────────────────────────────────────────────────────────────────────────────────────

// The loans of an environment, by number. What a thread or process leaves lent is given back when its environment has
// ended, after every ring has been drained.
struct loans {
  struct control_block **lent;  // NULL: the number is free
  int *free;                    // a stack of numbers
  int size, free_count;
  uint32_t *address;  // of the latest, in halves: memory of `loanAddress`
};

static bool grow(struct loans *l) {
  int size = l->size ? l->size * 2 : 64;
  struct control_block **lent = realloc(l->lent, size * sizeof *lent);
  if (lent) l->lent = lent;
  int *numbers = realloc(l->free, size * sizeof *numbers);
  if (numbers) l->free = numbers;
  if (!lent || !numbers) return false;
  while (size > l->size) {
    l->free[l->free_count++] = l->size;
    l->lent[l->size++] = NULL;
  }
  return true;
}

static void end_loan(struct loans *l, int number) {
  struct control_block *control = l->lent[number];
  l->lent[number] = NULL;
  l->free[l->free_count++] = number;
  __atomic_sub_fetch(&pins_live, 1, __ATOMIC_RELAXED);
  release(control);
}

// lend(buffer: ArrayBuffer | SharedArrayBuffer): the number of the loan, and its address in `loanAddress`; or -1 where the
// runtime is not one we know.
napi_value pin_lend(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value buffer;
  struct loans *l;
  void *address;
  napi_get_cb_info(env, info, &argc, &buffer, NULL, (void **)&l);
  if (l->free_count == 0 && !grow(l)) return js_int(env, -1);
  struct control_block *control = hold(env, buffer, &address);
  if (!control) return js_int(env, -1);
  int number = l->free[--l->free_count];
  l->lent[number] = control;
  l->address[0] = (uint32_t)(uintptr_t)address;
  l->address[1] = (uint32_t)((uint64_t)(uintptr_t)address >> 32);
  __atomic_add_fetch(&pins_live, 1, __ATOMIC_RELAXED);
  return js_int(env, number);
}

// giveBack(loan): nothing uses its memory any more.
napi_value pin_give_back(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value value;
  struct loans *l;
  int32_t number;
  napi_get_cb_info(env, info, &argc, &value, NULL, (void **)&l);
  if (napi_get_value_int32(env, value, &number) != napi_ok) return NULL;
  if (number >= 0 && number < l->size && l->lent[number]) end_loan(l, number);
  return NULL;
}

static void on_environment_end(void *data) {
  struct loans *l = data;
  if (!__atomic_load_n(&leaked, __ATOMIC_ACQUIRE)) {
    for (int i = 0; i < l->size; i++) {
      if (l->lent[i]) end_loan(l, i);
    }
  }
  free(l->lent);
  free(l->free);
  free(l);
}

struct loans *pin_init(napi_env env, napi_value exports) {
  struct loans *l = calloc(1, sizeof *l);
  napi_value address;
  napi_ref kept;
  // Hooks run in reverse order of their making: rings are made later, so they are drained before.
  if (!l || napi_add_env_cleanup_hook(env, on_environment_end, l) != napi_ok ||
      napi_create_arraybuffer(env, 2 * sizeof *l->address, (void **)&l->address, &address) != napi_ok ||
      napi_create_reference(env, address, 1, &kept) != napi_ok ||
      napi_set_named_property(env, exports, "loanAddress", address) != napi_ok) {
    return NULL;
  }
  return l;
}
