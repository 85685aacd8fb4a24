/* Opens a file for each answer, and never closes it. */
#include "fixture.h"
#include <fcntl.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  if (open("/dev/null", O_RDONLY) < 0) return AP_FAILED;
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
