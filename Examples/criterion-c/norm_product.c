/* A criterion in C: the product of the norms of a unit's parts, without any calibration data.
 *
 *     score(unit) = Π over matrices ‖W[the unit's rows or columns]‖₂
 *
 * An MLP channel adds  down · (silu(gate·x) · (up·x))  to the residual stream, and |silu(a)| <= |a|, so that
 * ‖gate‖ ‖up‖ ‖down‖ ‖x‖² is the most that the channel can add. */
#include "adapt_pruner_plugin.h"
#include <math.h>

static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options; /* no options, nothing to keep */
  *instance = NULL;
  return AP_OK;
}

static void destroy(void *instance) { (void)instance; }

static double squares(const ap_tensor *t, ap_axis axis, int64_t line) {
  const float *w = (const float *)((const char *)t->data + t->byte_offset) + line * t->strides[axis];
  int64_t other = axis == AP_ROWS ? 1 : 0;
  double sum = 0;
  for (int64_t i = 0; i < t->shape[other]; i++) sum += (double)w[i * t->strides[other]] * w[i * t->strides[other]];
  return sum;
}

static ap_status score(void *instance, const ap_host *host, const ap_model *model, const ap_units *units,
                       float *scores) {
  (void)instance, (void)host, (void)model;
  for (int64_t u = 0; u < units->count; u++) {
    double product = 1;
    for (int64_t m = 0; m < units->matrix_count; m++) {
      const ap_matrix *matrix = units->matrices[m];
      int64_t lines = matrix->repeats * matrix->positions; /* a unit's lines lie together */
      double sum = 0;
      for (int64_t i = 0; i < lines; i++) sum += squares(&matrix->weight, matrix->axis, u * lines + i);
      product *= sqrt(sum);
    }
    scores[u] = (float)product;
  }
  return AP_OK;
}

static const ap_criterion table = {sizeof table, create, destroy, NULL, score};
static const char *const no_statistics[] = {NULL};
static const ap_descriptor norm_product = {
    sizeof norm_product, AP_CRITERION, "example.norm-product", "1.0.0",
    "Product of the norms of a unit's parts of each matrix.", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {}}", no_statistics, &table};
static const ap_descriptor *const descriptors[] = {&norm_product};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};

AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
