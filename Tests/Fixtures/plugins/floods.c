/* Has more to say than anybody can hear. */
#include "fixture.h"
#include <stdio.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  for (;;)
    if (fputs("it goes on\n", stderr) < 0) return AP_FAILED;
}
FIXTURE_PLUGIN(score)
