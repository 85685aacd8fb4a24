/* Writes all scores but the last. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  for (int64_t u = 0; u + 1 < units->count; u++) scores[u] = 1;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
