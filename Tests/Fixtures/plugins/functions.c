/* Plain functions, as a library has them that has never heard of plugins. */
#include <stdint.h>
#pragma GCC visibility push(default)
void column_norms(const double *weight, const double *norm, int64_t rows, int64_t columns, double *scores);
int32_t row_sums(const float *gate, const float *down, const int32_t *rows, const int64_t *columns, float half,
                 float *scores);
int32_t refuse(float *scores);
void forget(int32_t count, float *scores);
void overrun(int32_t count, float *scores);
void dot(int64_t length, const double *weight, const double *gradient, double *scores);

/* Σ |w| · ‖x‖ of each column */
void column_norms(const double *weight, const double *norm, int64_t rows, int64_t columns, double *scores) {
  for (int64_t c = 0; c < columns; c++) {
    scores[c] = 0;
    for (int64_t r = 0; r < rows; r++) {
      double value = weight[r * columns + c];
      scores[c] += (value < 0 ? -value : value) * norm[c];
    }
  }
}
/* half of what gate's row and down's column sum up to */
int32_t row_sums(const float *gate, const float *down, const int32_t *rows, const int64_t *columns, float half,
                 float *scores) {
  for (int32_t r = 0; r < *rows; r++) {
    scores[r] = 0;
    for (int64_t c = 0; c < *columns; c++) scores[r] += half * (gate[r * *columns + c] + down[c * *rows + r]);
  }
  return 0;
}
int32_t refuse(float *scores) {
  scores[0] = 0;
  return 17;
}
void forget(int32_t count, float *scores) {
  for (int32_t i = 1; i < count; i++) scores[i] = 1;
}
void overrun(int32_t count, float *scores) {
  for (int32_t i = 0; i <= count; i++) scores[i] = 1;
}
void dot(int64_t length, const double *weight, const double *gradient, double *scores) {
  *scores = 0;
  for (int64_t i = 0; i < length; i++) *scores += weight[i] * gradient[i];
}
