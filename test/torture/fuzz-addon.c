// Coverage-guided fuzzing of what the addon exports (native/addon.c and all behind it), over fake-node.h instead of Node.
// Built and run by fuzz.ts with libFuzzer and sanitizers. An input is a sequence of commands: calls of exported functions
// with arbitrary arguments, entries for rings, turns of the event loop, collections of garbage; then the environment ends.
// Afterwards nothing may be left: no memory, no pin, no descriptor, no handle of the event loop.
//
// The addon has one caller, src/, and trusts it in a few things. They are kept true here (in `allowed`, `entry`, `enter`):
//
//   addresses       entries, and what io_uring_register and io_uring_setup are told, name memory by its address; flags of
//                   io_uring_setup that put the queues elsewhere, or make a descriptor an index, are not used
//   counts          of io_uring_register: no more than its argument has; of the control block: no more is said to be
//                   submitted than was prepared, and what was reaped is subtracted
//   pin(), lend()   get an ArrayBuffer or a SharedArrayBuffer
//   external values are handles of rings
//   ringClose()     comes when nothing is in flight
//   waitForEither() gets a finite time, or -1
//   signalsOpen()   once per environment, with a function
//
// The process itself is kept from harm: descriptors that are closed or made to block are its own for that purpose, paths
// are names in a directory of its own, and signals are such as nothing dies of.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../native/pool.h"
#include "fuzz-addon.h"

enum { COMMANDS = 48, REGION = 1 << 16 };

napi_value napi_register_module_v1(napi_env env, napi_value exports);

napi_env env;
napi_value kept[KEPT];
struct ring rings[RINGS];
int fds[FDS], given[GIVEN], given_count;
static napi_value exports;
static int descriptors;
static bool is_duplicate[256];  // by descriptor: the addon closes them at the end of the environment
static bool receives_signals;
static uint64_t caught;
static char *region;  // where entries lead: for the life of the process, and never looked at
static uint64_t user_data;

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 3; fd < 200; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void set_up(void) {
  char directory[] = "fuzz-XXXXXX";
  if (!mkdtemp(directory) || chdir(directory) < 0 || mkdir("directory", 0700) < 0 || mkfifo("fifo", 0600) < 0) die("no directory");
  if (symlink("file", "link") < 0 || symlink("loop", "loop") < 0) die("no links");
  struct rlimit limit = {1 << 20, 1 << 20};
  if (setrlimit(RLIMIT_FSIZE, &limit) < 0) die("no limit");
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  region = aligned_alloc(4096, REGION);
  struct iovec *vectors = (struct iovec *)(region + REGION - 4096);
  for (int i = 0; i < 64; i++) vectors[i] = (struct iovec){region + i * 512, 512};
  fds[0] = open("file", O_RDWR | O_CREAT, 0600);
  if (ftruncate(fds[0], 100000) < 0) die("no file");
  fds[1] = open("file", O_RDONLY);
  fds[2] = open("file", O_RDWR | O_DIRECT);
  fds[3] = open("directory", O_RDONLY);
  fds[4] = open("/dev/null", O_RDWR);
  if (pipe2(&fds[5], O_NONBLOCK) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, &fds[7]) < 0) die("no pipe");
  fds[9] = open("file", O_PATH);
  fds[10] = -1;
  fds[11] = 100000;
}

// ── rings ─────────────────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t *at(const struct ring *r, uint32_t offset) { return (uint32_t *)((char *)r->q->ring->memory + offset); }

static void reap(struct ring *r) {
  uint32_t tail = __atomic_load_n(r->q->cq_tail, __ATOMIC_ACQUIRE), head = *r->q->cq_head;
  r->q->control[CTL_IN_FLIGHT] -= (int32_t)(tail - head);
  __atomic_store_n(r->q->cq_head, tail, __ATOMIC_RELEASE);
}

static void reap_all(void) {
  for (int i = 0; i < RINGS; i++) {
    if (rings[i].q) reap(&rings[i]);
  }
}

static void enter(struct ring *r, uint32_t flags, uint32_t wait) {
  int32_t *control = r->q->control;
  control[CTL_TO_SUBMIT] = (int32_t)r->prepared;
  control[CTL_MIN_COMPLETE] = (int32_t)wait;
  control[CTL_FLAGS] = (int32_t)flags;
  control[CTL_TIMEOUT_SET] = 1;
  control[CTL_TIMEOUT_SEC] = 0;
  control[CTL_TIMEOUT_NSEC] = 200000;
  napi_value function = fake_property(r->object, "enter");
  fake_call(env, function, 0, NULL);
  if (control[CTL_RESULT] > 0) r->prepared -= (uint32_t)control[CTL_RESULT];
  reap(r);
}

