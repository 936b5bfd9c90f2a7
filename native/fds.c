// Descriptors held while a request waits in user space. The number a caller gave may be closed and reused before
// the request reaches the kernel; a duplicate keeps the file, and the comparison tells whether the number still
// means it.
//
// A thread or process may end while requests hold duplicates; JavaScript is gone then, so this file knows which are
// open and closes them when the environment has ended, after every ring has been drained.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool.h"
#include "ring.h"

enum { DUPFD_QUERY = 1024 + 3 };  // F_DUPFD_QUERY, Linux 6.10
enum { KCMP_FILE = 0 };
enum { NOWAIT = 8 };  // RWF_NOWAIT

// Open duplicates, one bit each; per environment, so no lock.
struct duplicates {
  uint8_t *bits;
  int size;  // in descriptors
};

static void close_duplicates(void *data) {
  struct duplicates *open = data;
  for (int fd = 0; fd < open->size; fd++) {
    if (open->bits[fd / 8] & (1 << fd % 8)) close(fd);
  }
  free(open->bits);
  free(open);
}

bool fds_init(napi_env env) {
  struct duplicates *open = calloc(1, sizeof *open);
  if (!open) return false;
  // Hooks run in reverse order of their making: rings are made later, so they are drained before.
  return napi_set_instance_data(env, open, NULL, NULL) == napi_ok &&
         napi_add_env_cleanup_hook(env, close_duplicates, open) == napi_ok;
}

static bool remember(napi_env env, int fd) {
  struct duplicates *open;
  napi_get_instance_data(env, (void **)&open);
  if (fd >= open->size) {
    int size = (fd + 1024) & ~7;
    uint8_t *bits = realloc(open->bits, size / 8);
    if (!bits) return false;
    memset(bits + open->size / 8, 0, (size - open->size) / 8);
    open->bits = bits;
    open->size = size;
  }
  open->bits[fd / 8] |= 1 << fd % 8;
  return true;
}

void fds_forget(napi_env env, int fd) {
  struct duplicates *open;
  napi_get_instance_data(env, (void **)&open);
  if (fd >= 0 && fd < open->size) open->bits[fd / 8] &= ~(1 << fd % 8);
}

static int first_int(napi_env env, napi_callback_info info, int32_t *values, size_t count) {
  napi_value argv[2];
  size_t argc = count;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  for (size_t i = 0; i < count; i++) {
    if (napi_get_value_int32(env, argv[i], &values[i]) != napi_ok) return -EINVAL;
  }
  return 0;
}

// duplicate(fd): a new close-on-exec descriptor for the same open file, or -errno.
napi_value fd_duplicate(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy >= 0 && !remember(env, copy)) {
    close(copy);
    return js_int(env, -ENOMEM);
  }
  return js_int(env, copy < 0 ? -errno : copy);
}

static int same_file(int a, int b) {
  int same = fcntl(a, DUPFD_QUERY, b);
  if (same >= 0) return same;
  if (errno == EBADF) return -EBADF;
  pid_t self = getpid();
  long order = syscall(SYS_kcmp, self, self, KCMP_FILE, (unsigned long)a, (unsigned long)b);
  if (order >= 0) return order == 0;
  if (errno == EBADF) return -EBADF;
  // No kcmp (seccomp, CONFIG_KCMP=n): the same inode is the best evidence left.
  struct stat sa, sb;
  // By number: glibc before 2.33 has no symbol fstat, and the addon is linked against none.
  if (syscall(SYS_fstat, a, &sa) < 0 || syscall(SYS_fstat, b, &sb) < 0) return -errno;
  return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

// sameFile(a, b): 1 when both descriptors are the same open file description, 0 when not, or -errno.
napi_value fd_same_file(napi_env env, napi_callback_info info) {
  int32_t fds[2];
  if (first_int(env, info, fds, 2)) return js_int(env, -EINVAL);
  return js_int(env, same_file(fds[0], fds[1]));
}

// letWait(fd): an open file without O_NONBLOCK from now on; its st_mode, or -errno.
napi_value fd_let_wait(napi_env env, napi_callback_info info) {
  int32_t fd;
  struct stat st;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return js_int(env, -errno);
  return js_int(env, syscall(SYS_fstat, fd, &st) < 0 ? -errno : (int64_t)st.st_mode);
}

// pipeHasWriter(fd): whether somebody has the pipe open for writing, or its data is still there. tee(2) tells the two
// from a pipe that nobody writes to, and takes nothing out.
napi_value fd_pipe_has_writer(napi_env env, napi_callback_info info) {
  int32_t fd;
  int probe[2];
  if (first_int(env, info, &fd, 1) || pipe2(probe, O_CLOEXEC) < 0) return js_int(env, -EMFILE);
  long count = syscall(SYS_tee, fd, probe[1], 1L, SPLICE_F_NONBLOCK);
  bool has_writer = count > 0 || (count < 0 && errno == EAGAIN);
  close(probe[0]);
  close(probe[1]);
  return js_int(env, has_writer);
}

// statusFlags(fd): the flags of open(2) that the open file has now, or -errno.
napi_value fd_status_flags(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  int flags = fcntl(fd, F_GETFL);
  return js_int(env, flags < 0 ? -errno : flags);
}

// closeDescriptor(fd): closes a duplicate; 0 or -errno.
napi_value fd_close(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  fds_forget(env, fd);
  return js_int(env, close(fd) < 0 ? -errno : 0);
}

// Int32 indices of what describe() fills in (src/abi/native.ts has the same list).
enum { FILE_FLAGS, FILE_MODE, FILE_SEEKABLE, FILE_DEVICE_MAJOR, FILE_DEVICE_MINOR, FILE_INODE_LOW, FILE_INODE_HIGH,
       FILE_COUNT };

// struct statx of linux/stat.h, as far as it is used here; fstat would ask the server on a network file system.
struct status {
  uint32_t mask, blksize;
  uint64_t attributes;
  uint32_t nlink, uid, gid;
  uint16_t mode, pad;
  uint64_t inode, size, blocks, attributes_mask;
  uint64_t times[8];
  uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
  uint64_t rest[14];
};
_Static_assert(sizeof(struct status) == 256, "struct statx");

enum { EMPTY_PATH = 0x1000, DONT_SYNC = 0x4000, TYPE_INO = 0x101 };

static bool is_seekable(int fd, uint16_t mode) {
  if (S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode)) return true;
  if (S_ISFIFO(mode) || S_ISSOCK(mode)) return false;
  return lseek(fd, 0, SEEK_CUR) >= 0;  // /dev/null is, a terminal is not
}

