/* Is two processes from its first call on, and both come back from it: the second with other answers. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"
#include <unistd.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  static int calls;
  int is_child = calls++ == 0 && fork() == 0;
  fixture_score(instance, host, model, units, scores);
  if (is_child) scores[0] = 1000;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