// Only the pool by itself closes it, and src/ makes such entries for no other engine.
static void own_descriptor(const struct ring *r, struct sqe *e) {
  napi_value fd = fake_number(env, e->fd);
  int32_t duplicate = -1;
  if (r->closes) napi_get_value_int32(env, fake_call(env, fake_property(exports, "duplicate"), 1, &fd), &duplicate);
  if (duplicate < 0) e->flags &= ~SQE_OWN_DESCRIPTOR;
  else e->fd = duplicate;
}

static void entry(struct ring *r) {
  static const uint8_t opcodes[] = {OP_NOP, OP_READ, OP_WRITE, OP_READV, OP_WRITEV, OP_FSYNC, OP_ASYNC_CANCEL, OP_POLL_ADD};
  uint32_t entries = r->params.sq_entries, tail = *at(r, r->params.sq.tail), index = tail & (entries - 1);
  if (tail - __atomic_load_n(at(r, r->params.sq.head), __ATOMIC_ACQUIRE) >= entries) return;
  struct sqe *e = &((struct sqe *)r->q->sqes->memory)[index];
  memset(e, 0, sizeof *e);
  e->opcode = opcodes[byte() % 8];
  bool vectored = e->opcode == OP_READV || e->opcode == OP_WRITEV;
  e->flags = byte() & 3 ? 0 : byte() & 0x3f;
  e->fd = fds[byte() & 1 ? 2 : byte() % FDS];
  if (e->flags & SQE_OWN_DESCRIPTOR) own_descriptor(r, e);
  e->off = byte() & 1 ? byte() * 512u : byte() & 1 ? UINT64_MAX : (uint64_t)word() << 31;
  e->len = vectored ? byte() % 65 : byte() & 1 ? byte() * 128u : byte();
  e->addr = (uintptr_t)region + (vectored ? REGION - 4096 : byte() & 1 ? 0 : byte());
  e->op_flags = byte() & 3 ? 0 : word();
  if (e->opcode == OP_POLL_ADD) e->len = 0, e->off = 0;  // once
  if (e->opcode == OP_ASYNC_CANCEL) e->addr = user_data - byte() % 4;
  if (e->opcode == OP_FSYNC) e->off = e->len = 0;
  e->user_data = ++user_data;
  if (r->is_uring && !(r->params.flags & 1 << 16)) at(r, r->params.sq.array)[index] = index;
  __atomic_store_n(at(r, r->params.sq.tail), tail + 1, __ATOMIC_RELEASE);
  r->prepared++;
}

// What Ring.close does before ringClose: cancels, and awaits every completion.
static bool quiesce(struct ring *r) {
  for (int round = 0; round < 500; round++) {
    reap(r);
    if (queues_pending(r->q) <= 0) return true;
    r->q->engine->cancel_all(r->q);
    enter(r, 1, 1);
  }
  die("something never completes");
}

static void opened(const char *name, napi_value result, napi_value p) {
  napi_value handle = result->kind == OBJECT ? fake_property(result, "handle") : NULL;
  if (!handle) return;
  struct ring *r = &rings[0];
  while (r < rings + RINGS && r->object) r++;
  if (r == rings + RINGS) return;  // that one is left to the end of the environment
  *r = (struct ring){.object = result, .q = handle->data, .is_uring = strcmp(name, "uringOpen") == 0};
  r->closes = strcmp(name, "poolOpen") == 0;
  result->references++;
  void *memory;
  size_t size;
  if (napi_get_arraybuffer_info(env, p, &memory, &size) != napi_ok || size != PARAMS) die("a ring without parameters");
  memcpy(&r->params, memory, size);
}

// ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────

enum { OFTEN = 10 };
static const struct call { const char *name, *arguments; } calls[] = {
    {"uringOpen", "Pf"}, {"poolOpen", "Pfw"}, {"nativeOpen", "Pfw"}, {"ringClose", "h"}, {"ringClose", "h"},
    {"signalsOpen", "f"}, {"signalsCatch", "gb"}, {"signalsTake", "a"}, {"duplicate", "n"}, {"pin", "m"},
    {"lend", "m"}, {"giveBack", "i"},
    {"uringRegister", "hiai"}, {"ringSyncReference", "h"}, {"waitForEither", "hht"}, {"pinCount", ""},
    {"sameFile", "nn"}, {"letWait", "n"}, {"pipeHasWriter", "n"}, {"statusFlags", "n"}, {"closeDescriptor", "n"},
    {"describe", "na"}, {"signalsLost", ""}, {"signalQueue", "gii"}, {"firstRealTimeSignal", ""}, {"readCached", "sv"},
    {"readNow", "nviii"}, {"readvNow", "nlii"}, {"closeCached", "n"}, {"completesLater", "n"}, {"readOpened", "nv"}, {"openCached", "si"}, {"statCached", "siv"}, {"statOpened", "nv"}, {"fileKind", "n"},
    {"hasPositions", "n"}, {"read", "nv"}, {"poll", "n"}, {"select", "n"}, {"setNonBlocking", "n"}, {"pipe", ""},
    {"socketPair", ""}, {"cpuTime", "b"}, {"firstFallback", ""},
};

