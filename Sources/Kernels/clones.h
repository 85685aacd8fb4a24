/* Vector widths that a hot function is compiled for; the loader picks one. */
#ifndef ADAPT_PRUNER_CLONES_H
#define ADAPT_PRUNER_CLONES_H
#if defined(__x86_64__) && defined(__linux__)
#define AP_WIDE __attribute__((target_clones("avx512f", "arch=x86-64-v3", "default")))
#else
#define AP_WIDE
#endif
#define AP_INLINE static inline __attribute__((always_inline))
#endif
