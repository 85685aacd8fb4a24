/* Lets everybody write to what is made from now on. */
#include "fixture.h"
#include <sys/stat.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  umask(0);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
