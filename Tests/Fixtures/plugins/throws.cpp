// Lets an exception out.
#include <stdexcept>
#include "adapt_pruner_plugin.h"

namespace {
ap_status create(const ap_host *, const char *, void **instance) {
  *instance = nullptr;
  return AP_OK;
}
void destroy(void *) {}
ap_status score(void *, const ap_host *, const ap_model *, const ap_units *, float *) {
  throw std::runtime_error("the units are unspeakable");
}
const ap_criterion table = {sizeof table, create, destroy, nullptr, score};
const char *const statistics[] = {nullptr};
const ap_descriptor descriptor = {sizeof descriptor, AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", nullptr,
                                  "{\"type\": \"object\", \"properties\": {}}", statistics, &table};
const ap_descriptor *const descriptors[] = {&descriptor};
const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
}  // namespace

extern "C" AP_EXPORT const ap_library *adapt_pruner_plugin(void);
extern "C" const ap_library *adapt_pruner_plugin(void) { return &library; }
