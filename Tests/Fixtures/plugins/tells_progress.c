/* Says in each call how far it is. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  host->progress(host, 1, 2);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
