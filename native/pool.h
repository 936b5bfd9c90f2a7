// The pool: threads that stand in for the kernel behind the same two queues. Nothing here knows Node or Node-API;
// threads.c joins it to an event loop, and test/native/pool-stress.c drives it on its own.
//
//   pool.c             the queues, enter(), the requests and their table
//   pool-workers.c     the run queue, and the threads that take requests from it
//   pool-operations.c  performs one submission entry, step by step
//   pool-whole-file.c  performs those that io_uring does not have: a file opened, read or written, and closed
//   pool-poller.c      one thread that waits for descriptors and timers, so that no worker does
//
// Who does what, and which lock guards it:
//
//   owner    the one thread that calls pool_enter, pool_post, pool_cancel_all and pool_close (the JavaScript
//            thread). Only it reads submissions, writes completions, allocates requests and looks them up
//   workers  take requests from the run queue (its `lock`) and perform them; they may block
//   poller   owns what waits for readiness or for a time (its `lock`); it never blocks in an operation
//
// The states of a request:
//
//   FREE ─ submitted ─► RUNNING ──────────── performed ──────────► FINISHED ─ posted ─► FREE
//                        │ ▲  ▲ │                                     ▲
//                        ▼ │  │ ▼ not ready                           │ cancelled
//                      QUEUED POLLING ────────────────────────────────┘ (from QUEUED and POLLING)
//
// A request is in at most one list at a time, linked through `next`.
#ifndef LINUX_AIO_POOL_H
#define LINUX_AIO_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

// struct io_uring_sqe and struct io_uring_cqe of linux/io_uring.h, as far as they are used here.
struct sqe {
  uint8_t opcode, flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;   // off, addr2
  uint64_t addr;  // addr, splice_off_in
  uint32_t len;
  uint32_t op_flags;  // rw_flags, fsync_flags, open_flags, …
  uint64_t user_data;
  uint16_t buf_index, personality;
  int32_t splice_fd_in;
  uint64_t addr3, unused;
};
struct cqe { uint64_t user_data; int32_t result; uint32_t flags; };
_Static_assert(sizeof(struct sqe) == 64 && sizeof(struct cqe) == 16, "io_uring entries");

enum { LEFT_OPEN = -4096 };            // minus a descriptor: a result that leaves a file open
enum { SQE_ASYNC = 1u << 4 };          // not on the owner's thread
// io_uring has no such flag: whoever made the entry knows that the file is not one in memory (memory-files.c), and spares
// the pool the question. If it is one after all, a worker does what this thread could have done.
enum { SQE_ON_DISK = 1u << 7 };
// Nor this: a position where there are none is refused (ESPIPE), as by pwrite(2). io_uring ignores it, and so does the pool.
enum { SQE_POSITION_COUNTS = 1u << 6 };
// Nor this: the descriptor was made for this request alone, and the pool closes it before anybody sees the result.
enum { SQE_OWN_DESCRIPTOR = 1u << 5 };
enum { POOL_SQ_TASKRUN = 1u << 2 };    // in sq_flags: something is finished and not posted
enum { POOL_GETEVENTS = 1u << 0 };     // flag of pool_enter: wait for min_complete

enum {
  OP_NOP = 0, OP_READV = 1, OP_WRITEV = 2, OP_FSYNC = 3, OP_POLL_ADD = 6, OP_TIMEOUT = 11, OP_ACCEPT = 13,
  OP_ASYNC_CANCEL = 14, OP_CONNECT = 16, OP_FALLOCATE = 17, OP_OPENAT = 18, OP_CLOSE = 19, OP_STATX = 21,
  OP_READ = 22, OP_WRITE = 23, OP_FADVISE = 24, OP_SEND = 26, OP_RECV = 27, OP_SPLICE = 30, OP_SHUTDOWN = 34,
  OP_RENAMEAT = 35, OP_UNLINKAT = 36, OP_MKDIRAT = 37, OP_SYMLINKAT = 38, OP_LINKAT = 39, OP_FTRUNCATE = 55,
  // The pool's own (src/abi/native.ts, POOL_OP).
  OP_READ_FILE = 240, OP_WRITE_FILE = 241,
};

enum request_state { FREE, QUEUED, RUNNING, POLLING, FINISHED };

struct request {
  struct sqe sqe;  // a copy: once consumed, the queue's entry is TypeScript's again
  struct request *next, *prev;
  uint32_t state;  // enum request_state, atomic; leaves QUEUED only under the workers' lock, POLLING only under the poller's
  int32_t result;
  uint32_t cancel;   // atomic: asked for while RUNNING, so it must not wait any more
  uint32_t moved;    // bytes of MSG_WAITALL so far
  bool stream;       // a pipe, socket or terminal: has no position, and may never be ready
  bool blocking;     // cannot be polled, so a worker must wait in the call itself
  bool connecting;   // connect() is under way
  bool locks_memory; // changes a file in memory on a worker
  // What it waits for: a time (deadline > 0), or events on a descriptor.
  int watch_fd;
  uint32_t watch_events;
  // Its place in the epoll set: watch_fd of then, or a duplicate of that.
  bool watched, watch_owned;
  int registered_for, registered_fd;
  uint32_t tries;  // times the poller woke it for nothing
  int64_t deadline;  // ns, CLOCK_MONOTONIC
  uint32_t heap_index;
};

static inline uint32_t state_of(const struct request *r) { return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE); }
static inline void set_state(struct request *r, uint32_t state) {
  __atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
}

