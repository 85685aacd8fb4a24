/* The C interface of OpenBLAS. */
#include <cblas.h>
