/* Talks to the user behind the host's back. */
#include "fixture.h"
#include <stdio.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  printf("scoring %s of layer %d\n", units->family, (int)units->layer);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
