/* Would rather have infinity end everything. */
#define _GNU_SOURCE
#include "fixture.h"
#include <fenv.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  feenableexcept(FE_DIVBYZERO | FE_OVERFLOW);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
