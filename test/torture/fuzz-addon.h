// Between fuzz-addon.c, which makes calls, and fuzz-values.c, which makes up their arguments.
#ifndef LINUX_AIO_FUZZ_ADDON_H
#define LINUX_AIO_FUZZ_ADDON_H

#include "fake-node.h"

enum { FDS = 12, GIVEN = 128, RINGS = 2, KEPT = 24, PARAMS = 120 };

struct ring {
  napi_value object;
  struct queues *q;  // NULL once closed
  struct params params;
  bool is_uring, closes;
  uint32_t prepared;
};

extern napi_env env;
extern napi_value kept[KEPT];  // of an environment: what garbage collection may find
extern struct ring rings[RINGS];
extern int fds[FDS], given[GIVEN], given_count;  // the harness's descriptors; those that the addon has opened

// The input, byte after byte; zeros behind its end.
void read_input(const uint8_t *data, size_t size);
bool has_input(void);
uint8_t byte(void);
uint32_t word(void);
// An argument of the kind that a letter of `calls` names, or any other.
napi_value argument(char kind);

#endif
