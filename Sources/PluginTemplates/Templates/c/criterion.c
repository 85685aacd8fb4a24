/* __SUMMARY__
 *
 *     score(unit) = mean of |w|^power over the unit's weights w in all matrices of its family
 */
#include "adapt_pruner_plugin.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host has checked the options against the schema below and filled in defaults: {"power":1} */
static ap_status create(const ap_host *host, const char *options, void **instance) {
  const char *option = strstr(options, "\"power\"");
  int *power = malloc(sizeof *power);
  if (option && power && sscanf(option, "\"power\" : %d", power) == 1) {
    *instance = power;
    return AP_OK;
  }
  free(power);
  host->set_error(host, "power cannot be read, or memory is short");
  return AP_FAILED;
}

static void destroy(void *instance) { free(instance); }

static ap_status score(void *instance, const ap_host *host, const ap_model *model, const ap_units *units,
                       float *scores) {
  (void)host, (void)model;
  const int power = *(const int *)instance;
  for (int64_t u = 0; u < units->count; u++) {
    double sum = 0, weights = 0;
    for (int64_t m = 0; m < units->matrix_count; m++) {
      const ap_matrix *matrix = units->matrices[m];
      const ap_tensor *t = &matrix->weight;
      const float *w = (const float *)((const char *)t->data + t->byte_offset);
      const int64_t along = matrix->axis == AP_ROWS ? 0 : 1, across = 1 - along;
      const int64_t lines = matrix->repeats * matrix->positions; /* rows or columns of a unit, side by side */
      for (int64_t i = u * lines; i < (u + 1) * lines; i++)
        for (int64_t j = 0; j < t->shape[across]; j++) {
          const double value = w[i * t->strides[along] + j * t->strides[across]];
          sum += power == 2 ? value * value : fabs(value);
        }
      weights += (double)(lines * t->shape[across]);
    }
    scores[u] = (float)(sum / weights);
  }
  return AP_OK;
}

static const ap_criterion table = {sizeof table, create, destroy, NULL, score};
static const char *const statistics[] = {NULL}; /* for example "input_norm": see section 4 of the header */
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_CRITERION, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {\"power\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 2, "
    "\"default\": 1, \"description\": \"1: absolute values, 2: squares\"}}}",
    statistics, &table, 0}; /* 0: a score ranks the units of one family of one layer */
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};

AP_EXPORT const ap_library *adapt_pruner_plugin(void) { return &library; }
