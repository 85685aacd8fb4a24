// Stored weights to float32 and back to half precision.
//
// Block layouts: ggml, `ggml-common.h` (block_q4_0 … block_q6_K) and docs/gguf.md,
// https://github.com/ggml-org/ggml. A block keeps small integers q and a half-precision scale d:
//
//   q8_0, q4_0, q5_0   w = d·(q − zero), zero = 0, 8, 16
//   q4_1, q5_1         w = d·q + m
//   q4_K, q5_K         w = (d·s)·q − (dmin·m), a 6-bit s and m for each 32 of the 256
//   q6_K               w = (d·s)·(q − 32), an 8-bit s for each 16 of the 256
//
// Contraction to fused multiply-add is off, so that rounding happens in the order written here on every machine.
#include "dequantize.h"

#include <string.h>

#include "clones.h"

#pragma STDC FP_CONTRACT OFF

// clang would unroll these short loops first, and then vectorise them six times slower.
#if defined(__clang__)
#define ROLLED _Pragma("clang loop vectorize(enable) unroll(disable)")
#else
#define ROLLED
#endif

AP_INLINE float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

AP_INLINE uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

AP_INLINE uint16_t load16(const uint8_t *source) {
  uint16_t bits;
  memcpy(&bits, source, sizeof bits);
  return bits;
}

AP_INLINE uint32_t load32(const uint8_t *source) {
  uint32_t bits;
  memcpy(&bits, source, sizeof bits);
  return bits;
}

// The half's exponent and fraction, moved to float32's places, are 2^112 too small. The product is exact, also for
// subnormals. Infinity and NaN get the full exponent instead.
AP_INLINE float float_of_half(uint16_t half) {
  uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t finite = bits_of(float_of(magnitude) * 0x1p112f);
  uint32_t special = magnitude | 0x7f800000u;
  return float_of(((half & 0x7c00) == 0x7c00 ? special : finite) | sign);
}

// MARK: Plain types

void ap_dequantize_f32(const uint8_t *source, float *destination, int64_t count) {
  memcpy(destination, source, (size_t)count * sizeof(float));
}

AP_WIDE void ap_dequantize_f16(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t i = 0; i < count; i++) destination[i] = float_of_half(load16(source + 2 * i));
}

AP_WIDE void ap_dequantize_bf16(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t i = 0; i < count; i++) destination[i] = float_of((uint32_t)load16(source + 2 * i) << 16);
}

void ap_dequantize_f64(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    double value;
    memcpy(&value, source + 8 * i, sizeof value);
    destination[i] = (float)value;
  }
}

// MARK: Blocks of 32
//
// The low nibbles of the 16 bytes are elements 0…15, the high ones 16…31.

AP_WIDE void ap_dequantize_q4_0(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 32; block++, source += 18, destination += 32) {
    float d = float_of_half(load16(source));
    const uint8_t *q = source + 2;
    ROLLED for (int j = 0; j < 16; j++) {
      destination[j] = d * (float)((q[j] & 15) - 8);
      destination[j + 16] = d * (float)((q[j] >> 4) - 8);
    }
  }
}

AP_WIDE void ap_dequantize_q4_1(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 32; block++, source += 20, destination += 32) {
    float d = float_of_half(load16(source));
    float m = float_of_half(load16(source + 2));
    const uint8_t *q = source + 4;
    ROLLED for (int j = 0; j < 16; j++) {
      destination[j] = d * (float)(q[j] & 15) + m;
      destination[j + 16] = d * (float)(q[j] >> 4) + m;
    }
  }
}

// The fifth bit of element j is bit j of the 32-bit word.

AP_WIDE void ap_dequantize_q5_0(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 32; block++, source += 22, destination += 32) {
    float d = float_of_half(load16(source));
    uint32_t fifth = load32(source + 2);
    const uint8_t *q = source + 6;
    for (int j = 0; j < 16; j++) {
      int low = (q[j] & 15) | (int)((fifth >> j & 1) << 4);
      int high = (q[j] >> 4) | (int)((fifth >> (j + 16) & 1) << 4);
      destination[j] = d * (float)(low - 16);
      destination[j + 16] = d * (float)(high - 16);
    }
  }
}

AP_WIDE void ap_dequantize_q5_1(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 32; block++, source += 24, destination += 32) {
    float d = float_of_half(load16(source));
    float m = float_of_half(load16(source + 2));
    uint32_t fifth = load32(source + 4);
    const uint8_t *q = source + 8;
    for (int j = 0; j < 16; j++) {
      int low = (q[j] & 15) | (int)((fifth >> j & 1) << 4);
      int high = (q[j] >> 4) | (int)((fifth >> (j + 16) & 1) << 4);
      destination[j] = d * (float)low + m;
      destination[j + 16] = d * (float)high + m;
    }
  }
}

AP_WIDE void ap_dequantize_q8_0(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 32; block++, source += 34, destination += 32) {
    float d = float_of_half(load16(source));
    const int8_t *q = (const int8_t *)source + 2;
    for (int j = 0; j < 32; j++) destination[j] = d * (float)q[j];
  }
}

// MARK: Super-blocks of 256

