/* An evaluator that measures nothing, unless its option asks for something wrong. */
#include "adapt_pruner_plugin.h"
#include <string.h>
static char mode;
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host;
  mode = strchr(strchr(options, ':'), '"')[1];
  *instance = &mode;
  return AP_OK;
}
static void destroy(void *instance) { (void)instance; }
static ap_status evaluate(void *instance, const ap_host *host, const ap_model *model, const ap_metrics *sink) {
  (void)instance, (void)model;
  double zero = 0;
  if (mode == 'u') sink->metric(sink, "", 1, zero / zero, 0);
  if (mode == 'i') sink->metric(sink, "infinite", 1 / zero, zero / zero, 0);
  if (mode == 'd') {
    ap_corpus corpus;
    corpus.struct_size = sizeof corpus;
    return host->open_data(host, "data", &corpus);
  }
  return AP_OK;
}
static const ap_evaluator table = {sizeof table, create, destroy, evaluate};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_EVALUATOR, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
    "{\"properties\": {\"mode\": {\"type\": \"string\"}}, \"required\": [\"mode\"]}", statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
