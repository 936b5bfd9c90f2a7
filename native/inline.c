// Calls that are answered on the calling thread, because all they need is in memory: opening, reading whole and
// asking for the status of files whose path is in the kernel's cache (openat2(2), RESOLVE_CACHED, Linux 5.12) and whose
// bytes are in the page cache (preadv2(2), RWF_NOWAIT). What is not, and whatever else is not clear, answers -EAGAIN
// or an open descriptor, and the ring goes on from there.
//
// A file name that is opened, read and closed here costs 2 µs; as three linked requests of a ring 4 to 5, and as a hop
// to a thread and back 20 to 40.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"
#include "ring.h"

enum { RESOLVE_CACHED_ONLY = 0x20, NOWAIT = 0x8 };  // RESOLVE_CACHED, RWF_NOWAIT
enum { STATX_EMPTY_PATH = 0x1000, STATX_NO_SYNC = 0x4000, STATX_ALL_FIELDS = 0xfff, STATX_SIZE_BYTES = 256 };

struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

// The kernel, or a seccomp filter, does not know openat2: nothing is answered here any more.
static _Atomic bool unknown;

// Errors that are about the path, and as true of the cache as of the disk.
static bool is_final(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP || error == ENAMETOOLONG;
}

// EPERM is a filter's answer, or about the file. A filter does not look at the size, which the kernel refuses.
static bool is_filtered(void) { return syscall(SYS_openat2, AT_FDCWD, "", NULL, 0L) < 0 && errno != EINVAL; }

static int open_cached(const char *path, uint64_t flags) {
  if (atomic_load_explicit(&unknown, memory_order_relaxed)) return -EAGAIN;
  struct how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_CACHED_ONLY};
  long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd >= 0) return (int)fd;
  int error = errno;
  if (is_final(error)) return -error;
  // EINVAL, of a kernel before 5.12, is also the answer to odd flags; the ring's answer will tell.
  if (error == ENOSYS || error == E2BIG || (error == EPERM && is_filtered())) {
    atomic_store_explicit(&unknown, true, memory_order_relaxed);
  }
  return -EAGAIN;
}

// ── what is local ──────────────────────────────────────────────────────────────────────────────────────────────

// File systems whose status is in memory once the path is, among those without a block device of their own.
static bool is_local(uint32_t type) {
  static const uint32_t local[] = {
      0x01021994, 0x858458f6, 0x794c7630, 0x9123683e, 0x2fc12fc1, 0x9fa0, 0x62656572, 0x1cd1,  // tmpfs ramfs overlay
  };                                                                                           // btrfs zfs proc sys pts
  for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
    if (local[i] == type) return true;
  }
  return false;
}

// … and those with one that are not: fuseblk, GFS2, OCFS2.
static bool is_shared(uint32_t type) { return type == 0x65735546 || type == 0x01161970 || type == 0x7461636f; }

// What was found out about devices: the number, and 1 when it is local.
static _Atomic uint64_t devices[16];

static bool is_local_device(int fd, uint32_t major, uint32_t minor) {
  uint64_t number = ((uint64_t)major << 31 | minor) + 1;
  _Atomic uint64_t *entry = &devices[minor % 16];
  uint64_t seen = atomic_load_explicit(entry, memory_order_relaxed);
  if (seen >> 1 == number) return seen & 1;
  long fields[32];  // struct statfs
  if (syscall(SYS_fstatfs, fd, fields) < 0) return false;
  uint32_t type = (uint32_t)fields[0];
  bool local = major == 0 ? is_local(type) : !is_shared(type);
  atomic_store_explicit(entry, number << 1 | local, memory_order_relaxed);
  return local;
}

// The status of an open file: 0, or -EAGAIN where a server may have to be asked for it.
static long stat_open(int fd, char *out) {
  // First without asking a server; that is enough to know whether there is one.
  if (syscall(SYS_statx, fd, "", STATX_EMPTY_PATH | STATX_NO_SYNC, STATX_ALL_FIELDS, out) < 0) return -EAGAIN;
  uint32_t device[2];
  memcpy(device, out + 0x88, sizeof device);
  return is_local_device(fd, device[0], device[1]) ? 0 : -EAGAIN;
}

