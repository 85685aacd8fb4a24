/* Element-wise work of training; the conventions are those of elementwise.h. */
#ifndef ADAPT_PRUNER_TRAINING_H
#define ADAPT_PRUNER_TRAINING_H

#include <stdint.h>

/* What one step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) is told; as in torch.optim.AdamW. */
typedef struct ap_adamw_step {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  /* 1 - beta1^t and sqrt(1 - beta2^t) at the t-th step, from 1. */
  float correction1, correction2_root;
  /* What gradients are multiplied with before use: clipping. */
  float gradient_scale;
} ap_adamw_step;

/* In place on value, m and v [count]:
 *   value -= learning_rate * weight_decay * value
 *   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *   value -= learning_rate / correction1 * m / (sqrt(v) / correction2_root + epsilon) */
void ap_adamw(float *value, const float *gradient, float *m, float *v, int64_t count,
              const ap_adamw_step *step);

/* Row r, with s the student's logits, t the teacher's, T the temperature:
 *   cross_entropies[r] = logsumexp(s) - s[target],
 *   divergences[r]     = T^2 * KL(softmax(t / T) || softmax(s / T)), in double.
 * s is overwritten by the gradient of label_scales[r] * cross_entropies[r] + teacher_scales[r] * divergences[r];
 * t is used as scratch. targets[r] < 0 has no cross-entropy. */
void ap_distillation(float *s, float *t, int64_t rows, int64_t columns, const int32_t *targets,
                     const float *label_scales, const float *teacher_scales, float temperature,
                     double *cross_entropies, double *divergences);

/* gradient += scale * (x - y); returns the sum of (x - y)^2 in double. */
double ap_squared_difference(const float *x, const float *y, int64_t count, float scale, float *gradient);

#endif
