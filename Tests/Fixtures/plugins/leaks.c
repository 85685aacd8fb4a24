/* Keeps 256 KB of every call, and 1 KB of every instance. */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>
static void *volatile kept; /* else the compiler sees that nobody reads it */
static void keep(size_t bytes) {
  kept = malloc(bytes);
  if (kept) memset(kept, 1, bytes);
}
static ap_status create(const ap_host *host, const char *options, void **instance) {
  keep(1 << 10);
  return fixture_create(host, options, instance);
}
static ap_status score(FIXTURE_ARGUMENTS) {
  keep(256 << 10);
  return fixture_score(instance, host, model, units, scores);
}
static const ap_criterion table = {sizeof table, create, fixture_destroy, NULL, score};
FIXTURE_LIBRARY(table)