// Paths whose status was found in memory a moment ago, by their hash: they are there still, so one call answers for
// three (1.6 µs instead of 3). Should one have been forgotten meanwhile, it is read from a local disk. A set is a line of
// the CPU's cache: with one place for each hash, half of 20,000 paths drove each other out.
enum { SEEN_SETS = 1 << 13, SEEN_WAYS = 8, SEEN_SECONDS = 2 };

// when, and its hash; threads may overwrite each other's
static _Alignas(64) _Atomic uint64_t seen_paths[SEEN_SETS][SEEN_WAYS];

static uint32_t hash_of(const char *path, uint32_t seed) {
  uint32_t hash = 2166136261u ^ seed;  // FNV-1a
  for (; *path; path++) hash = (hash ^ (uint8_t)*path) * 16777619u;
  return hash;
}

static uint32_t this_second(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return (uint32_t)t.tv_sec;
}

static bool was_seen(uint32_t hash) {
  _Atomic uint64_t *set = seen_paths[hash % SEEN_SETS];
  for (int way = 0; way < SEEN_WAYS; way++) {
    uint64_t entry = atomic_load_explicit(&set[way], memory_order_relaxed);
    if ((uint32_t)entry == hash) return this_second() - (uint32_t)(entry >> 32) <= SEEN_SECONDS;
  }
  return false;
}

// In the place that it had, or that of the oldest.
static void see(uint32_t hash) {
  _Atomic uint64_t *set = seen_paths[hash % SEEN_SETS];
  int place = 0;
  uint64_t oldest = UINT64_MAX;
  for (int way = 0; way < SEEN_WAYS; way++) {
    uint64_t entry = atomic_load_explicit(&set[way], memory_order_relaxed);
    bool is_it = (uint32_t)entry == hash;
    if (!is_it && entry >= oldest) continue;
    oldest = is_it ? 0 : entry;
    place = way;
  }
  atomic_store_explicit(&set[place], (uint64_t)this_second() << 32 | hash, memory_order_relaxed);
}

// As open_cached, and -EAGAIN for a file of which a server has to be told: that its path is in memory does not keep open(2)
// from waiting for FUSE or NFS, perhaps for a server that runs on this very thread.
static int open_local(const char *path, uint64_t flags) {
  bool follows = !(flags & O_NOFOLLOW);
  uint32_t hash = hash_of(path, follows ? 0 : AT_SYMLINK_NOFOLLOW);
  if (!was_seen(hash)) {
    char status[STATX_SIZE_BYTES];
    int found = open_cached(path, O_PATH | (follows ? 0 : O_NOFOLLOW));
    if (found < 0) return found;
    long result = stat_open(found, status);
    close(found);
    if (result < 0) return -EAGAIN;
    see(hash);
  }
  return open_cached(path, flags);
}

// ── reads of whole files ───────────────────────────────────────────────────────────────────────────────────────

// Opened without waiting, but not for transfers without waiting.
static void let_wait(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

// The path of argument 0: a string, or a view of bytes without a final NUL.
static bool path_of(napi_env env, napi_value value, char path[PATH_MAX]) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, path, PATH_MAX, &length) == napi_ok) return length < PATH_MAX - 1;
  void *data;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) return false;
  if (length >= PATH_MAX) return false;
  if (length > 0) memcpy(path, data, length);  // a view without bytes may have no memory
  path[length] = 0;
  return true;
}

// What is left open, described for JavaScript: mode and size.
struct left {
  uint32_t mode;
  uint32_t unused;
  double size;
};

// preadv2(2) of what is in memory: the page cache, or a file that is nothing else. -1 for what is not. By number: an older
// glibc has no preadv2.
static long read_without_waiting(int fd, const struct iovec *parts, int count, uint64_t position) {
  long result = syscall(SYS_preadv2, fd, parts, (long)count, (long)position, 0L, NOWAIT);
  if (result >= 0 || errno != EOPNOTSUPP || !is_memory_file(fd)) return result;
  return syscall(SYS_preadv2, fd, parts, (long)count, (long)position, 0L, 0L);
}