static bool is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static bool is_given(int fd) {
  for (int i = 0; i < given_count; i++) {
    if (given[i] == fd) return true;
  }
  return false;
}

static bool is_mine(int fd) {
  for (int i = 0; i < FDS; i++) {
    if (fds[i] == fd) return true;
  }
  return is_given(fd);
}

static void give(int fd, bool duplicate) {
  if (!is_open(fd) || fd >= 256) die("a descriptor that is not open");
  given[given_count++] = fd;
  is_duplicate[fd] = duplicate;
}

static void take_back(napi_value number) {
  int32_t fd = -1;
  napi_get_value_int32(env, number, &fd);
  for (int i = 0; i < given_count; i++) {
    if (given[i] == fd) given[i--] = given[--given_count];
  }
}

// What src/ promises, and what the process survives.
static bool allowed(const char *name, napi_value *argv) {
  int32_t n = -1;
  bool has_number = argv[0] && napi_get_value_int32(env, argv[0], &n) == napi_ok;
  if (is(name, "closeDescriptor")) return !has_number || is_given(n) || !is_open(n);
  if (is(name, "readOpened") || is(name, "closeCached")) return !has_number || (is_given(n) && !is_duplicate[n]) || !is_open(n);
  if (is(name, "letWait") || is(name, "setNonBlocking") || is(name, "read")) return !has_number || is_mine(n) || !is_open(n);
  if (is(name, "poll") || is(name, "select")) return !has_number || n == fds[0] || n == fds[4] || !is_open(n);
  if (is(name, "signalsOpen")) return !receives_signals && (receives_signals = true);
  if (is(name, "signalsCatch")) return !has_number || n >= SIGRTMIN || n < 1;
  if (is(name, "signalQueue")) return !has_number || n < 1 || n > 64 || caught & (uint64_t)1 << (n - 1);
  if (is(name, "waitForEither")) return argv[2]->kind != NUMBER || (argv[2]->number >= 0 && argv[2]->number < 3);
  if (is(name, "pin") || is(name, "lend")) return argv[0]->kind == ARRAY_BUFFER || argv[0]->kind == SHARED_ARRAY_BUFFER;
  if (is(name, "uringRegister")) {
    static const uint8_t opcodes[] = {8, 12, 19, 5, 3};  // probe, enable, workers; and two that have nothing to undo
    argv[1] = byte() % 8 ? fake_number(env, opcodes[byte() % 5]) : fake_value(env, NULL_VALUE);
    void *memory;
    size_t size = 0;
    if (napi_get_arraybuffer_info(env, argv[2], &memory, &size) != napi_ok || size < 24) size = 24;
    argv[3] = fake_number(env, byte() % ((size - 16) / 8));
  }
  return true;
}

static void answered(const char *name, napi_value *argv, napi_value result) {
  int32_t n = 0, signo = 0;
  bool wanted;
  if (!result) return;
  if (napi_get_value_int32(env, result, &n) == napi_ok) {
    if (n <= LEFT_OPEN && !is(name, "cpuTime") && !is(name, "pin")) {
      if (!is(name, "readOpened")) give(LEFT_OPEN - n, false);
    } else if (n >= 0 && (is(name, "duplicate") || is(name, "openCached"))) {
      give(n, is(name, "duplicate"));
    } else if (n >= 0 && (is(name, "closeDescriptor") || is(name, "readOpened") || is(name, "closeCached"))) {
      take_back(argv[0]);
    } else if (n == 0 && is(name, "signalsCatch") && napi_get_value_int32(env, argv[0], &signo) == napi_ok &&
               napi_get_value_bool(env, argv[1], &wanted) == napi_ok) {
      uint64_t bit = (uint64_t)1 << (signo - 1);
      caught = wanted ? caught | bit : caught & ~bit;
    }
  }
  for (int i = 0; i < 2 && (is(name, "pipe") || is(name, "socketPair")); i++) {
    napi_value end = fake_property(result, i ? "1" : "0");
    if (end && napi_get_value_int32(env, end, &n) == napi_ok) give(n, false);
    if (end) fcntl(n, F_SETFL, O_NONBLOCK);
  }
  if (is(name, "uringOpen") || is(name, "poolOpen") || is(name, "nativeOpen")) opened(name, result, argv[0]);
}

