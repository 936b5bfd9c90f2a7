// One submission queue, one completion queue, one event-loop wake-up: what every engine shares.
//
// TypeScript (src/ring/) owns the queues: it writes entries, reads completions and decides everything. C maps the
// memory, makes the system call that TypeScript asked for through the control block, and wakes the event loop.
//
//   queues.c   the control block, enter(), the wake-up and its life on the event loop
//   uring.c    the io_uring engine: setup, mmap, enter, register, drain
//   threads.c  the threads engine: the same queues in anonymous memory, in front of a pool (pool.h)
//   linux-aio.c  the native engine: as the threads engine, with io_submit beside the pool (linux-aio.h)
//   mapping.c  the memory of the queues, and what becomes of it when JavaScript still sees it
//   allocator.c  what the C library does with freed memory
//   pin.c      keeps the memory of an ArrayBuffer alive under the kernel
//   fds.c      descriptors held while a request waits for its turn
//   signals.c  real signals, sent and received, for <aio.h>
//   classic.c  read, select, poll: what `aio models` compares with
//   addon.c    what JavaScript sees
#ifndef LINUX_AIO_RING_H
#define LINUX_AIO_RING_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libuv.h"

// Int32 indices of the control block that TypeScript and C share (src/abi/native.ts has the same list). enter()
// takes its arguments from here and leaves its result here: a Node-API call without arguments costs half as much.
enum {
  CTL_TO_SUBMIT,     // entries to hand over
  CTL_MIN_COMPLETE,  // completions to wait for
  CTL_FLAGS,         // IORING_ENTER_*
  CTL_RESULT,        // entries consumed, or -errno
  CTL_IN_FLIGHT,     // handed over (C adds) and not yet reaped (TypeScript subtracts)
  CTL_TURN,          // C: event-loop turns, counted by a uv_check
  CTL_UNREF,         // TypeScript: 1 when in-flight requests shall not keep the process alive
  CTL_SYSTEM_CALLS,  // C: entries into the kernel made to submit, wait or reap
  CTL_WAKEUPS,       // C: times the event loop was woken for this ring
  CTL_TIMEOUT_SEC,   // wait at most this long (with CTL_TIMEOUT_SET)
  CTL_TIMEOUT_NSEC,
  CTL_TIMEOUT_SET,
  CTL_AIO_SUBMITTED,  // C: requests that io_submit has taken over (engine native)
  CTL_COUNT = 16,
};

// struct io_uring_params of linux/io_uring.h; test/abi checks both layouts against the kernel's header.
struct params {
  uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
  struct { uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv; uint64_t user_addr; } sq;
  struct { uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv; uint64_t user_addr; } cq;
};
_Static_assert(sizeof(struct params) == 120, "struct io_uring_params");

struct queues;

// What an engine must offer; everything else is shared.
struct engine {
  // io_uring_enter's contract: submit, wait for min_complete or the timeout; consumed entries or -errno.
  int (*enter)(struct queues *q, uint32_t to_submit, uint32_t min_complete, uint32_t flags);
  // Work that the engine has finished but not yet posted is posted now (IORING_SQ_TASKRUN). True when that may have
  // signalled the eventfd.
  bool (*post_deferred)(struct queues *q);
  // Asks for everything in flight to be cancelled; completions still arrive in the queue.
  void (*cancel_all)(struct queues *q);
  // Releases memory and descriptors; nothing is in flight any more.
  void (*destroy)(struct queues *q);
  // Sets IORING_SQ_TASKRUN when post_deferred would find something; NULL where whoever finishes work has set it
  // before signalling the eventfd. Called after every clearing of the eventfd.
  void (*note_deferred)(struct queues *q);
};

// Mapped memory that JavaScript sees as an ArrayBuffer (mapping.c).
struct mapping {
  void *memory;
  size_t size;
  bool is_kernels;  // shared with the kernel, not ours alone
  int holders;      // the ring, and the ArrayBuffer
};

struct queues {
  const struct engine *engine;
  napi_env env;
  napi_ref on_wake, receiver;
  napi_async_context async_context;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t *poll;
  uv_check_t *check;
  int handles_open;     // libuv handles whose close callback has not run yet
  int holders;          // the event loop, and each JavaScript object that points here
  int event_fd;
  bool referenced;      // the poll handle keeps the event loop alive
  bool closed;
  bool posts_anytime;   // completions appear outside enter too, each with a signal to the eventfd

  struct mapping *ring, *sqes, *block;
  int32_t *control;  // in `block`
  uint32_t *sq_flags, *cq_head, *cq_tail;
  uint32_t cq_entries;

  // engine io_uring
  bool polled;  // IORING_SETUP_SQPOLL
  int ring_fd, enter_fd;
  uint32_t enter_flags;

  // engine threads
  void *pool;

  // engine native, which has a pool too
  void *aio;
};

