/* What the machine has: processors, vectors, memory. */
#ifndef ADAPT_PRUNER_MACHINE_H
#define ADAPT_PRUNER_MACHINE_H

#include <stdint.h>

/* Processors that this process is allowed to run on. */
int32_t ap_available_processors(void);

/* The width of vectors for matrix kernels: 512 (AVX-512 F, BW, DQ, VL), 256 (AVX2 with FMA), or 0 for anything else. */
int ap_vector_bits(void);

/* Returns freed memory that the allocator keeps to the system. */
void ap_return_free_memory(void);

#endif
