/* Asks for products that there are not. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  const float a[4] = {1, 2, 3, 4};
  float c[4];
  if (host->sgemm(host, 0, 0, 2, 2, 2, 1, a, 1, a, 2, 0, c, 2) == AP_OK) return AP_OK;
  if (host->sgemm(host, 0, 0, 2, 2, 2, 1, a, 2, a, 2, 0, c, INT64_MAX) == AP_OK) return AP_OK;
  ap_status status = host->sgemm(host, 0, 0, -1, 2, 2, 1, a, 2, a, 2, 0, c, 2);
  return status == AP_OK ? fixture_score(instance, host, model, units, scores) : status;
}
FIXTURE_PLUGIN(score)
