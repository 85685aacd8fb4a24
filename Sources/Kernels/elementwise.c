#include "elementwise.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "exponential.h"

/* Norms, activations, rotations, softmax, cross entropy and sums, row by row. */

AP_INLINE float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

AP_WIDE void ap_rms_norm(const float *x, const float *weight, float epsilon, int64_t rows, int64_t columns,
                         int64_t x_stride, int64_t y_stride, float *y, float *inverse_rms) {
  for (int64_t r = 0; r < rows; r++) {
    const float *in = x + r * x_stride;
    float *out = y + r * y_stride;
    float squares = 0;
    for (int64_t c = 0; c < columns; c++) squares += in[c] * in[c];
    float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
    inverse_rms[r] = inverse;
    for (int64_t c = 0; c < columns; c++) out[c] = in[c] * inverse * weight[c];
  }
}

/* With n = x * i: dx = i * (w dy - n * mean(n * w dy)), dweight = sum over rows of dy * n. */
AP_WIDE void ap_rms_norm_backward(const float *x, const float *weight, const float *inverse_rms,
                                  const float *dy, int64_t rows, int64_t columns, int64_t x_stride,
                                  int64_t dy_stride, int64_t dx_stride, float *dx, float *dweight) {
  for (int64_t r = 0; r < rows; r++) {
    const float *in = x + r * x_stride, *g = dy + r * dy_stride;
    float *out = dx + r * dx_stride;
    float inverse = inverse_rms[r], along = 0;
    for (int64_t c = 0; c < columns; c++) {
      along += in[c] * weight[c] * g[c];
      dweight[c] += g[c] * in[c] * inverse;
    }
    float shrink = along * inverse * inverse * inverse / (float)columns;
    for (int64_t c = 0; c < columns; c++) out[c] += inverse * weight[c] * g[c] - shrink * in[c];
  }
}

AP_WIDE void ap_swiglu(const float *gate_up, int64_t rows, int64_t columns, float *out) {
  for (int64_t r = 0; r < rows; r++) {
    const float *gate = gate_up + r * 2 * columns, *up = gate + columns;
    float *o = out + r * columns;
    for (int64_t c = 0; c < columns; c++) o[c] = gate[c] * sigmoid(gate[c]) * up[c];
  }
}

/* silu'(g) = s(g) * (1 + g * (1 - s(g))) with s the logistic function. */
AP_WIDE void ap_swiglu_backward(const float *gate_up, const float *dout, int64_t rows, int64_t columns,
                                float *dgate_up) {
  for (int64_t r = 0; r < rows; r++) {
    const float *gate = gate_up + r * 2 * columns, *up = gate + columns, *d = dout + r * columns;
    float *dgate = dgate_up + r * 2 * columns, *dup = dgate + columns;
    for (int64_t c = 0; c < columns; c++) {
      float g = gate[c], u = up[c], s = sigmoid(g);
      dgate[c] = d[c] * u * s * (1.0f + g * (1.0f - s));
      dup[c] = d[c] * g * s;
    }
  }
}

/* gelu(x) = x/2 * (1 + tanh(u)) with u = sqrt(2/pi) * (x + 0.044715 x^3) (Hendrycks and Gimpel, arXiv 1606.08415).
 * Since (1 + tanh(u)) / 2 is the logistic function of 2u, it is x * s(2u). */
static const float TWICE_ROOT = 1.5957691216057308f; /* 2 * sqrt(2/pi) */
static const float CUBIC = 0.044715f;

AP_INLINE float gelu_share(float x) {
  return 1.0f / (1.0f + exponential(-TWICE_ROOT * (x + CUBIC * x * x * x)));
}

AP_WIDE void ap_geglu(const float *gate_up, int64_t rows, int64_t columns, float *out) {
  for (int64_t r = 0; r < rows; r++) {
    const float *gate = gate_up + r * 2 * columns, *up = gate + columns;
    float *o = out + r * columns;
    for (int64_t c = 0; c < columns; c++) o[c] = gate[c] * gelu_share(gate[c]) * up[c];
  }
}

