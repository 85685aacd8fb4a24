/* Tells whoever comes after it how many threads to use. */
#define _GNU_SOURCE
#include "fixture.h"
#include <stdlib.h>
__attribute__((constructor)) static void tell(void) { setenv("OMP_NUM_THREADS", "1", 1); }
FIXTURE_PLUGIN(fixture_score)
