/* The C interface of OpenBLAS, and its LAPACK routines under their Fortran names. Integers have 32 bits, matrices are
 * column-major. The lengths of character arguments follow at the end, as gfortran passes them. */
#include <cblas.h>
#include <stddef.h>

/* Cholesky factor of a symmetric positive definite matrix; solution from it; inverse from it. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
             const int *ldb, int *info, size_t);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);

/* Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix. */
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);

/* A thread's working memory, as OpenBLAS itself takes and returns it (driver/others/memory.c). */
void *blas_memory_alloc(int position);
void blas_memory_free(void *buffer);
