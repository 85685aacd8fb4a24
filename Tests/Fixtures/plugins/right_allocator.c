/* The mended over_budget: a fifth of every family leaves, and nothing is said of goals. */
#include "adapt_pruner_plugin.h"
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options;
  *instance = NULL;
  return AP_OK;
}
static void destroy(void *instance) { (void)instance; }
static ap_status allocate(void *instance, const ap_host *host, const ap_model *model,
                          const ap_allocation *allocation, ap_share *const *shares) {
  (void)instance, (void)host, (void)model;
  int64_t place = 0;
  for (int64_t l = 0; l < allocation->layer_count; l++)
    for (int64_t f = 0; f < allocation->layers[l]->family_count; f++, place++) {
      const ap_family *family = allocation->layers[l]->families[f];
      int64_t keep = family->count * 4 / 5;
      shares[place]->keep = keep < family->minimum ? family->minimum : keep;
      shares[place]->sparsity = 1 - (double)shares[place]->keep / (double)family->original_count;
    }
  return AP_OK;
}
static int32_t meets_goal(void *instance) {
  (void)instance;
  return 0;
}
static const ap_allocator table = {sizeof table, create, destroy, NULL, allocate, meets_goal};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_ALLOCATOR, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {}}", statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
