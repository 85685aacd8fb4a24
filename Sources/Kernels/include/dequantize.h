// Stored weights to float32, and back for writing.
//
// Every `ap_widen_*` reads `count` elements (a multiple of the type's block) from `source`, aligned or not, and
// writes `count` floats to `destination`. Nothing is allocated, nothing overlaps. Results are the same bits on every
// processor.
//
// [any thread]
#pragma once
#include <stdint.h>

void ap_dequantize_f32(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_f16(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_bf16(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_f64(const uint8_t *source, float *destination, int64_t count);

// Blocks of 32.
void ap_dequantize_q4_0(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q4_1(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q5_0(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q5_1(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q8_0(const uint8_t *source, float *destination, int64_t count);

// Super-blocks of 256.
void ap_dequantize_q4_K(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q5_K(const uint8_t *source, float *destination, int64_t count);
void ap_dequantize_q6_K(const uint8_t *source, float *destination, int64_t count);

/// Rounds to nearest, ties to even. Returns how many finite values became infinite.
int64_t ap_narrow_f16(const float *source, uint16_t *destination, int64_t count);
/// Rounds to nearest, ties to even. Returns how many finite values became infinite.
int64_t ap_narrow_bf16(const float *source, uint16_t *destination, int64_t count);

/// The index of the first of `count` dequantized values that is NaN or infinite; -1 if there is none.
int64_t ap_first_not_finite(const float *values, int64_t count);
