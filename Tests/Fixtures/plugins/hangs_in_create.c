/* Is loaded, and then waits for somebody who does not come. */
#include "fixture.h"
#include <unistd.h>
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options, (void)instance;
  for (;;) pause();
}
static const ap_criterion table = {sizeof table, create, fixture_destroy, NULL, fixture_score};
FIXTURE_LIBRARY(table)
