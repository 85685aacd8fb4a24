/* Believes that structs never grow. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  if (units->struct_size != sizeof *units) {
    host->set_error(host, "ap_units has a size that I do not know");
    return AP_FAILED;
  }
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
