/* Has a function of its own of a name that is OpenBLAS' too: the loader takes the first that it finds. */
#include "fixture.h"
double cblas_ddot(int n, const double *x, int step_x, const double *y, int step_y);
double cblas_ddot(int n, const double *x, int step_x, const double *y, int step_y) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i * step_x] * y[i * step_y];
  return sum;
}
FIXTURE_PLUGIN(fixture_score)
