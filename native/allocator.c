// What the C library does with memory that is freed.
//
// glibc returns the free end of its heap to the system as soon as that is larger than twice the largest block it has
// freed so far. Buffers for whole files are about that large, and die in twos and threes: the memory of each then had to
// be faulted in again, page by page, which takes longer than reading the file (16 MiB in the page cache: 9 ms instead
// of 2.3). A block of the largest size that glibc learns from makes it keep up to 64 MiB, as after any such block that a
// program frees. The block is never touched, so it takes no memory. Elsewhere (musl) it is a malloc() and a free().
#include <stdlib.h>

#include "ring.h"

enum { LARGEST = (32 << 20) - 8192 };  // glibc: less than DEFAULT_MMAP_THRESHOLD_MAX, with its header in whole pages

napi_value allocator_keep_freed(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  void *volatile block = malloc(LARGEST);  // volatile: compilers remove a malloc() that is only freed
  free(block);
  return NULL;
}
