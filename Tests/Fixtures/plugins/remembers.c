/* Counts its calls in a global, and lets that have a say. */
#include "fixture.h"
static int calls;
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  calls++;
  for (int64_t u = 0; u < units->count; u++) scores[u] = (float)(u + calls);
  return AP_OK;
}
FIXTURE_PLUGIN(score)
