// What io_setup, io_submit, io_cancel, io_destroy, io_getevents and io_pgetevents answer to wrong arguments: the
// assumptions under native/linux-aio.c, one per line as `name answer`, where an answer is 0, a count, or an error's
// number below zero. Compiled and run by kernel.test.ts; the argument is the path of a small file.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const aio_context_t no_context = 0xdead;
static void *const bad = (void *)8;

static void says(const char *name, long answer) { printf("%s %ld\n", name, answer < 0 ? -(long)errno : answer); }

static struct iocb request(int opcode, int fd, void *buffer, size_t bytes) {
  struct iocb cb = {.aio_lio_opcode = opcode, .aio_fildes = fd, .aio_buf = (uintptr_t)buffer, .aio_nbytes = bytes};
  return cb;
}

static long submit(aio_context_t context, struct iocb *cb) { return syscall(SYS_io_submit, context, 1L, &cb); }

int main(int argc, char **argv) {
  char buffer[16];
  int pipes[2];
  if (argc < 2 || pipe(pipes)) return 1;
  int file = open(argv[1], O_RDONLY), writer = open(argv[1], O_WRONLY);

  // K1
  aio_context_t context = 0, used = 1, many = 0;
  long most = 65536;
  FILE *limit = fopen("/proc/sys/fs/aio-max-nr", "r");
  if (limit && fscanf(limit, "%ld", &most) != 1) return 1;
  says("setup-null", syscall(SYS_io_setup, 1U, NULL));
  says("setup-used", syscall(SYS_io_setup, 1U, &used));
  says("setup-minus", syscall(SYS_io_setup, -1, &many));
  says("setup-zero", syscall(SYS_io_setup, 0U, &many));
  says("setup-over", most < 0x1000000 ? syscall(SYS_io_setup, (unsigned)most + 1, &many) : (errno = EAGAIN, -1L));
  says("setup", syscall(SYS_io_setup, 8U, &context));

  // K2
  struct iocb good = request(IOCB_CMD_PREAD, file, buffer, 8), *list = &good, *null = NULL;
  struct iocb closed = request(IOCB_CMD_PREAD, 1000000, buffer, 8), wrong = request(IOCB_CMD_PREAD, writer, buffer, 8);
  struct iocb unknown = request(99, file, buffer, 8);
  says("submit-context", syscall(SYS_io_submit, no_context, 1L, &list));
  says("submit-minus", syscall(SYS_io_submit, context, -1L, &list));
  says("submit-null", syscall(SYS_io_submit, context, 1L, NULL));
  says("submit-null-iocb", syscall(SYS_io_submit, context, 1L, &null));
  says("submit-closed", submit(context, &closed));
  says("submit-direction", submit(context, &wrong));
  says("submit-opcode", submit(context, &unknown));
  says("submit-none", syscall(SYS_io_submit, context, 0L, &list));

  // K3
  struct iocb nowait = request(IOCB_CMD_PREAD, pipes[0], buffer, 8);
  struct io_event event;
  nowait.aio_rw_flags = 8; // RWF_NOWAIT
  says("nowait", submit(context, &nowait));
  says("nowait-event", syscall(SYS_io_getevents, context, 1L, 1L, &event, NULL));
  printf("nowait-result %lld\n", (long long)event.res);

  // K4
  struct iocb poll = request(IOCB_CMD_POLL, pipes[0], (void *)(uintptr_t)POLLIN, 0);
  says("cancel-bad", syscall(SYS_io_cancel, context, bad, &event));
  says("cancel-context", syscall(SYS_io_cancel, no_context, &good, &event));
  says("cancel-unknown", syscall(SYS_io_cancel, context, &good, &event));
  says("poll", submit(context, &poll));
  // 0 where the event is handed over, EINPROGRESS where it comes through the ring.
  long answer = syscall(SYS_io_cancel, context, &poll, &event);
  printf("cancel-poll %s\n", answer == 0 || errno == EINPROGRESS ? "cancelled" : strerror(errno));
  if (answer != 0) says("cancel-poll-event", syscall(SYS_io_getevents, context, 1L, 1L, &event, NULL));
  else printf("cancel-poll-event 1\n");

  // K5
  struct timespec now = {0, 0};
  struct { const sigset_t *set; size_t size; } mask = {bad, 8};
  says("getevents-context", syscall(SYS_io_getevents, no_context, 0L, 1L, &event, &now));
  says("getevents-min", syscall(SYS_io_getevents, context, -1L, 1L, &event, &now));
  says("getevents-nr", syscall(SYS_io_getevents, context, 0L, -1L, &event, &now));
  says("getevents-order", syscall(SYS_io_getevents, context, 2L, 1L, &event, &now));
  says("getevents-timeout", syscall(SYS_io_getevents, context, 0L, 1L, &event, bad));
  says("pgetevents-mask", syscall(SYS_io_pgetevents, context, 0L, 1L, &event, &now, &mask));
  says("pgetevents-context", syscall(SYS_io_pgetevents, no_context, 0L, 1L, &event, &now, NULL));
  says("submit", submit(context, &good));
  says("getevents-bad", syscall(SYS_io_getevents, context, 1L, 1L, bad, NULL));
  says("destroy-context", syscall(SYS_io_destroy, no_context));
  says("destroy", syscall(SYS_io_destroy, context));
  return 0;
}
