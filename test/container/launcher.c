// Runs a program the way a container or a hardened system would, without one:
//
//   launcher [--io-uring=EPERM|ENOSYS] [--aio=EPERM|ENOSYS] [--openat2=EPERM|ENOSYS] [--cached=nothing]
//            [--memlock=BYTES] [--nofile=N] [--nproc=N] [--user=UID] -- program arguments…
//
// --io-uring and --aio install a seccomp filter that answers the system calls of io_uring, or of Linux AIO, with the
// error: EPERM as the default profiles of Docker and Kubernetes do, ENOSYS as Podman's does. So does --openat2. With
// --cached=nothing preadv2 with RWF_NOWAIT answers 0, as Linux 5.9 and 5.10 did for what was not cached.
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static void install(struct sock_filter *filter, size_t length) {
  struct sock_fprog program = {length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp");
}

static void forbid(int first, int last, int error) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  install(filter, sizeof filter / sizeof *filter);
}

static void cache_nothing(void) {
  enum { NOWAIT = 8 };  // RWF_NOWAIT; the lower half of argument 5
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NOWAIT, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  install(filter, sizeof filter / sizeof *filter);
}

static int error_named(const char *name) {
  if (!strcmp(name, "EPERM")) return EPERM;
  if (!strcmp(name, "ENOSYS")) return ENOSYS;
  fprintf(stderr, "launcher: unknown error %s\n", name);
  exit(125);
}

static void limit(int resource, const char *value) {
  struct rlimit limits = {strtoul(value, NULL, 10), strtoul(value, NULL, 10)};
  if (setrlimit(resource, &limits)) fail("setrlimit");
}

static const char *value_of(const char *argument, const char *option) {
  size_t length = strlen(option);
  return strncmp(argument, option, length) == 0 ? argument + length : NULL;
}

int main(int argc, char **argv) {
  int uring = 0, aio = 0, openat2 = 0, i = 1;
  bool caches = true;
  const char *user = NULL, *value;
  for (; i < argc && strcmp(argv[i], "--"); i++) {
    if ((value = value_of(argv[i], "--io-uring="))) uring = error_named(value);
    else if ((value = value_of(argv[i], "--aio="))) aio = error_named(value);
    else if ((value = value_of(argv[i], "--openat2="))) openat2 = error_named(value);
    else if (!strcmp(argv[i], "--cached=nothing")) caches = false;
    else if ((value = value_of(argv[i], "--memlock="))) limit(RLIMIT_MEMLOCK, value);
    else if ((value = value_of(argv[i], "--nofile="))) limit(RLIMIT_NOFILE, value);
    else if ((value = value_of(argv[i], "--nproc="))) limit(RLIMIT_NPROC, value);
    else if ((value = value_of(argv[i], "--user="))) user = value;
    else {
      fprintf(stderr, "launcher: unknown option %s\n", argv[i]);
      return 125;
    }
  }
  if (i + 1 >= argc) {
    fprintf(stderr, "launcher: no program\n");
    return 125;
  }
  if (user && (setgroups(0, NULL) || setgid(atoi(user)) || setuid(atoi(user)))) fail("setuid");
  if (uring) forbid(SYS_io_uring_setup, SYS_io_uring_register, uring);
  if (aio) forbid(SYS_io_setup, SYS_io_cancel, aio);
  if (openat2) forbid(SYS_openat2, SYS_openat2, openat2);
  if (!caches) cache_nothing();
  execvp(argv[i + 1], argv + i + 1);
  fail(argv[i + 1]);
}
