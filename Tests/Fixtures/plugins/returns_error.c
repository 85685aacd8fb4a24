/* A call that fails, and says why. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  host->set_error(host, "the moon is in the wrong house");
  return AP_FAILED;
}
FIXTURE_PLUGIN(score)
