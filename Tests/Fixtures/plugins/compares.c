/* A criterion whose scores compare across families, as both its descriptor and its instance say. */
#include "fixture.h"
#ifndef DESCRIPTOR_SAYS
#define DESCRIPTOR_SAYS 1
#endif
static int32_t compare(void *instance) {
  (void)instance;
  return 1;
}
static const ap_criterion table = {sizeof table, fixture_create, fixture_destroy, NULL, fixture_score, compare};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {sizeof descriptor, AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.",
                                         "0BSD", NULL, FIXTURE_SCHEMA, statistics, &table, DESCRIPTOR_SAYS};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