static int64_t read_all(int fd, char *out, size_t capacity) {
  struct stat st;
  if (syscall(SYS_fstat, fd, &st) < 0) return LEFT_OPEN - fd;
  size_t size = (size_t)st.st_size;
  if (S_ISREG(st.st_mode) && size <= capacity) {
    struct iovec part = {out, capacity};
    // The position is 0, so that the descriptor's own stays where it is.
    long count = read_without_waiting(fd, &part, 1, 0);
    if (count >= 0 && (size_t)count == size) {
      close(fd);
      return count;
    }
  }
  struct left left = {.mode = st.st_mode, .size = (double)st.st_size};
  memcpy(out, &left, sizeof left);
  return LEFT_OPEN - fd;
}

static bool view_of(napi_env env, napi_value value, char **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, (void **)data, NULL, NULL) == napi_ok &&
         *length >= STATX_SIZE_BYTES;
}

// readCached(path, out): the bytes of the whole file in `out`; -errno; or the file is open and `out` describes it.
napi_value inline_read(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2, capacity;
  char path[PATH_MAX], *out;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!path_of(env, argv[0], path) || !view_of(env, argv[1], &out, &capacity)) return js_int(env, -EAGAIN);
  // A named pipe must not keep the thread: with O_NONBLOCK it is open at once.
  int fd = open_local(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return js_int(env, fd);
  int64_t result = read_all(fd, out, capacity);
  if (result <= LEFT_OPEN) let_wait(fd);
  return js_int(env, result);
}

// The arguments of what is answered of an open file: its descriptor, and memory for the answer.
static bool fd_and_view(napi_env env, napi_callback_info info, int32_t *fd, char **out, size_t *capacity) {
  napi_value argv[2];
  size_t argc = 2;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  return napi_get_value_int32(env, argv[0], fd) == napi_ok && view_of(env, argv[1], out, capacity);
}

// readOpened(fd, out): the same for a file that is open; it is closed when it has been read.
napi_value inline_read_opened(napi_env env, napi_callback_info info) {
  size_t capacity;
  int32_t fd;
  char *out;
  if (!fd_and_view(env, info, &fd, &out, &capacity)) return js_int(env, -EINVAL);
  return js_int(env, read_all(fd, out, capacity));
}

// ── reads of open files ────────────────────────────────────────────────────────────────────────────────────────

// All `wanted` bytes at `position`, or 0 at the end of the file; -EAGAIN for everything else, errors included: a request
// of the ring meets those again, and a file that ends within them.
// 0 is not believed by itself: Linux 5.9 and 5.10 answered it for pages that were not cached.
static int64_t read_at(int fd, const struct iovec *parts, int count, size_t wanted, double position) {
  if (!(position >= 0 && position <= 0x1fffffffffffff)) return -EAGAIN;
  long result = read_without_waiting(fd, parts, count, (uint64_t)position);
  if (result == 0) return file_ends_at(fd, (uint64_t)position) ? 0 : -EAGAIN;
  return (size_t)result == wanted ? result : -EAGAIN;
}

// Memory of a view of bytes.
static bool bytes_of(napi_env env, napi_value value, struct iovec *part) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, &part->iov_len, &part->iov_base, NULL, NULL) == napi_ok &&
         type == napi_uint8_array;
}

// readNow(fd, view, offset, length, position): bytes, or -EAGAIN.
napi_value inline_read_now(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  size_t argc = 5;
  int32_t fd;
  int64_t offset;  // a view may be larger than 4 GiB
  uint32_t length;
  double position;
  struct iovec part;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_int32(env, argv[0], &fd) != napi_ok || !bytes_of(env, argv[1], &part) ||
      napi_get_value_int64(env, argv[2], &offset) != napi_ok ||
      napi_get_value_uint32(env, argv[3], &length) != napi_ok ||
      napi_get_value_double(env, argv[4], &position) != napi_ok || length == 0 || offset < 0 ||
      (uint64_t)offset > part.iov_len || length > part.iov_len - (uint64_t)offset) {
    return js_int(env, -EAGAIN);
  }
  part = (struct iovec){(char *)part.iov_base + offset, length};
  return js_int(env, read_at(fd, &part, 1, length, position));
}

enum { PARTS_MAX = 16 };

