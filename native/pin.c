// Keeps the memory behind an ArrayBuffer alive while the kernel may write to it.
//
// A reference to the ArrayBuffer is not enough: transfer(), structuredClone and postMessage move the memory to
// another owner, whose death would free it under the kernel, and a terminated worker frees its whole heap. What
// owns the memory is V8's BackingStore, a std::shared_ptr that Node-API does not expose. This file takes one more
// count on it, once per ArrayBuffer, and gives it back when the ArrayBuffer object is collected (requests hold the
// object until their completion) or, if a request could not be awaited at thread end, never.
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
  bool is_array_buffer = false;
  napi_get_cb_info(env, info, &argc, &buffer, NULL, NULL);
  napi_create_double(env, -1, &result);
  if (!uses_libstdcxx || !array_buffer_store || !shared_buffer_store || !store_data) return result;

  napi_is_arraybuffer(env, buffer, &is_array_buffer);
  struct shared_store shared = is_array_buffer ? array_buffer_store(buffer) : shared_buffer_store(buffer);
  if (!shared.store || !shared.control) return result;
  void *address = store_data(shared.store);
  if (is_array_buffer) {
    // The layout is what we think it is if Node-API names the same address.
    void *expected;
    size_t size;
    if (napi_get_arraybuffer_info(env, buffer, &expected, &size) != napi_ok || (size > 0 && expected != address)) {
      return result;
    }
  }
  if (napi_add_finalizer(env, buffer, shared.control, on_collected, NULL, NULL) != napi_ok) {
    release(shared.control);
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
