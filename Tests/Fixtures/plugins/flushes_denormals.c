/* What -ffast-math puts into a library that is linked with it: numbers below the normal ones become zero. */
#include "fixture.h"
__attribute__((constructor)) static void hurry(void) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#elif defined(__aarch64__)
  unsigned long control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  __asm__ volatile("msr fpcr, %0" : : "r"(control | 1ul << 24));
#endif
}
FIXTURE_PLUGIN(fixture_score)
