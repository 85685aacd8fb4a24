/* The exponential that loops over elements can inline. */
#ifndef ADAPT_PRUNER_EXPONENTIAL_H
#define ADAPT_PRUNER_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#include "clones.h"

/* e^x for float32 within 2 units in the last place. There is no call, so loops over it vectorise.
 *
 *     e^x = 2^n * e^f    with f = x - n ln 2 in [-ln2/2, ln2/2]
 *
 * Taylor's polynomial of degree 7 gives e^f. Its remainder, f^8/8!, is below 6e-9. ln 2 is split in two floats, as Cody
 * and Waite have it. */
AP_INLINE float exponential(float x) {
#pragma clang fp reassociate(off) /* else the two parts of ln 2 would be joined again */
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.3f ? -87.3f : x;
  float n = __builtin_rintf(x * 1.44269504088896341f);
  float f = x - n * 0.693359375f;
  f = f - n * -2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * f + 1.0f / 720.0f;
  p = p * f + 1.0f / 120.0f;
  p = p * f + 1.0f / 24.0f;
  p = p * f + 1.0f / 6.0f;
  p = p * f + 0.5f;
  p = p * f + 1.0f;
  p = p * f + 1.0f;
  int32_t bits = ((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

#endif
