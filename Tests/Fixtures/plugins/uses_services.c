/* Uses every service that a criterion may use, and puts what came of it into its scores. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  if (host->is_cancelled(host)) {
    host->set_error(host, "stopped on request");
    return AP_CANCELLED;
  }
  host->log(host, AP_LOG_WARNING, "looking at it");
  host->progress(host, 1, 2);
  host->random_uniform(host, 5, scores, 2);
  /* [1, 2] · [3, 4]ᵀ = 11 */
  const float a[2] = {1, 2}, b[2] = {3, 4};
  ap_status status = host->sgemm(host, 0, 1, 1, 1, 2, 1, a, 2, b, 2, 0, scores + 2, 1);
  if (status != AP_OK) return status;
  /* What only evaluators may use answers "unsupported", and this plugin does not mind. */
  ap_corpus corpus;
  corpus.struct_size = sizeof corpus;
  if (host->open_data(host, "data", &corpus) != AP_UNSUPPORTED) return AP_FAILED;
  return AP_OK;
}
FIXTURE_PLUGIN(score)
