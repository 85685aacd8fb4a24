/* An allocator of whole sublayers and layers: those with the lowest scores of all leave until the goal is met. With
 * "everything" true it leaves nothing at all. */
#include "adapt_pruner_plugin.h"
#include <string.h>
static char everything; /* fixtures have one instance */
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host;
  everything = strstr(options, "true") != NULL;
  *instance = &everything;
  return AP_OK;
}
static void destroy(void *instance) { (void)instance; }
static ap_status allocate(void *instance, const ap_host *host, const ap_model *model,
                          const ap_allocation *allocation, ap_share *const *shares) {
  (void)instance, (void)model;
  int64_t place = 0;
  for (int64_t l = 0; l < allocation->layer_count; l++)
    for (int64_t f = 0; f < allocation->layers[l]->family_count; f++, place++) {
      const ap_family *family = allocation->layers[l]->families[f];
      if (family->minimum != 0 || family->count > 1 || family->original_count != 1) {
        host->set_error(host, "a block is one unit, and may leave");
        return AP_UNSUPPORTED;
      }
      shares[place]->keep = everything ? 0 : family->count;
      shares[place]->sparsity = 1 - (double)shares[place]->keep;
    }
  for (int64_t now = allocation->budget->now; now > allocation->budget->iteration_goal && !everything;) {
    ap_share *lowest = NULL;
    const ap_family *leaving = NULL;
    place = 0;
    for (int64_t l = 0; l < allocation->layer_count; l++)
      for (int64_t f = 0; f < allocation->layers[l]->family_count; f++, place++) {
        const ap_family *family = allocation->layers[l]->families[f];
        if (shares[place]->keep == 0 || (leaving && family->scores[0] >= leaving->scores[0])) continue;
        lowest = shares[place];
        leaving = family;
      }
    if (!lowest) return AP_OK;
    lowest->keep = 0;
    lowest->sparsity = 1;
    now -= leaving->cost;
  }
  return AP_OK;
}
static int32_t meets_goal(void *instance) { return *(char *)instance == 0; }
static const ap_allocator table = {sizeof table, create, destroy, NULL, allocate, meets_goal};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_ALLOCATOR, "fixture.lowest-blocks", "1.0.0", "A fixture.", "0BSD", NULL,
    "{\"type\": \"object\", \"properties\": {\"everything\": {\"type\": \"boolean\", \"default\": false}}}",
    statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
