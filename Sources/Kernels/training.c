#include "training.h"

#include <math.h>

#include "clones.h"
#include "exponential.h"

/* The optimizer's step, and the loss of distillation. */

AP_WIDE void ap_adamw(float *value, const float *gradient, float *m, float *v, int64_t count,
                      const ap_adamw_step *step) {
  const float beta1 = step->beta1, beta2 = step->beta2, epsilon = step->epsilon;
  const float scale = step->gradient_scale, inverse_root = 1.0f / step->correction2_root;
  const float keep = 1.0f - step->learning_rate * step->weight_decay;
  const float rate = step->learning_rate / step->correction1;
  for (int64_t i = 0; i < count; i++) {
    float g = gradient[i] * scale;
    float first = beta1 * m[i] + (1.0f - beta1) * g;
    float second = beta2 * v[i] + (1.0f - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    value[i] = keep * value[i] - rate * first / (sqrtf(second) * inverse_root + epsilon);
  }
}

AP_INLINE float most(const float *row, int64_t columns) {
  float largest = -INFINITY;
  for (int64_t c = 0; c < columns; c++) largest = row[c] > largest ? row[c] : largest;
  return largest;
}

/* As in ap_cross_entropy, exponentials are summed in blocks of float and the blocks in double.
 *
 *     KL(p || q) = sum p (log p - log q)    with log p = (t - max t) / T - log sum_t, and q alike
 *
 * So the sum over columns needs the teacher's exponentials alone. The gradient of T^2 KL with respect to s is
 * T (q - p). */
AP_WIDE void ap_distillation(float *s, float *t, int64_t rows, int64_t columns, const int32_t *targets,
                             const float *label_scales, const float *teacher_scales, float temperature,
                             double *cross_entropies, double *divergences) {
  const float inverse = 1.0f / temperature;
  for (int64_t r = 0; r < rows; r++) {
    float *student = s + r * columns, *teacher = t + r * columns;
    const int has_target = targets[r] >= 0 && targets[r] < columns;
    const float top_student = most(student, columns), top_teacher = most(teacher, columns);
    const double target = has_target ? (double)student[targets[r]] : 0;

    double sum_teacher = 0, difference = 0, sum_student = 0, sum_plain = 0;
    for (int64_t block = 0; block < columns; block += 512) {
      int64_t end = block + 512 < columns ? block + 512 : columns;
      float teachers = 0, differences = 0, students = 0, plain = 0;
      for (int64_t c = block; c < end; c++) {
        float from_top_teacher = (teacher[c] - top_teacher) * inverse;
        float from_top_student = (student[c] - top_student) * inverse;
        float e = exponential(from_top_teacher);
        teachers += e;
        differences += e * (from_top_teacher - from_top_student);
        students += exponential(from_top_student);
        plain += exponential(student[c] - top_student);
        teacher[c] = e;
      }
      sum_teacher += (double)teachers;
      difference += (double)differences;
      sum_student += (double)students;
      sum_plain += (double)plain;
    }
    double square = (double)temperature * (double)temperature;
    divergences[r] = square * (difference / sum_teacher - log(sum_teacher) + log(sum_student));
    cross_entropies[r] = has_target ? (double)top_student + log(sum_plain) - target : 0;

    const float of_labels = has_target ? label_scales[r] : 0;
    const float plain = (float)((double)of_labels / sum_plain);
    const float soft = (float)((double)(teacher_scales[r] * temperature) / sum_student);
    const float wanted = (float)((double)(teacher_scales[r] * temperature) / sum_teacher);
    for (int64_t c = 0; c < columns; c++) {
      float from_top = student[c] - top_student;
      student[c] = plain * exponential(from_top) + soft * exponential(from_top * inverse) - wanted * teacher[c];
    }
    if (has_target) student[targets[r]] -= of_labels;
  }
}

AP_WIDE double ap_squared_difference(const float *x, const float *y, int64_t count, float scale,
                                     float *gradient) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    float difference = x[i] - y[i];
    sum += (double)difference * (double)difference;
    gradient[i] += scale * difference;
  }
  return sum;
}
