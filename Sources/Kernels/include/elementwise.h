/* Element-wise work on rows of float32, a block of rows a call. Matrices are row-major, and packed unless a stride is
 * named. No pointer is null unless marked. Outputs do not overlap inputs unless "in place" is said. Each function
 * is compiled for several vector widths, and the loader picks one. */
#ifndef ADAPT_PRUNER_ELEMENTWISE_H
#define ADAPT_PRUNER_ELEMENTWISE_H

#include <stdint.h>

/* y[r,c] = x[r,c] * inverse_rms[r] * weight[c], inverse_rms[r] = 1 / sqrt(mean(x[r,:]^2) + epsilon). */
void ap_rms_norm(const float *x, const float *weight, float epsilon, int64_t rows, int64_t columns,
                 int64_t x_stride, int64_t y_stride, float *y, float *inverse_rms);

/* Adds the gradient of ap_rms_norm with respect to x to dx, and with respect to weight to dweight. */
void ap_rms_norm_backward(const float *x, const float *weight, const float *inverse_rms, const float *dy,
                          int64_t rows, int64_t columns, int64_t x_stride, int64_t dy_stride,
                          int64_t dx_stride, float *dx, float *dweight);

/* gate_up is [rows, 2 * columns], gates first. out[r,c] = silu(gate) * up. */
void ap_swiglu(const float *gate_up, int64_t rows, int64_t columns, float *out);

/* With dout the gradient of `out`, writes that of gate_up, which may be gate_up itself (in place). */
void ap_swiglu_backward(const float *gate_up, const float *dout, int64_t rows, int64_t columns,
                        float *dgate_up);

/* The same with GELU's approximation by tanh in place of silu, as Gemma has it. */
void ap_geglu(const float *gate_up, int64_t rows, int64_t columns, float *out);
void ap_geglu_backward(const float *gate_up, const float *dout, int64_t rows, int64_t columns,
                       float *dgate_up);

/* y = cap * tanh(scale * x / cap), in place: the soft cap of scores and logits (Gemma 2, arXiv 2408.00118). */
void ap_soft_cap(float *x, int64_t count, float scale, float cap);

/* With y what ap_soft_cap made and d its gradient: d becomes that of x, scale * (1 - (y / cap)^2) * d. */
void ap_soft_cap_backward(const float *y, float *d, int64_t count, float scale, float cap);

/* Rotates pairs (i, i + head_dimension / 2) of `heads` neighbouring heads in each row, in place. cosine and sine are
 * [rows, head_dimension / 2]. direction +1 rotates; -1 rotates back, which is the gradient. */
void ap_rope(float *x, int64_t rows, int64_t stride, int64_t heads, int64_t head_dimension,
             const float *cosine, const float *sine, float direction);

/* Softmax of scale * x over the columns that row r sees, zero elsewhere. In place. Row r sees the columns
 * max(0, position + r - window + 1) ... position + r (window 0: no lower bound). */
void ap_causal_softmax(float *x, int64_t rows, int64_t columns, int64_t stride, int64_t position,
                       int64_t window, float scale);

/* ds = scale * p * (dp - sum(p * dp)) row by row, over dp (in place). */
void ap_softmax_backward(const float *p, float *dp, int64_t rows, int64_t columns, int64_t stride,
                         float scale);

/* Row r: *loss = logsumexp(logits) - logits[target], in double; targets[r] < 0 is skipped (loss 0).
 * scales: if not null, the logits are overwritten by the gradient of scales[r] * loss[r] (0 for skipped). */
void ap_cross_entropy(float *logits, int64_t rows, int64_t columns, const int32_t *targets,
                      const float *scales, double *losses);

/* A column drawn with the probabilities of softmax(logits): the first whose cumulative share exceeds `uniform`,
 * a number in [0, 1). The logits are overwritten. */
int32_t ap_draw(float *logits, int64_t columns, double uniform);

/* Row by row: cosine of x and y, their Euclidean and their Manhattan distance, as doubles. */
void ap_row_distances(const float *x, const float *y, int64_t rows, int64_t columns, double *cosine,
                      double *euclidean, double *manhattan);

/* x is [rows, columns], rows at least 1. For each column: the mean, the sum of squared differences from it, and the mean
 * of absolute values, in double precision. */
void ap_column_moments(const float *x, int64_t rows, int64_t columns, int64_t stride, double *mean,
                       double *squared_differences, double *mean_magnitude);

/* sums[r,:] += Σ x·y, Σ x², Σ y², Σ (x − y)² over the columns of row r, as doubles: sums is [rows, 4]. */
void ap_row_products(const float *x, const float *y, int64_t rows, int64_t columns, double *sums);

/* x[r,:] += bias. */
void ap_add_bias(float *x, const float *bias, int64_t rows, int64_t columns, int64_t stride);

/* sums[c] += sum over rows of x[r,c]. */
void ap_column_sums(const float *x, int64_t rows, int64_t columns, int64_t stride, float *sums);

/* y += alpha * x; and square += alpha * x * x. */
void ap_add_scaled(const float *x, int64_t count, float alpha, float *y);
void ap_add_scaled_square(const float *x, int64_t count, float alpha, float *square);

/* sum of x * y in double. */
double ap_dot(const float *x, const float *y, int64_t count);

#endif
