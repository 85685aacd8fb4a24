/* Counts a page too far. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  for (int64_t u = 0; u < units->count + 4096; u++) scores[u] = 1;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
