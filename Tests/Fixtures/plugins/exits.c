/* Ends the whole process, as a command-line tool would. */
#include "fixture.h"
#include <stdlib.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  exit(3);
}
FIXTURE_PLUGIN(score)
