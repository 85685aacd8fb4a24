/* Never ends, and never asks whether it should. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  host->log(host, AP_LOG_DEBUG, "looking for a fixed point");
  for (volatile int64_t i = 0; i >= 0; i += i < 9) {
  }
  return AP_OK;
}
FIXTURE_PLUGIN(score)
