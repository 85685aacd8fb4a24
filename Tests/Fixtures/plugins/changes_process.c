/* Would rather not be told to end. */
#include "fixture.h"
#include <signal.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  signal(SIGTERM, SIG_IGN);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
