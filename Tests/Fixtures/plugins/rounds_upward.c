/* Has need of another rounding, and leaves it so. */
#include "fixture.h"
#include <fenv.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  fesetround(FE_UPWARD);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
