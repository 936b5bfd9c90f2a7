// Holds a lease on a file, as a file server does: whoever opens the file has to wait until it is given up.
//
// Usage: lease <path>. Says "leased"; "wanted" when somebody waits; and "given up" after a line on stdin.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = open(argv[1], O_RDWR), signo;
  if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0) return perror(argv[1]), 1;
  setbuf(stdout, NULL);
  puts("leased");
  sigwait(&set, &signo);
  puts("wanted");
  if (getchar() == EOF) return 1;
  if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0) return perror("F_UNLCK"), 1;
  puts("given up");
  return 0;
}
