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
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

enum { DUPFD_QUERY = 1024 + 3 };  // F_DUPFD_QUERY, Linux 6.10
enum { KCMP_FILE = 0 };

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

static void forget(napi_env env, int fd) {
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

// fileMode(fd): st_mode of the open file, or -errno.
napi_value fd_mode(napi_env env, napi_callback_info info) {
  int32_t fd;
  struct stat st;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  return js_int(env, syscall(SYS_fstat, fd, &st) < 0 ? -errno : (int64_t)st.st_mode);
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
  forget(env, fd);
  return js_int(env, close(fd) < 0 ? -errno : 0);
}
