/* A call that fails, and does not say why. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  return AP_UNSUPPORTED;
}
FIXTURE_PLUGIN(score)
