/* Version 1.0 of the plugin ABI, as it stays: every struct's fields with their offsets, sizes and types, and the value of
 * every constant. A FIELD or CONSTANT is changed when the major version is, and never before. A later minor version adds
 * FIELDs behind those of the struct that has grown, and changes its SIZE; the CHANGELOG says what is new. */
#include <stddef.h>
#include "adapt_pruner_plugin.h"

#define FIELD(STRUCT, NAME, OFFSET, SIZE, TYPE)                                                             \
  _Static_assert(offsetof(STRUCT, NAME) == OFFSET && sizeof(((STRUCT *)0)->NAME) == SIZE,                   \
                 #STRUCT "." #NAME " has moved");                                                           \
  _Static_assert(_Generic(((STRUCT *)0)->NAME, TYPE: 1, default: 0), #STRUCT "." #NAME " has another type");
#define SIZE(STRUCT, BYTES) _Static_assert(sizeof(STRUCT) == BYTES, #STRUCT " has another size");
#define CONSTANT(NAME, VALUE) _Static_assert(NAME == VALUE, #NAME " has another value");

FIELD(ap_tensor, data, 0, 8, void *)
FIELD(ap_tensor, device.type, 8, 4, int32_t)
FIELD(ap_tensor, device.id, 12, 4, int32_t)
FIELD(ap_tensor, ndim, 16, 4, int32_t)
FIELD(ap_tensor, dtype.code, 20, 1, uint8_t)
FIELD(ap_tensor, dtype.bits, 21, 1, uint8_t)
FIELD(ap_tensor, dtype.lanes, 22, 2, uint16_t)
FIELD(ap_tensor, shape, 24, 8, const int64_t *)
FIELD(ap_tensor, strides, 32, 8, const int64_t *)
FIELD(ap_tensor, byte_offset, 40, 8, uint64_t)
SIZE(ap_tensor, 48)

FIELD(ap_corpus, struct_size, 0, 4, uint32_t)
FIELD(ap_corpus, name, 8, 8, const char *)
FIELD(ap_corpus, document_count, 16, 8, int64_t)
FIELD(ap_corpus, tokens, 24, 8, const int32_t *const *)
FIELD(ap_corpus, lengths, 32, 8, const int64_t *)
SIZE(ap_corpus, 40)

FIELD(ap_host, struct_size, 0, 4, uint32_t)
FIELD(ap_host, abi_major, 4, 2, uint16_t)
FIELD(ap_host, abi_minor, 6, 2, uint16_t)
FIELD(ap_host, context, 8, 8, void *)
FIELD(ap_host, set_error, 16, 8, void (*)(const ap_host *host, const char *sentence))
FIELD(ap_host, log, 24, 8, void (*)(const ap_host *host, ap_log_level level, const char *sentence))
FIELD(ap_host, progress, 32, 8, void (*)(const ap_host *host, int64_t done, int64_t total))
FIELD(ap_host, is_cancelled, 40, 8, int32_t (*)(const ap_host *host))
FIELD(ap_host, random_uniform, 48, 8, void (*)(const ap_host *host, uint64_t stream, float *out, int64_t count))
FIELD(ap_host, sgemm, 56, 8, ap_status (*)(const ap_host *host, int32_t transpose_a, int32_t transpose_b,
      int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
      float beta, float *c, int64_t ldc))
FIELD(ap_host, open_data, 64, 8, ap_status (*)(const ap_host *host, const char *option, ap_corpus *out))
FIELD(ap_host, log_likelihood, 72, 8, ap_status (*)(const ap_host *host, int64_t count,
      const int32_t *const *tokens, const int64_t *lengths, const int64_t *first, float *const *out))
FIELD(ap_host, solve_positive, 80, 8, ap_status (*)(const ap_host *host, int64_t n, const double *a,
      int64_t rows, double *b))
FIELD(ap_host, invert_positive, 88, 8, ap_status (*)(const ap_host *host, int64_t n, double *a))
FIELD(ap_host, eigen_symmetric, 96, 8, ap_status (*)(const ap_host *host, int64_t n, double *a, double *values))
SIZE(ap_host, 104)

FIELD(ap_model, struct_size, 0, 4, uint32_t)
FIELD(ap_model, architecture, 8, 8, const char *)
FIELD(ap_model, layer_count, 16, 8, int64_t)
FIELD(ap_model, hidden_size, 24, 8, int64_t)
FIELD(ap_model, vocabulary_size, 32, 8, int64_t)
FIELD(ap_model, parameters, 40, 8, int64_t)
FIELD(ap_model, original_parameters, 48, 8, int64_t)
SIZE(ap_model, 56)

FIELD(ap_matrix, struct_size, 0, 4, uint32_t)
FIELD(ap_matrix, axis, 4, 4, ap_axis)
FIELD(ap_matrix, name, 8, 8, const char *)
FIELD(ap_matrix, repeats, 16, 8, int64_t)
FIELD(ap_matrix, positions, 24, 8, int64_t)
FIELD(ap_matrix, weight, 32, 48, ap_tensor)
FIELD(ap_matrix, statistics, 80, 8, const ap_tensor *)
SIZE(ap_matrix, 88)

FIELD(ap_units, struct_size, 0, 4, uint32_t)
FIELD(ap_units, family, 8, 8, const char *)
FIELD(ap_units, layer, 16, 8, int64_t)
FIELD(ap_units, count, 24, 8, int64_t)
FIELD(ap_units, original, 32, 8, const int64_t *)
FIELD(ap_units, matrix_count, 40, 8, int64_t)
FIELD(ap_units, matrices, 48, 8, const ap_matrix *const *)
FIELD(ap_units, statistics, 56, 8, const ap_tensor *)
SIZE(ap_units, 64)

FIELD(ap_criterion, struct_size, 0, 4, uint32_t)
FIELD(ap_criterion, create, 8, 8, ap_status (*)(const ap_host *host, const char *options, void **instance))
FIELD(ap_criterion, destroy, 16, 8, void (*)(void *instance))
FIELD(ap_criterion, statistics, 24, 8, const char *const * (*)(void *instance))
FIELD(ap_criterion, score, 32, 8, ap_status (*)(void *instance, const ap_host *host, const ap_model *model,
      const ap_units *units, float *scores ))
/* 1.1 */
FIELD(ap_criterion, scores_compare, 40, 8, int32_t (*)(void *instance))
SIZE(ap_criterion, 48)

FIELD(ap_descriptor, struct_size, 0, 4, uint32_t)
FIELD(ap_descriptor, kind, 4, 4, ap_kind)
FIELD(ap_descriptor, id, 8, 8, const char *)
FIELD(ap_descriptor, version, 16, 8, const char *)
FIELD(ap_descriptor, summary, 24, 8, const char *)
FIELD(ap_descriptor, licence, 32, 8, const char *)
FIELD(ap_descriptor, paper, 40, 8, const char *)
FIELD(ap_descriptor, options_schema, 48, 8, const char *)
FIELD(ap_descriptor, statistics, 56, 8, const char *const *)
FIELD(ap_descriptor, interface, 64, 8, const void *)
/* 1.1 */
FIELD(ap_descriptor, scores_compare, 72, 4, int32_t)
SIZE(ap_descriptor, 80)

FIELD(ap_library, struct_size, 0, 4, uint32_t)
FIELD(ap_library, abi_major, 4, 2, uint16_t)
FIELD(ap_library, abi_minor, 6, 2, uint16_t)
FIELD(ap_library, count, 8, 8, int64_t)
FIELD(ap_library, descriptors, 16, 8, const ap_descriptor *const *)
SIZE(ap_library, 24)

FIELD(ap_family, struct_size, 0, 4, uint32_t)
FIELD(ap_family, name, 8, 8, const char *)
FIELD(ap_family, count, 16, 8, int64_t)
FIELD(ap_family, original_count, 24, 8, int64_t)
FIELD(ap_family, positions, 32, 8, int64_t)
FIELD(ap_family, cost, 40, 8, int64_t)
FIELD(ap_family, minimum, 48, 8, int64_t)
FIELD(ap_family, previous_sparsity, 56, 8, double)
FIELD(ap_family, scores, 64, 8, const float *)
SIZE(ap_family, 72)

FIELD(ap_layer, struct_size, 0, 4, uint32_t)
FIELD(ap_layer, family_count, 8, 8, int64_t)
FIELD(ap_layer, families, 16, 8, const ap_family *const *)
FIELD(ap_layer, statistics, 24, 8, const double *)
SIZE(ap_layer, 32)

FIELD(ap_budget, struct_size, 0, 4, uint32_t)
FIELD(ap_budget, measure, 8, 8, const char *)
FIELD(ap_budget, now, 16, 8, int64_t)
FIELD(ap_budget, original, 24, 8, int64_t)
FIELD(ap_budget, goal, 32, 8, int64_t)
FIELD(ap_budget, iteration_goal, 40, 8, int64_t)
FIELD(ap_budget, iteration, 48, 8, int64_t)
FIELD(ap_budget, iterations, 56, 8, int64_t)
SIZE(ap_budget, 64)

FIELD(ap_allocation, struct_size, 0, 4, uint32_t)
FIELD(ap_allocation, budget, 8, 8, const ap_budget *)
FIELD(ap_allocation, layer_count, 16, 8, int64_t)
FIELD(ap_allocation, layers, 24, 8, const ap_layer *const *)
/* 1.1 */
FIELD(ap_allocation, scores_compare, 32, 4, int32_t)
SIZE(ap_allocation, 40)

FIELD(ap_share, struct_size, 0, 4, uint32_t)
FIELD(ap_share, sparsity, 8, 8, double)
FIELD(ap_share, keep, 16, 8, int64_t)
SIZE(ap_share, 24)

FIELD(ap_allocator, struct_size, 0, 4, uint32_t)
FIELD(ap_allocator, create, 8, 8, ap_status (*)(const ap_host *host, const char *options, void **instance))
FIELD(ap_allocator, destroy, 16, 8, void (*)(void *instance))
FIELD(ap_allocator, statistics, 24, 8, const char *const * (*)(void *instance))
FIELD(ap_allocator, allocate, 32, 8, ap_status (*)(void *instance, const ap_host *host, const ap_model *model,
      const ap_allocation *allocation, ap_share *const *shares))
FIELD(ap_allocator, meets_goal, 40, 8, int32_t (*)(void *instance))
SIZE(ap_allocator, 48)

FIELD(ap_metrics, struct_size, 0, 4, uint32_t)
FIELD(ap_metrics, context, 8, 8, void *)
FIELD(ap_metrics, metric, 16, 8, void (*)(const ap_metrics *sink, const char *name, double value,
      double standard_error, int32_t lower_is_better))
FIELD(ap_metrics, item, 24, 8, void (*)(const ap_metrics *sink, const char *name, double value))
SIZE(ap_metrics, 32)

FIELD(ap_evaluator, struct_size, 0, 4, uint32_t)
FIELD(ap_evaluator, create, 8, 8, ap_status (*)(const ap_host *host, const char *options, void **instance))
FIELD(ap_evaluator, destroy, 16, 8, void (*)(void *instance))
FIELD(ap_evaluator, evaluate, 24, 8, ap_status (*)(void *instance, const ap_host *host, const ap_model *model,
      const ap_metrics *sink))
SIZE(ap_evaluator, 32)

FIELD(ap_projection, struct_size, 0, 4, uint32_t)
FIELD(ap_projection, family, 8, 8, const char *)
FIELD(ap_projection, layer, 16, 8, int64_t)
FIELD(ap_projection, name, 24, 8, const char *)
FIELD(ap_projection, weight, 32, 48, ap_tensor)
FIELD(ap_projection, bias, 80, 8, const float *)
FIELD(ap_projection, kept_count, 88, 8, int64_t)
FIELD(ap_projection, kept, 96, 8, const int64_t *)
FIELD(ap_projection, statistics, 104, 8, const ap_tensor *)
SIZE(ap_projection, 112)

FIELD(ap_compensator, struct_size, 0, 4, uint32_t)
FIELD(ap_compensator, create, 8, 8, ap_status (*)(const ap_host *host, const char *options, void **instance))
FIELD(ap_compensator, destroy, 16, 8, void (*)(void *instance))
FIELD(ap_compensator, statistics, 24, 8, const char *const * (*)(void *instance))
FIELD(ap_compensator, follows_cut, 32, 8, int32_t (*)(void *instance))
FIELD(ap_compensator, adds_bias, 40, 8, int32_t (*)(void *instance))
FIELD(ap_compensator, compensate, 48, 8, ap_status (*)(void *instance, const ap_host *host,
      const ap_model *model, const ap_projection *projection, float *weight, float *bias ))
SIZE(ap_compensator, 56)

FIELD(ap_place, struct_size, 0, 4, uint32_t)
FIELD(ap_place, name, 8, 8, const char *)
FIELD(ap_place, layer, 16, 8, int64_t)
FIELD(ap_place, cost, 24, 8, int64_t)
FIELD(ap_place, energies, 32, 8, const double *)
SIZE(ap_place, 40)

FIELD(ap_residual, struct_size, 0, 4, uint32_t)
FIELD(ap_residual, measure, 8, 8, const char *)
FIELD(ap_residual, hidden_size, 16, 8, int64_t)
FIELD(ap_residual, fixed, 24, 8, int64_t)
FIELD(ap_residual, original, 32, 8, int64_t)
FIELD(ap_residual, goal, 40, 8, int64_t)
FIELD(ap_residual, place_count, 48, 8, int64_t)
FIELD(ap_residual, places, 56, 8, const ap_place *const *)
SIZE(ap_residual, 64)

FIELD(ap_gram, struct_size, 0, 4, uint32_t)
FIELD(ap_gram, place, 8, 8, const ap_place *)
FIELD(ap_gram, hidden_size, 16, 8, int64_t)
FIELD(ap_gram, width, 24, 8, int64_t)
FIELD(ap_gram, tokens, 32, 8, int64_t)
FIELD(ap_gram, gram, 40, 8, const double *)
SIZE(ap_gram, 48)

FIELD(ap_transform, struct_size, 0, 4, uint32_t)
FIELD(ap_transform, create, 8, 8, ap_status (*)(const ap_host *host, const char *options, void **instance))
FIELD(ap_transform, destroy, 16, 8, void (*)(void *instance))
FIELD(ap_transform, statistics, 24, 8, const char *const * (*)(void *instance))
FIELD(ap_transform, fixes_widths, 32, 8, int32_t (*)(void *instance))
FIELD(ap_transform, centers_embeddings, 40, 8, int32_t (*)(void *instance))
FIELD(ap_transform, normalises_tokens, 48, 8, int32_t (*)(void *instance))
FIELD(ap_transform, widths, 56, 8, ap_status (*)(void *instance, const ap_host *host, const ap_model *model,
      const ap_residual *residual, int64_t *widths ))
FIELD(ap_transform, orient, 64, 8, ap_status (*)(void *instance, const ap_host *host, const ap_model *model,
      const ap_gram *gram, double *basis ))
SIZE(ap_transform, 72)

CONSTANT(AP_ABI_MAJOR, 1)
_Static_assert(AP_ABI_MINOR >= 0, "a version that was never");
CONSTANT(AP_OK, 0)
CONSTANT(AP_FAILED, 1)
CONSTANT(AP_INVALID_OPTIONS, 2)
CONSTANT(AP_UNSUPPORTED, 3)
CONSTANT(AP_CANCELLED, 4)
CONSTANT(AP_OUT_OF_MEMORY, 5)
CONSTANT(AP_LOG_DEBUG, 0)
CONSTANT(AP_LOG_INFO, 1)
CONSTANT(AP_LOG_WARNING, 2)
CONSTANT(AP_LOG_ERROR, 3)
CONSTANT(AP_ROWS, 0)
CONSTANT(AP_COLUMNS, 1)
CONSTANT(AP_CRITERION, 1)
CONSTANT(AP_ALLOCATOR, 2)
CONSTANT(AP_EVALUATOR, 3)
CONSTANT(AP_COMPENSATOR, 4)
CONSTANT(AP_TRANSFORM, 5)
_Static_assert(sizeof(ap_status) == 4 && sizeof(ap_kind) == 4 && sizeof(ap_axis) == 4 && sizeof(ap_log_level) == 4,
               "an enumeration has another width");
_Static_assert(sizeof(AP_ENTRY_SYMBOL) == sizeof "adapt_pruner_plugin", "the entry has another name");
