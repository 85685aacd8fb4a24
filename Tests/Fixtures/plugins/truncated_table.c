/* A table that ends before `score`. */
#include "fixture.h"
static const ap_criterion table = {offsetof(ap_criterion, score), fixture_create, fixture_destroy, NULL, NULL};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
    FIXTURE_SCHEMA, statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
