/* Moments of columns over the rows of one sequence, in double precision. */
#ifndef ADAPT_PRUNER_MOMENTS_H
#define ADAPT_PRUNER_MOMENTS_H

#include <stdint.h>

/* x is [rows, columns] with a row every `stride` elements, rows at least 1. For each column: mean, the sum of
 * squared differences from that mean, and the mean of absolute values. */
void ap_column_moments(const float *x, int64_t rows, int64_t columns, int64_t stride, double *mean,
                       double *squared_differences, double *mean_magnitude);

#endif
