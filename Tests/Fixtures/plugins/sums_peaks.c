/* A unit scores the sum over its columns of a statistic that this host has only where a test registers it. */
#define FIXTURE_STATISTIC "input_peak"
#include "fixture.h"
static ap_status sum_peaks(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  for (int64_t u = 0; u < units->count; u++) {
    double sum = 0;
    for (int64_t m = 0; m < units->matrix_count; m++) {
      const ap_matrix *matrix = units->matrices[m];
      const float *peaks = matrix->statistics[0].data;
      if (matrix->axis != AP_COLUMNS || !peaks) continue;
      int64_t lines = matrix->repeats * matrix->positions;
      for (int64_t i = 0; i < lines; i++) sum += peaks[u * lines + i];
    }
    scores[u] = (float)sum;
  }
  return AP_OK;
}
FIXTURE_PLUGIN(sum_peaks)