/* gelu'(x) = s + x * s * (1 - s) * 2u', with 2u' = 2 sqrt(2/pi) * (1 + 3 * 0.044715 x^2). */
AP_WIDE void ap_geglu_backward(const float *gate_up, const float *dout, int64_t rows, int64_t columns,
                               float *dgate_up) {
  for (int64_t r = 0; r < rows; r++) {
    const float *gate = gate_up + r * 2 * columns, *up = gate + columns, *d = dout + r * columns;
    float *dgate = dgate_up + r * 2 * columns, *dup = dgate + columns;
    for (int64_t c = 0; c < columns; c++) {
      float g = gate[c], u = up[c], s = gelu_share(g);
      float slope = TWICE_ROOT * (1.0f + 3.0f * CUBIC * g * g);
      dgate[c] = d[c] * u * (s + g * s * (1.0f - s) * slope);
      dup[c] = d[c] * g * s;
    }
  }
}

/* Up to 0.4 Taylor's polynomial of degree 11, whose next term is below 7e-8 of x. Beyond, 1 - 2 / (e^2x + 1), which
 * would cancel near 0. */
AP_INLINE float hyperbolic_tangent(float x) {
  float square = x * x;
  float p = -1382.0f / 155925.0f;
  p = p * square + 62.0f / 2835.0f;
  p = p * square - 17.0f / 315.0f;
  p = p * square + 2.0f / 15.0f;
  p = p * square - 1.0f / 3.0f;
  p = p * square + 1.0f;
  float far = 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
  return square < 0.16f ? x * p : far;
}

AP_WIDE void ap_soft_cap(float *x, int64_t count, float scale, float cap) {
  float factor = scale / cap;
  for (int64_t i = 0; i < count; i++) x[i] = cap * hyperbolic_tangent(factor * x[i]);
}

AP_WIDE void ap_soft_cap_backward(const float *y, float *d, int64_t count, float scale, float cap) {
  float inverse = 1.0f / cap;
  for (int64_t i = 0; i < count; i++) {
    float t = y[i] * inverse;
    d[i] *= scale * (1.0f - t * t);
  }
}

AP_WIDE void ap_rope(float *x, int64_t rows, int64_t stride, int64_t heads, int64_t head_dimension,
                     const float *cosine, const float *sine, float direction) {
  int64_t half = head_dimension / 2;
  for (int64_t r = 0; r < rows; r++) {
    const float *cs = cosine + r * half, *sn = sine + r * half;
    for (int64_t h = 0; h < heads; h++) {
      float *low = x + r * stride + h * head_dimension, *high = low + half;
      for (int64_t i = 0; i < half; i++) {
        float a = low[i], b = high[i], s = direction * sn[i];
        low[i] = a * cs[i] - b * s;
        high[i] = b * cs[i] + a * s;
      }
    }
  }
}

AP_WIDE void ap_causal_softmax(float *x, int64_t rows, int64_t columns, int64_t stride, int64_t position,
                               int64_t window, float scale) {
  for (int64_t r = 0; r < rows; r++) {
    float *row = x + r * stride;
    int64_t last = position + r + 1, first = window > 0 ? last - window : 0;
    if (first < 0) first = 0;
    if (last > columns) last = columns;
    float largest = -INFINITY, sum = 0;
    for (int64_t c = first; c < last; c++) largest = row[c] > largest ? row[c] : largest;
    for (int64_t c = first; c < last; c++) {
      float e = exponential(scale * (row[c] - largest));
      row[c] = e;
      sum += e;
    }
    float inverse = 1.0f / sum;
    for (int64_t c = 0; c < first; c++) row[c] = 0;
    for (int64_t c = first; c < last; c++) row[c] *= inverse;
    for (int64_t c = last; c < columns; c++) row[c] = 0;
  }
}

AP_WIDE void ap_softmax_backward(const float *p, float *dp, int64_t rows, int64_t columns, int64_t stride,
                                 float scale) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = p + r * stride;
    float *d = dp + r * stride, along = 0;
    for (int64_t c = 0; c < columns; c++) along += a[c] * d[c];
    for (int64_t c = 0; c < columns; c++) d[c] = scale * a[c] * (d[c] - along);
  }
}

/* Exponentials are summed in blocks of float, and the blocks in double. Over a vocabulary of 50,000 a plain float sum
 * is low by 1e-5, too much for a mean loss. */
