/* 0 / 0 for the second unit. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  volatile float zero = 0;
  for (int64_t u = 0; u < units->count; u++) scores[u] = u == 1 ? zero / zero : 1;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
