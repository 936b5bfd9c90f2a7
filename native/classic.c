// The I/O calls that came before AIO, for `aio models` to compare with: read with and without O_NONBLOCK, select, poll,
// and pipes and sockets to use them on. node:fs has no select and no poll, and makes an Error of every EAGAIN, which
// costs more than the read. Nothing else in the package calls this; the calls block the JavaScript thread on purpose.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ring.h"

static bool int_argument(napi_env env, napi_value value, int32_t *result) {
  return napi_get_value_int32(env, value, result) == napi_ok;
}

static napi_value result_of(napi_env env, int64_t result) { return js_int(env, result < 0 ? -errno : result); }

// read(fd, view: Uint8Array): bytes or -errno.
napi_value classic_read(napi_env env, napi_callback_info info) {
  size_t argc = 2, length;
  napi_value argv[2];
  int32_t fd;
  void *data;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!int_argument(env, argv[0], &fd) ||
      napi_get_typedarray_info(env, argv[1], NULL, &length, &data, NULL, NULL) != napi_ok) {
    return js_int(env, -EINVAL);
  }
  return result_of(env, read(fd, data, length));
}

// poll(fd): waits until it can be read; 1 or -errno.
napi_value classic_poll(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  int32_t fd;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!int_argument(env, argv[0], &fd)) return js_int(env, -EINVAL);
  // poll(2) answers a number that is no descriptor with an event, and waits for ever for a negative one.
  struct pollfd one = {.fd = fd, .events = POLLIN};
  int count = fd < 0 ? 1 : poll(&one, 1, -1);
  return fd < 0 || one.revents & POLLNVAL ? js_int(env, -EBADF) : result_of(env, count);
}

// select(fd): waits until it can be read; 1 or -errno. EINVAL for descriptors that do not fit into an fd_set.
napi_value classic_select(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  int32_t fd;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!int_argument(env, argv[0], &fd) || fd < 0 || fd >= FD_SETSIZE) return js_int(env, -EINVAL);
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(fd, &readable);
  return result_of(env, select(fd + 1, &readable, NULL, NULL, NULL));
}

// setNonBlocking(fd): 0 or -errno.
napi_value classic_set_non_blocking(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  int32_t fd;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!int_argument(env, argv[0], &fd)) return js_int(env, -EINVAL);
  int flags = fcntl(fd, F_GETFL);
  return result_of(env, flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static napi_value pair_of(napi_env env, int error, const int fds[2]) {
  if (error < 0) return js_int(env, -errno);
  napi_value pair;
  napi_create_array_with_length(env, 2, &pair);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, pair, i, js_int(env, fds[i]));
  return pair;
}

// pipe(): [end to read from, end to write to], both close-on-exec, or -errno.
napi_value classic_pipe(napi_env env, napi_callback_info info) {
  int fds[2];
  int error = pipe2(fds, O_CLOEXEC);
  return pair_of(env, error, fds);
}

// socketPair(): two connected stream sockets, both close-on-exec, or -errno.
napi_value classic_socket_pair(napi_env env, napi_callback_info info) {
  int fds[2];
  int error = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
  return pair_of(env, error, fds);
}

// cpuTime(ofThread): nanoseconds of CPU that the calling thread, or the whole process, has used; or -errno.
napi_value classic_cpu_time(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  bool of_thread;
  struct timespec time;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (napi_get_value_bool(env, argv[0], &of_thread) != napi_ok) return js_int(env, -EINVAL);
  if (clock_gettime(of_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID, &time) < 0) {
    return js_int(env, -errno);
  }
  return js_int(env, time.tv_sec * 1000000000ll + time.tv_nsec);
}