// queues.c
struct queues *queues_create(napi_env env);
void queues_destroy(struct queues *q);
// Joins the event loop and builds the JavaScript object; on failure everything is released again.
napi_value queues_expose(struct queues *q, napi_value on_wake);
struct queues *queues_unwrap(napi_env env, napi_value handle);
void queues_sync_reference(struct queues *q);
void queues_close(struct queues *q);
// In flight for the engine: handed over, and its completion not even posted.
int queues_pending(const struct queues *q);
// For whoever else has an eventfd under uv_poll: resets it; and calls a JavaScript function of the event loop's.
void queues_clear_event(int event_fd);
void queues_call_back(napi_env env, napi_async_context context, napi_ref receiver, napi_ref function);
napi_value queues_wait_either(napi_env env, napi_callback_info info);

// mapping.c
// Maps memory, as mmap does; NULL with errno.
struct mapping *mapping_open(size_t size, int flags, int fd, int64_t offset);
// An ArrayBuffer over it; NULL in a runtime that forbids those.
napi_value mapping_expose(napi_env env, struct mapping *m);
// The ring is done with it, or has not even got it (NULL).
void mapping_close(struct mapping *m);

// uring.c
napi_value uring_open(napi_env env, napi_callback_info info);
napi_value uring_register(napi_env env, napi_callback_info info);

// threads.c
napi_value threads_open(napi_env env, napi_callback_info info);
napi_value threads_first_fallback(napi_env env, napi_callback_info info);
// For an engine with a pool: the arguments of poolOpen, and `start` to join the mapped queues to q->pool. 0 or -errno.
struct pool_queues;
typedef int start_function(struct queues *q, const struct pool_queues *view, uint32_t workers);
napi_value threads_open_as(napi_env env, napi_callback_info info, const struct engine *engine, start_function *start);
void threads_destroy(struct queues *q);
// Other threads may run this addon's code longer than the environment that loaded it lives.
void stay_loaded(void);

// linux-aio.c
napi_value native_open(napi_env env, napi_callback_info info);

// allocator.c

napi_value allocator_keep_freed(napi_env env, napi_callback_info info);

// pin.c
// The loans of an environment: the data of the functions pin_lend and pin_give_back. Exports loanAddress. NULL: no memory.
struct loans *pin_init(napi_env env, napi_value exports);
napi_value pin_lend(napi_env env, napi_callback_info info);
napi_value pin_give_back(napi_env env, napi_callback_info info);
napi_value pin_buffer(napi_env env, napi_callback_info info);
// After this no pin is ever released: a request could not be awaited, and the kernel may still write.
void pin_leak_all(void);
napi_value pin_count(napi_env env, napi_callback_info info);

// fds.c
bool fds_init(napi_env env);
// A duplicate that somebody else closes from now on.
void fds_forget(napi_env env, int fd);
napi_value fd_duplicate(napi_env env, napi_callback_info info);
napi_value fd_same_file(napi_env env, napi_callback_info info);
napi_value fd_let_wait(napi_env env, napi_callback_info info);
napi_value fd_pipe_has_writer(napi_env env, napi_callback_info info);
napi_value fd_status_flags(napi_env env, napi_callback_info info);
napi_value inline_read(napi_env env, napi_callback_info info);
napi_value inline_read_opened(napi_env env, napi_callback_info info);
napi_value inline_read_now(napi_env env, napi_callback_info info);
napi_value inline_readv_now(napi_env env, napi_callback_info info);
napi_value inline_open(napi_env env, napi_callback_info info);
napi_value inline_close(napi_env env, napi_callback_info info);
napi_value inline_stat(napi_env env, napi_callback_info info);
napi_value inline_stat_opened(napi_env env, napi_callback_info info);
napi_value fd_close(napi_env env, napi_callback_info info);
napi_value fd_describe(napi_env env, napi_callback_info info);

// signals.c
napi_value signals_open(napi_env env, napi_callback_info info);
napi_value signals_catch(napi_env env, napi_callback_info info);
napi_value signals_take(napi_env env, napi_callback_info info);
napi_value signals_lost(napi_env env, napi_callback_info info);
napi_value signal_queue(napi_env env, napi_callback_info info);
napi_value signal_first_real_time(napi_env env, napi_callback_info info);
napi_value fd_completes_later(napi_env env, napi_callback_info info);
napi_value fd_kind(napi_env env, napi_callback_info info);
napi_value fd_has_positions(napi_env env, napi_callback_info info);

// classic.c
napi_value classic_read(napi_env env, napi_callback_info info);
napi_value classic_poll(napi_env env, napi_callback_info info);
napi_value classic_select(napi_env env, napi_callback_info info);
napi_value classic_set_non_blocking(napi_env env, napi_callback_info info);
napi_value classic_pipe(napi_env env, napi_callback_info info);
napi_value classic_socket_pair(napi_env env, napi_callback_info info);
napi_value classic_cpu_time(napi_env env, napi_callback_info info);

// addon.c
napi_value js_int(napi_env env, int64_t value);

#endif
