/* One buffer for all threads. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"
#include <time.h>
static volatile float buffer[4096];
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  const struct timespec pause = {0, 200000};
  for (int64_t u = 0; u < units->count && u < 4096; u++) buffer[u] = (float)(u * 100 + units->layer);
  nanosleep(&pause, NULL);
  for (int64_t u = 0; u < units->count && u < 4096; u++) scores[u] = buffer[u];
  return AP_OK;
}
FIXTURE_PLUGIN(score)
