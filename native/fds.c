// Descriptors held while a request waits in user space. The number a caller gave may be closed and reused before
// the request reaches the kernel; a duplicate keeps the file, and the comparison tells whether the number still
// means it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

enum { DUPFD_QUERY = 1024 + 3 };  // F_DUPFD_QUERY, Linux 6.10
enum { KCMP_FILE = 0 };

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
  if (fstat(a, &sa) < 0 || fstat(b, &sb) < 0) return -errno;
  return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

// sameFile(a, b): 1 when both descriptors are the same open file description, 0 when not, or -errno.
napi_value fd_same_file(napi_env env, napi_callback_info info) {
  int32_t fds[2];
  if (first_int(env, info, fds, 2)) return js_int(env, -EINVAL);
  return js_int(env, same_file(fds[0], fds[1]));
}

// closeDescriptor(fd): 0 or -errno.
napi_value fd_close(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (first_int(env, info, &fd, 1)) return js_int(env, -EINVAL);
  return js_int(env, close(fd) < 0 ? -errno : 0);
}
