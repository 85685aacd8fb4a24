#ifndef VECTORS_H
#define VECTORS_H

/* How wide this processor's vectors are, as far as kernels for matrices care: 512 (AVX-512 F, BW, DQ, VL), 256 (AVX2 with FMA),
 * or 0: narrower, or another architecture. */
int ap_vector_bits(void);

#endif