AP_WIDE void ap_cross_entropy(float *logits, int64_t rows, int64_t columns, const int32_t *targets,
                              const float *scales, double *losses) {
  for (int64_t r = 0; r < rows; r++) {
    float *row = logits + r * columns;
    if (targets[r] < 0 || targets[r] >= columns) {
      losses[r] = 0;
      if (scales) memset(row, 0, (size_t)columns * sizeof(float));
      continue;
    }
    float largest = -INFINITY;
    for (int64_t c = 0; c < columns; c++) largest = row[c] > largest ? row[c] : largest;
    double target = row[targets[r]], sum = 0;
    for (int64_t block = 0; block < columns; block += 512) {
      int64_t end = block + 512 < columns ? block + 512 : columns;
      float part = 0;
      if (scales) {
        for (int64_t c = block; c < end; c++) {
          float e = exponential(row[c] - largest);
          row[c] = e;
          part += e;
        }
      } else {
        for (int64_t c = block; c < end; c++) part += exponential(row[c] - largest);
      }
      sum += (double)part;
    }
    losses[r] = (double)largest + log(sum) - target;
    if (scales) {
      float factor = (float)((double)scales[r] / sum);
      for (int64_t c = 0; c < columns; c++) row[c] *= factor;
      row[targets[r]] -= scales[r];
    }
  }
}

AP_WIDE int32_t ap_draw(float *logits, int64_t columns, double uniform) {
  float largest = -INFINITY;
  for (int64_t c = 0; c < columns; c++) largest = logits[c] > largest ? logits[c] : largest;
  double sum = 0;
  for (int64_t block = 0; block < columns; block += 512) {
    int64_t end = block + 512 < columns ? block + 512 : columns;
    float part = 0;
    for (int64_t c = block; c < end; c++) {
      float e = exponential(logits[c] - largest);
      logits[c] = e;
      part += e;
    }
    sum += (double)part;
  }
  double left = uniform * sum;
  int64_t last = 0; /* the last column that can be drawn, for when rounding leaves something over */
  for (int64_t c = 0; c < columns; c++) {
    if (logits[c] > 0) last = c;
    left -= (double)logits[c];
    if (left < 0) return (int32_t)c;
  }
  return (int32_t)last;
}

/* Two passes: the difference of two large sums would lose small variances. */
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

AP_WIDE void ap_row_distances(const float *x, const float *y, int64_t rows, int64_t columns, double *cosine,
                              double *euclidean, double *manhattan) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = y + r * columns;
    double xy = 0, xx = 0, yy = 0, squares = 0, absolutes = 0;
    for (int64_t c = 0; c < columns; c++) {
      double u = a[c], v = b[c], d = v - u;
      xy += u * v;
      xx += u * u;
      yy += v * v;
      squares += d * d;
      absolutes += fabs(d);
    }
    /* As torch.nn.functional.cosine_similarity: each norm at least 1e-8. */
    double nx = fmax(sqrt(xx), 1e-8), ny = fmax(sqrt(yy), 1e-8);
    cosine[r] = xy / (nx * ny);
    euclidean[r] = sqrt(squares);
    manhattan[r] = absolutes;
  }
}

AP_WIDE void ap_row_products(const float *x, const float *y, int64_t rows, int64_t columns, double *sums) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = y + r * columns;
    double xy = 0, xx = 0, yy = 0, squares = 0;
    for (int64_t c = 0; c < columns; c++) {
      double u = a[c], v = b[c], d = v - u;
      xy += u * v;
      xx += u * u;
      yy += v * v;
      squares += d * d;
    }
    sums[4 * r] += xy;
    sums[4 * r + 1] += xx;
    sums[4 * r + 2] += yy;
    sums[4 * r + 3] += squares;
  }
}

AP_WIDE void ap_add_bias(float *x, const float *bias, int64_t rows, int64_t columns, int64_t stride) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) x[r * stride + c] += bias[c];
}

AP_WIDE void ap_column_sums(const float *x, int64_t rows, int64_t columns, int64_t stride, float *sums) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) sums[c] += x[r * stride + c];
}

AP_WIDE void ap_add_scaled(const float *x, int64_t count, float alpha, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] += alpha * x[i];
}

AP_WIDE void ap_add_scaled_square(const float *x, int64_t count, float alpha, float *square) {
  for (int64_t i = 0; i < count; i++) square[i] += alpha * x[i] * x[i];
}

AP_WIDE double ap_dot(const float *x, const float *y, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}