// Where an operation may run; only a worker may block.
enum place { AT_ONCE, ON_POLLER, ON_WORKER };
// What became of it: `result` is set; it waits (watch_* or deadline is set); a worker has to go on.
enum outcome { DONE, WAIT, WORKER };

// What one call of pool_enter knows about descriptors and has spent on the owner's thread.
struct visit {
  uint32_t bytes;
  int flags_fd, flags;  // F_GETFL of the last descriptor asked about
  int mode_fd;
  uint32_t mode;        // st_mode, likewise
  int memory_fd;
  bool is_memory;       // is_memory_file, likewise
  bool memory_is_locked;  // a worker changes a file in memory, and may hold its lock for long
};

// The memory both sides see, laid out as io_uring lays it out.
struct pool_queues {
  struct sqe *sqes;
  struct cqe *cqes;
  uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
  uint32_t sq_entries, cq_entries;  // powers of two
};

struct pool;

// Whether it is a regular file of tmpfs or ramfs.
bool is_memory_file(int fd);
// Whether statfs(2) names one of the two.
bool is_in_memory_type(uint32_t type);

// A short read without waiting is short because the rest is not cached, or because the regular file ends there: which?
bool file_ends_at(int fd, uint64_t position);

// 0 or -errno. Becomes readable: `event_fd`, an eventfd, of which the pool keeps a duplicate. No thread starts yet.
int pool_open(struct pool **out, const struct pool_queues *queues, int event_fd, uint32_t workers_max);
// io_uring_enter: consumed entries, or -errno when none was (-EAGAIN, -ENOMEM, -ETIME, -EINTR).
int pool_enter(struct pool *p, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
               const struct timespec *timeout);
// Moves what is finished to the completion queue, as far as there is room.
void pool_post(struct pool *p);
// Cancels whatever is queued or waits; what is running is only kept from waiting.
void pool_cancel_all(struct pool *p);
// Ends and joins all threads and frees the pool. Nothing may be in flight.
void pool_close(struct pool *p);
// Threads alive now: workers, and the poller as one more. For tests.
uint32_t pool_threads(struct pool *p);

// Between the files of the pool.

int64_t pool_now(void);
static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Any thread: the request is over, with r->result.
void pool_finish(struct pool *p, struct request *r);
// The same without waking the owner. True when the list was empty: then it has to be woken, now or soon.
bool pool_push(struct pool *p, struct request *r);
// Whether results wait for the owner that it is not about to take.
bool pool_owner_is_to_be_woken(struct pool *p);
void pool_wake_owner(struct pool *p);
// Whether this thread is on another CPU than the owner was last: else, while this one runs, the owner does not.
bool pool_owner_is_elsewhere(struct pool *p);
// Any thread but the owner's: a worker has to go on with it.
void pool_requeue(struct pool *p, struct request *r);

// The poller, when poller_remind said so: calls in a worker if requests still wait for one, and wakes the owner if
// results still wait for it.
void pool_look_again(struct pool *p);

enum outcome operation_step(struct request *r, enum place place, struct visit *visit);
// Whether it holds the lock of a file in memory while it runs, which a write by the owner would wait for.
bool operation_locks_memory(const struct sqe *e, struct visit *visit);
// On a worker: bytes, -errno, or LEFT_OPEN minus a descriptor.
long pool_whole_file(const struct sqe *e);

// 0 or -errno. Signals are the program's: none is ever delivered to the thread.
int pool_spawn(pthread_t *thread, void *(*run)(void *), void *argument);
// As `top -H` and /proc show it; at most 15 characters.
void pool_name_thread(const char *name);

// Who makes one request after the other, each quicker than this, is answered inside pool_enter.
enum { ANSWER_AT_ONCE_NS = 5 * 1000 };

struct workers;
struct poller;
// No thread starts yet. 0 or -errno.
int workers_open(struct workers **out, struct pool *pool, struct poller *poller, uint32_t max);
// All end, as soon as they have no request.
void workers_stop(struct workers *ws);
// After workers_stop: joins them.
void workers_close(struct workers *ws);
// Any thread: requests linked through `next` go to the run queue. True when a lingering worker takes up the first of
// them now.
bool workers_queue(struct workers *ws, struct request *list);
// Any thread: calls in a worker if requests wait for one that does not come.
void workers_look_again(struct workers *ws);
// Owner: takes a request out of the run queue, which is then RUNNING. False when it is not there.
bool workers_take_back(struct workers *ws, struct request *r);
// Whether the last operation took less than ANSWER_AT_ONCE_NS.
bool workers_are_very_quick(struct workers *ws);
uint32_t workers_alive(struct workers *ws);

int poller_open(struct poller **out, struct pool *p);
void poller_close(struct poller *o);
// Any thread: the request, which is RUNNING, waits for what operation_step said.
void poller_watch(struct poller *o, struct request *r);
// Owner: takes a waiting request out. False when it does not wait; then it will not again.
bool poller_cancel(struct poller *o, struct request *r);
// The holder of a finished request: it leaves the epoll set.
void poller_forget(struct poller *o, struct request *r);
// Owner: there may be this many requests now. 0 or -ENOMEM.
int poller_reserve(struct poller *o, uint32_t requests);
bool poller_running(struct poller *o);
// Any thread, without a lock: pool_look_again is called in so many nanoseconds, or earlier. False where there is no
// thread to be had for it.
bool poller_remind(struct poller *o, int64_t ns);

#endif
