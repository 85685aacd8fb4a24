/* Looks at the row behind the last one. */
#include "fixture.h"
static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  const ap_matrix *matrix = units->matrices[0];
  const float *weight = matrix->weight.data;
  volatile float behind = weight[matrix->weight.shape[0] * matrix->weight.shape[1]];
  (void)behind;
  return fixture_score(instance, host, model, units, scores);
}
FIXTURE_PLUGIN(score)
