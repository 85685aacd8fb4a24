/* Its instance says that scores compare across families, its descriptor that they do not. */
#define DESCRIPTOR_SAYS 0
#include "compares.c"