// Eight 6-bit scales and eight 6-bit minima in twelve bytes. The first four of each have a byte's low six
// bits. Of the last four, the low nibbles share a byte and the upper two bits sit above the first four's.
AP_INLINE void scale_and_minimum(const uint8_t *packed, int group, float *scale, float *minimum) {
  if (group < 4) {
    *scale = (float)(packed[group] & 63);
    *minimum = (float)(packed[group + 4] & 63);
  } else {
    *scale = (float)((packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4);
    *minimum = (float)((packed[group + 4] >> 4) | (packed[group] >> 6) << 4);
  }
}

AP_WIDE void ap_dequantize_q4_K(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 256; block++, source += 144) {
    float d = float_of_half(load16(source));
    float dmin = float_of_half(load16(source + 2));
    const uint8_t *scales = source + 4;
    const uint8_t *q = source + 16;
    // A run of 32 bytes has 64 elements: the low nibbles, then the high ones.
    for (int group = 0; group < 8; group += 2, q += 32, destination += 64) {
      float s0, m0, s1, m1;
      scale_and_minimum(scales, group, &s0, &m0);
      scale_and_minimum(scales, group + 1, &s1, &m1);
      s0 *= d, s1 *= d, m0 *= dmin, m1 *= dmin;
      ROLLED for (int j = 0; j < 32; j++) destination[j] = s0 * (float)(q[j] & 15) - m0;
      ROLLED for (int j = 0; j < 32; j++) destination[j + 32] = s1 * (float)(q[j] >> 4) - m1;
    }
  }
}

AP_WIDE void ap_dequantize_q5_K(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 256; block++, source += 176) {
    float d = float_of_half(load16(source));
    float dmin = float_of_half(load16(source + 2));
    const uint8_t *scales = source + 4;
    const uint8_t *fifth = source + 16;  // bit g of byte j: element j of group g
    const uint8_t *q = source + 48;
    for (int group = 0; group < 8; group += 2, q += 32, destination += 64) {
      float s0, m0, s1, m1;
      scale_and_minimum(scales, group, &s0, &m0);
      scale_and_minimum(scales, group + 1, &s1, &m1);
      s0 *= d, s1 *= d, m0 *= dmin, m1 *= dmin;
      for (int j = 0; j < 32; j++) {
        int low = (q[j] & 15) | (fifth[j] >> group & 1) << 4;
        int high = (q[j] >> 4) | (fifth[j] >> (group + 1) & 1) << 4;
        destination[j] = s0 * (float)low - m0;
        destination[j + 32] = s1 * (float)high - m1;
      }
    }
  }
}

AP_WIDE void ap_dequantize_q6_K(const uint8_t *restrict source, float *restrict destination, int64_t count) {
  for (int64_t block = 0; block < count / 256; block++, source += 210) {
    const uint8_t *low = source;          // 128 bytes: four bits an element
    const uint8_t *high = source + 128;   // 64 bytes: two bits an element
    const int8_t *scales = (const int8_t *)source + 192;
    float d = float_of_half(load16(source + 208));
    for (int half = 0; half < 2; half++, low += 64, high += 32, scales += 8, destination += 128) {
      for (int j = 0; j < 32; j++) {
        int q0 = (low[j] & 15) | (high[j] & 3) << 4;
        int q1 = (low[j + 32] & 15) | (high[j] >> 2 & 3) << 4;
        int q2 = (low[j] >> 4) | (high[j] >> 4 & 3) << 4;
        int q3 = (low[j + 32] >> 4) | (high[j] >> 6) << 4;
        const int8_t *s = scales + j / 16;
        destination[j] = d * (float)s[0] * (float)(q0 - 32);
        destination[j + 32] = d * (float)s[2] * (float)(q1 - 32);
        destination[j + 64] = d * (float)s[4] * (float)(q2 - 32);
        destination[j + 96] = d * (float)s[6] * (float)(q3 - 32);
      }
    }
  }
}

// MARK: Narrowing

// Below 2^-14 a half counts in steps of 2^-24: adding 1/2 makes the float unit round there for us.
AP_INLINE uint16_t half_of_float(float value) {
  uint32_t bits = bits_of(value);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x1ff);
  uint32_t result = magnitude < 0x38800000u   ? subnormal
                    : magnitude < 0x477ff000u ? normal  // 65520 and above round to infinity
                    : magnitude > 0x7f800000u ? nan
                                              : 0x7c00;
  return (uint16_t)(result | sign);
}

AP_WIDE int64_t ap_narrow_f16(const float *restrict source, uint16_t *restrict destination, int64_t count) {
  int64_t overflowed = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t magnitude = bits_of(source[i]) & 0x7fffffff;
    destination[i] = half_of_float(source[i]);
    overflowed += magnitude >= 0x477ff000u && magnitude < 0x7f800000u;
  }
  return overflowed;
}

AP_WIDE int64_t ap_narrow_bf16(const float *restrict source, uint16_t *restrict destination, int64_t count) {
  int64_t overflowed = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits = bits_of(source[i]);
    uint32_t magnitude = bits & 0x7fffffff;
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    destination[i] = (uint16_t)(magnitude > 0x7f800000u ? (bits >> 16 | 0x40) : rounded);
    overflowed += magnitude >= 0x7f7f8000u && magnitude < 0x7f800000u;
  }
  return overflowed;
}

// Tests the exponent's bits, which no compiler option on arithmetic removes. A block is searched only if it has one.
AP_WIDE int64_t ap_first_not_finite(const float *values, int64_t count) {
  const uint32_t exponent = 0x7f800000;
  for (int64_t start = 0; start < count; start += 4096) {
    int64_t end = start + 4096 < count ? start + 4096 : count;
    uint32_t found = 0;
    for (int64_t i = start; i < end; i++) found |= (bits_of(values[i]) & exponent) == exponent;
    for (int64_t i = start; found && i < end; i++)
      if ((bits_of(values[i]) & exponent) == exponent) return i;
  }
  return -1;
}
