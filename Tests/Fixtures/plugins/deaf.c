/* Takes its time, whatever the user says. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"
#include <time.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  const struct timespec pause = {0, host->is_cancelled(host) ? 400000000 : 100000};
  for (int i = 0; i < 8; i++) nanosleep(&pause, NULL);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
