// Between the files of the native engine: linux-aio.c is the engine, linux-aio-facts.c knows what it is for.
#ifndef LINUX_AIO_LINUX_AIO_H
#define LINUX_AIO_LINUX_AIO_H

#include "pool.h"

enum { FSYNC_DATASYNC = 1 };

// What one call knows about descriptors.
struct facts {
  int flags_fd, flags;  // F_GETFL
  int stat_fd;
  uint32_t mode;
  uint64_t size;
  int memory_fd;
  bool is_memory;       // is_memory_file
};

// Whether the entry is for io_submit; the pool takes the others.
bool aio_takes(const struct sqe *e, struct facts *f);

#endif
