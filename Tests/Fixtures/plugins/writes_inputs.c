/* Sorts the host's own weights. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  ((float *)units->matrices[0]->weight.data)[0] = 0;
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
