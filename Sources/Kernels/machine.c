#define _GNU_SOURCE /* for sched_getaffinity */
#include "machine.h"

#include <sched.h>
#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* What the machine has: processors, vectors, memory. */

int32_t ap_available_processors(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

int ap_vector_bits(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  int is_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return is_wide ? 512 : 256;
#else
  return 0;
#endif
}

void ap_return_free_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
