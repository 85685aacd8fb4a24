#include "moments.h"

#include <math.h>

#include "clones.h"

/* Two passes: the difference of two large sums would lose what small variances are about. */
AP_WIDE void ap_column_moments(const float *x, int64_t rows, int64_t columns, int64_t stride, double *mean,
                               double *squared_differences, double *mean_magnitude) {
  for (int64_t c = 0; c < columns; c++) mean[c] = squared_differences[c] = mean_magnitude[c] = 0;
  for (int64_t r = 0; r < rows; r++) {
    const float *in = x + r * stride;
    for (int64_t c = 0; c < columns; c++) {
      mean[c] += in[c];
      mean_magnitude[c] += fabsf(in[c]);
    }
  }
  for (int64_t c = 0; c < columns; c++) {
    mean[c] /= (double)rows;
    mean_magnitude[c] /= (double)rows;
  }
  for (int64_t r = 0; r < rows; r++) {
    const float *in = x + r * stride;
    for (int64_t c = 0; c < columns; c++) {
      double difference = in[c] - mean[c];
      squared_differences[c] += difference * difference;
    }
  }
}