static void make_call(void) {
  // The first are those that make and end what the others need.
  const struct call *c = &calls[byte() & 1 ? byte() % OFTEN : byte() % (sizeof calls / sizeof *calls)];
  napi_value argv[5] = {0}, function = fake_property(exports, c->name);
  if (!function) die(c->name);
  size_t argc = 0;
  for (; c->arguments[argc]; argc++) argv[argc] = argument(c->arguments[argc]);
  if (!allowed(c->name, argv)) return;
  struct ring *closing = NULL;
  for (int i = 0; is(c->name, "ringClose") && i < RINGS; i++) {
    if (rings[i].q && argv[0] == fake_property(rings[i].object, "handle")) closing = &rings[i];
  }
  if (closing && !quiesce(closing)) return;
  bool fewer = argc > 0 && byte() % 16 == 1 && !strchr(c->arguments, 'P') && !is(c->name, "uringRegister") && !is(c->name, "pin") && !is(c->name, "lend");
  napi_value result = fake_call(env, function, fewer ? argc / 2 : argc, argv);
  if (closing && !fewer) closing->q = NULL;
  if (!fewer) answered(c->name, argv, result);
  for (int i = 5; i < 9; i++) fcntl(fds[i], F_SETFL, O_NONBLOCK);  // letWait
  for (int i = 0; i < given_count; i++) fcntl(given[i], F_SETFL, fcntl(given[i], F_GETFL) | O_NONBLOCK);
}

// Several of each that is caught.
static void signal_storm(void) {
  for (int i = 0; i < 64 * 3; i++) {
    if (!(caught & (uint64_t)1 << i % 64)) continue;
    napi_value argv[] = {fake_number(env, i % 64 + 1), fake_number(env, i), fake_number(env, -i)};
    fake_call(env, fake_property(exports, "signalQueue"), 3, argv);
  }
}

static void collect(void) {
  struct ring *r = &rings[byte() % RINGS];
  if (byte() & 1 && r->object && !r->q) {
    r->object->references--;
    fake_collect(env, r->object);  // its parts are left
    *r = (struct ring){0};
    return;
  }
  napi_value *place = &kept[byte() % KEPT];
  if (!*place) return;
  (*place)->references--;
  fake_collect(env, *place);
  *place = NULL;
}

static void end_environment(void) {
  bool buffers_first = byte() & 1;
  fake_on_call = NULL;
  fake_end(env, buffers_first);
  if (fake_left() > 0) die("something outlives the environment");
  while (given_count > 0) {
    int fd = given[--given_count];
    if (is_duplicate[fd] && is_open(fd)) die("a duplicate outlives the environment");
    if (!is_duplicate[fd]) close(fd);
  }
  if (open_descriptors() != descriptors) die("descriptors are left open");
  char bytes[4096];
  while (read(fds[5], bytes, sizeof bytes) > 0) {}
  for (int i = 7; i < 9; i++) while (read(fds[i], bytes, sizeof bytes) > 0) {}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!region) set_up();
  read_input(data, size);
  descriptors = open_descriptors();
  memset(kept, 0, sizeof kept);
  memset(rings, 0, sizeof rings);
  receives_signals = false;
  caught = 0;
  env = fake_begin();
  exports = fake_value(env, OBJECT);
  if (!napi_register_module_v1(env, exports)) die("the addon does not load");
  exports->references++;
  fake_on_call = reap_all;
  for (int i = 0; i < COMMANDS && has_input(); i++) {
    struct ring *r = &rings[byte() % RINGS];
    switch (byte() % 8) {
      case 0: fake_throws = byte() % 8 == 0; fake_turn(); fake_throws = false; break;
      case 1: collect(); break;
      case 2: if (r->q) entry(r), entry(r), entry(r); break;
      case 3:
        if (r->q) enter(r, byte() & 1, byte() % 3);
        else if (r->object) fake_call(env, fake_property(r->object, "enter"), 0, NULL);  // of a ring that is closed
        break;
      case 4:
        if (r->q) reap(r);
        else signal_storm();
        break;
      default: make_call();
    }
  }
  end_environment();
  return 0;
}
