/* An evaluator that compares two texts, of which one is as long as the other. */
#include "adapt_pruner_plugin.h"
static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options;
  *instance = NULL;
  return AP_OK;
}
static void destroy(void *instance) { (void)instance; }
static ap_status evaluate(void *instance, const ap_host *host, const ap_model *model, const ap_metrics *sink) {
  ap_corpus one, other;
  (void)instance, (void)model;
  one.struct_size = other.struct_size = sizeof one;
  ap_status status = host->open_data(host, "question", &one);
  if (status) return status;
  int64_t tokens = one.document_count ? one.lengths[0] : 0;
  if ((status = host->open_data(host, "answer", &other))) return status;
  if (other.document_count != 1 || other.lengths[0] != 2 * tokens) {
    host->set_error(host, "the answer is not twice as long as the question");
    return AP_FAILED;
  }
  sink->metric(sink, "length", (double)tokens, 0, 0);
  return AP_OK;
}
static const ap_evaluator table = {sizeof table, create, destroy, evaluate};
static const char *const statistics[] = {NULL};
#define DATA(NAME) "\"" NAME "\": {\"format\": \"adapt-pruner-data\", \"description\": \"a text\"}"
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_EVALUATOR, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
    "{\"properties\": {" DATA("question") ", " DATA("answer") "}, \"required\": [\"question\", \"answer\"]}",
    statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