// describe(fd, out: ArrayBuffer): 0, and what the number means now; or -errno.
napi_value fd_describe(napi_env env, napi_callback_info info) {
  size_t argc = 2, size;
  napi_value argv[2];
  int32_t fd, *out;
  struct status st;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_int32(env, argv[0], &fd) != napi_ok ||
      napi_get_arraybuffer_info(env, argv[1], (void **)&out, &size) != napi_ok || size < FILE_COUNT * sizeof *out) {
    return js_int(env, -EINVAL);
  }
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return js_int(env, -errno);
  if (syscall(SYS_statx, fd, "", EMPTY_PATH | DONT_SYNC, TYPE_INO, &st) < 0) {
    // Refused by an old seccomp profile. By number: glibc before 2.33 has no symbol fstat.
    struct stat old;
    if (syscall(SYS_fstat, fd, &old) < 0) return js_int(env, -errno);
    st.mode = (uint16_t)old.st_mode;
    st.dev_major = (uint32_t)(old.st_dev >> 32);
    st.dev_minor = (uint32_t)old.st_dev;
    st.inode = old.st_ino;
  }
  out[FILE_FLAGS] = flags;
  out[FILE_MODE] = st.mode;
  out[FILE_SEEKABLE] = is_seekable(fd, st.mode);
  out[FILE_DEVICE_MAJOR] = (int32_t)st.dev_major;
  out[FILE_DEVICE_MINOR] = (int32_t)st.dev_minor;
  out[FILE_INODE_LOW] = (int32_t)st.inode;
  out[FILE_INODE_HIGH] = (int32_t)(st.inode >> 32);
  return js_int(env, 0);
}

// How a descriptor's data is reached; the same bits as in src/ring/routing.ts.
enum { KIND_FILE = 1, KIND_STREAM = 2, KIND_DIRECT = 4, KIND_WAITS = 8, KIND_MEMORY = 16, KIND_LATER = 32 };

// File systems where a transfer may complete after its call has returned, though the file was not opened with O_DIRECT:
// FUSE (direct_io), SMB and 9P (without a cache).
static bool completes_later(uint32_t type) {
  static const uint32_t types[] = {0x65735546, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997};  // linux/magic.h
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (type == types[i]) return true;
  }
  return false;
}

static int kind_of(int fd) {
  int flags = fcntl(fd, F_GETFL);
  struct stat s;
  if (flags < 0 || syscall(SYS_fstat, fd, &s) < 0) return -errno;
  if (!S_ISREG(s.st_mode) && !S_ISBLK(s.st_mode)) return KIND_STREAM;
  struct statfs fs = {0};
  syscall(SYS_fstatfs, fd, &fs);  // what is not known is no special file system
  if (S_ISREG(s.st_mode) && is_in_memory_type((uint32_t)fs.f_type)) return KIND_FILE | KIND_WAITS | KIND_MEMORY;
  int kind = KIND_FILE;
  if (flags & O_DIRECT) kind |= KIND_DIRECT;
  if (completes_later((uint32_t)fs.f_type)) kind |= KIND_LATER;
  if ((flags & O_ACCMODE) == O_WRONLY || flags & O_PATH) return kind;
  // Whether cached data can be had without waiting is asked beyond the end of any file: nothing is read, and no
  // access time is touched. By number, for the same reason as fstat; the offset in halves.
  char byte;
  struct iovec vector = {&byte, 1};
  const unsigned long offset = 1ul << 62;
  if (syscall(SYS_preadv2, fd, &vector, 1, offset, 0, NOWAIT) < 0 && errno == EOPNOTSUPP) kind |= KIND_WAITS;
  return kind;
}

// hasPositions(fd): whether pread(2) takes a position there. A number that is no descriptor has them: the call will say.
napi_value fd_has_positions(napi_env env, napi_callback_info info) {
  int32_t fd;
  napi_value result;
  if (first_int(env, info, &fd, 1)) fd = -1;
  napi_get_boolean(env, lseek(fd, 0, SEEK_CUR) >= 0 || errno != ESPIPE, &result);
  return result;
}

// completesLater(fd): as above, for a number of which nothing is remembered.
napi_value fd_completes_later(napi_env env, napi_callback_info info) {
  int32_t fd;
  napi_value result;
  struct statfs fs;
  bool known = !first_int(env, info, &fd, 1) && syscall(SYS_fstatfs, fd, &fs) == 0;
  napi_get_boolean(env, known && completes_later((uint32_t)fs.f_type), &result);
  return result;
}

// fileKind(fd): KIND_* bits, or -errno.
napi_value fd_kind(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  return js_int(env, kind_of(fd));
}
