#include "memory.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Free memory goes back to the system. */

void ap_return_free_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
