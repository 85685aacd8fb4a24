/* A transform that goes wrong in the way that its option says. */
#include "adapt_pruner_plugin.h"
#include <math.h>
#include <string.h>
static char mode; /* fixtures have one instance */
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host;
  const char *value = strchr(strchr(options, ':'), '"');
  mode = value[1];
  *instance = &mode;
  return AP_OK;
}
static void destroy(void *instance) { (void)instance; }
static int32_t fixes_widths(void *instance) { return *(char *)instance == 'f'; }
static int32_t centers_embeddings(void *instance) { return *(char *)instance == 'c'; }
static int32_t normalises_tokens(void *instance) { return *(char *)instance == 't'; }
static ap_status widths(void *instance, const ap_host *host, const ap_model *model,
                        const ap_residual *residual, int64_t *widths) {
  (void)instance, (void)host, (void)model;
  for (int64_t p = 0; p < residual->place_count; p++) {
    if (mode == 'm' && p > 0) continue; /* misses places */
    widths[p] = mode == '0' ? 0 : mode == 'w' ? residual->hidden_size + 1 : mode == 'g' ? residual->hidden_size : 1;
  }
  return AP_OK;
}
static ap_status orient(void *instance, const ap_host *host, const ap_model *model, const ap_gram *gram,
                        double *basis) {
  (void)instance, (void)host, (void)model;
  int64_t n = gram->hidden_size;
  if (mode == 'e') return AP_OK; /* empty */
  for (int64_t i = 0; i < n * n; i++) basis[i] = i / n == i % n;
  if (mode == 'l') basis[0] = 1.01;              /* too long */
  if (mode == 's') basis[1] = 0.1;               /* slanted */
  if (mode == 'n') basis[n * n - 1] = NAN;
  if (mode == 'i') basis[2] = INFINITY;
  if (mode == 'p') basis[n * n] = 0;             /* past the end */
  return AP_OK;
}
static const ap_transform table = {sizeof table, create, destroy, NULL, fixes_widths, centers_embeddings,
                                   normalises_tokens, widths, orient};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_TRANSFORM, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
    "{\"properties\": {\"mode\": {\"type\": \"string\"}}, \"required\": [\"mode\"]}", statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
