// What JavaScript sees of the addon: src/abi/native.ts has the same list with types. Nothing here keeps state
// across threads except the pin counters; every worker loads the module for itself.
#include "ring.h"

napi_value js_int(napi_env env, int64_t value) {
  napi_value result;
  napi_create_int64(env, value, &result);
  return result;
}

static napi_value ring_close(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value handle;
  napi_get_cb_info(env, info, &argc, &handle, NULL, NULL);
  struct queues *q = queues_unwrap(env, handle);
  if (q) queues_close(q);
  return NULL;
}

static napi_value ring_sync_reference(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value handle;
  napi_get_cb_info(env, info, &argc, &handle, NULL, NULL);
  struct queues *q = queues_unwrap(env, handle);
  if (q) queues_sync_reference(q);
  return NULL;
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback function;
  } table[] = {
      {"uringOpen", uring_open},
      {"uringRegister", uring_register},
      {"poolOpen", threads_open},
      {"nativeOpen", native_open},
      {"firstFallback", threads_first_fallback},
      {"ringClose", ring_close},
      {"ringSyncReference", ring_sync_reference},
      {"waitForEither", queues_wait_either},
      {"pin", pin_buffer},
      {"lend", pin_lend},
      {"giveBack", pin_give_back},
      {"pinCount", pin_count},
      {"keepFreedMemory", allocator_keep_freed},
      {"duplicate", fd_duplicate},
      {"sameFile", fd_same_file},
      {"letWait", fd_let_wait},
      {"pipeHasWriter", fd_pipe_has_writer},
      {"statusFlags", fd_status_flags},
      {"closeDescriptor", fd_close},
      {"describe", fd_describe},
      {"signalsOpen", signals_open},
      {"signalsCatch", signals_catch},
      {"signalsTake", signals_take},
      {"signalsLost", signals_lost},
      {"signalQueue", signal_queue},
      {"firstRealTimeSignal", signal_first_real_time},
      {"readCached", inline_read},
      {"readOpened", inline_read_opened},
      {"readNow", inline_read_now},
      {"readvNow", inline_readv_now},
      {"openCached", inline_open},
      {"closeCached", inline_close},
      {"statCached", inline_stat},
      {"statOpened", inline_stat_opened},
      {"fileKind", fd_kind},
      {"completesLater", fd_completes_later},
      {"hasPositions", fd_has_positions},
      {"read", classic_read},
      {"poll", classic_poll},
      {"select", classic_select},
      {"setNonBlocking", classic_set_non_blocking},
      {"pipe", classic_pipe},
      {"socketPair", classic_socket_pair},
      {"cpuTime", classic_cpu_time},
  };
  struct loans *loans = pin_init(env, exports);
  if (!loans || !fds_init(env)) return NULL;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    napi_value function;
    if (napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].function, loans, &function) != napi_ok ||
        napi_set_named_property(env, exports, table[i].name, function) != napi_ok) {
      return NULL;
    }
  }
  return exports;
}
