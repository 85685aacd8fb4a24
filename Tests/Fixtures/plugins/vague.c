/* An option that says nothing of itself, and fails for some of what it lets through without a reason. */
#define FIXTURE_SCHEMA "{\"type\": \"object\", \"properties\": {\"power\": {\"default\": 1}}}"
#include "fixture.h"
#include <string.h>
static ap_status create(const ap_host *host, const char *options, void **instance) {
  if (strchr(options, '[')) return AP_INVALID_OPTIONS;
  return fixture_create(host, options, instance);
}
static const ap_criterion table = {sizeof table, create, fixture_destroy, NULL, fixture_score};
FIXTURE_LIBRARY(table)
