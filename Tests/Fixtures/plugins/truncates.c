/* Takes away the memory that it shares with the host, as far as it can. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"
#include <unistd.h>
static ap_status score(FIXTURE_ARGUMENTS) {
  for (int file = 3; file < 16; file++) (void)!ftruncate(file, 0);
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