// readvNow(fd, views, most, position): the same into several views of no more than `most` bytes together.
napi_value inline_readv_now(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4, wanted = 0;
  int32_t fd;
  uint32_t count, most;
  double position;
  napi_value views[PARTS_MAX];
  struct iovec parts[PARTS_MAX];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_int32(env, argv[0], &fd) != napi_ok ||
      napi_get_array_length(env, argv[1], &count) != napi_ok || count > PARTS_MAX ||
      napi_get_value_uint32(env, argv[2], &most) != napi_ok ||
      napi_get_value_double(env, argv[3], &position) != napi_ok) {
    return js_int(env, -EAGAIN);
  }
  // An element may be a getter, which may take the memory of other elements away: first all of these …
  for (uint32_t i = 0; i < count; i++) {
    if (napi_get_element(env, argv[1], i, &views[i]) != napi_ok) return js_int(env, -EAGAIN);
  }
  // … then the addresses, with nothing of the program's in between.
  for (uint32_t i = 0; i < count; i++) {
    if (!bytes_of(env, views[i], &parts[i])) return js_int(env, -EAGAIN);
    wanted += parts[i].iov_len;
    if (wanted > most) return js_int(env, -EAGAIN);
  }
  return js_int(env, wanted == 0 ? -EAGAIN : read_at(fd, parts, (int)count, wanted, position));
}

// ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────

// openCached(path, flags): a descriptor, -errno, or a named pipe to be read as a file that is left open. Not for
// O_CREAT and O_TRUNC: those change something.
napi_value inline_open(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2;
  int32_t flags;
  char path[PATH_MAX];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!path_of(env, argv[0], path) || napi_get_value_int32(env, argv[1], &flags) != napi_ok) {
    return js_int(env, -EAGAIN);
  }
  // ENXIO, of a pipe to be written, is no final answer.
  int fd = open_local(path, (uint64_t)flags | O_NONBLOCK);
  if (fd < 0 || (flags & O_NONBLOCK)) return js_int(env, fd);
  // Opened without waiting, but not for transfers without waiting.
  fcntl(fd, F_SETFL, flags);
  struct stat st;
  bool is_fifo = (flags & O_ACCMODE) == O_RDONLY && syscall(SYS_fstat, fd, &st) == 0 && S_ISFIFO(st.st_mode);
  return js_int(env, is_fifo ? LEFT_OPEN - fd : fd);
}

// ── status ─────────────────────────────────────────────────────────────────────────────────────────────────────

// statCached(path, flags, out): 0 and a struct statx in `out`, or -errno. `flags` may be AT_SYMLINK_NOFOLLOW.
napi_value inline_stat(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3, capacity;
  int32_t flags;
  char path[PATH_MAX], *out;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!path_of(env, argv[0], path) || napi_get_value_int32(env, argv[1], &flags) != napi_ok ||
      !view_of(env, argv[2], &out, &capacity)) {
    return js_int(env, -EAGAIN);
  }
  uint32_t hash = hash_of(path, (uint32_t)flags);
  if (was_seen(hash) && syscall(SYS_statx, AT_FDCWD, path, flags, STATX_ALL_FIELDS, out) == 0) return js_int(env, 0);
  int fd = open_cached(path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
  if (fd < 0) return js_int(env, fd);
  long result = stat_open(fd, out);
  close(fd);
  if (result == 0) see(hash);
  return js_int(env, result);
}

// statOpened(fd, out): the same for a descriptor.
napi_value inline_stat_opened(napi_env env, napi_callback_info info) {
  size_t capacity;
  int32_t fd;
  char *out;
  return js_int(env, fd_and_view(env, info, &fd, &out, &capacity) ? stat_open(fd, out) : -EAGAIN);
}

// closeCached(fd): close(2) of a file that was only read. -EAGAIN, and it stays open, where a server wants to be told, or
// a device takes its time; -EBUSY, likewise, where the file has no name any more: it may go with this descriptor, and giving
// back what it occupied takes as long as it is large.
napi_value inline_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  int32_t fd;
  char status[STATX_SIZE_BYTES];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_int32(env, argv[0], &fd) != napi_ok || stat_open(fd, status) < 0) return js_int(env, -EAGAIN);
  uint32_t links;
  uint16_t mode;
  memcpy(&links, status + 0x10, sizeof links);
  memcpy(&mode, status + 0x1c, sizeof mode);
  if (!S_ISREG(mode)) return js_int(env, -EAGAIN);
  if (links == 0) return js_int(env, -EBUSY);
  return js_int(env, close(fd) < 0 ? -errno : 0);
}
