/* Says a word, and writes where there is nothing. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  host->log(host, AP_LOG_INFO, "about to take the square root of everything");
  *(volatile float *)8 = 1;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
