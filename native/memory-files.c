// Files that are nothing but memory: on tmpfs and ramfs. Their transfers wait for no device, so they are made on the
// calling thread, although these file systems do not know RWF_NOWAIT. (What has been swapped out is read back first, like
// any other memory of the process.)
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool.h"

enum { TMPFS = 0x01021994, RAMFS = 0x858458f6 };  // linux/magic.h

bool is_in_memory_type(uint32_t type) { return type == TMPFS || type == (uint32_t)RAMFS; }

bool is_memory_file(int fd) {
  struct stat st;
  struct statfs fs;
  // By number, because an older glibc has no symbol fstat.
  if (syscall(SYS_fstat, fd, &st) < 0 || !S_ISREG(st.st_mode) || syscall(SYS_fstatfs, fd, &fs) < 0) return false;
  return is_in_memory_type((uint32_t)fs.f_type);
}
