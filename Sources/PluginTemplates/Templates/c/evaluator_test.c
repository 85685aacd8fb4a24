/* Calls the plugin as the host does. The expected numbers are worked out by hand. */
#include "testing.h"
#include <math.h>

/* Two documents. The first has 130 tokens: a window of 128 and one of 2. The second has one token and no window. */
static ap_status open_data(const ap_host *host, const char *option, ap_corpus *out) {
  static const int32_t ids[130] = {0};
  static const int32_t *const tokens[] = {ids, ids};
  static const int64_t lengths[] = {130, 1};
  (void)host;
  CHECK(strcmp(option, "data") == 0);
  out->name = "text";
  out->document_count = 2;
  out->tokens = tokens;
  out->lengths = lengths;
  return AP_OK;
}

/* A model for which -ln p is 2 for every token of the first window, and 1 for those of the second. */
static ap_status log_likelihood(const ap_host *host, int64_t count, const int32_t *const *tokens,
                                const int64_t *lengths, const int64_t *first, float *const *out) {
  (void)host, (void)tokens;
  CHECK(count == 2 && lengths[0] == 128 && lengths[1] == 2);
  for (int64_t i = 0; i < count; i++)
    for (int64_t t = first[i]; t < lengths[i]; t++) out[i][t - first[i]] = i == 0 ? -2 : -1;
  return AP_OK;
}

static double items[2];
static int item_count, metric_count;

static void item(const ap_metrics *sink, const char *name, double value) {
  (void)sink, (void)name;
  if (item_count < 2) items[item_count] = value;
  item_count++;
}

static void metric(const ap_metrics *sink, const char *name, double value, double standard_error,
                   int32_t lower_is_better) {
  (void)sink;
  metric_count++;
  CHECK(strcmp(name, "text.token_nll@128") == 0);
  CHECK(value == 255.0 / 128); /* (127 · 2 + 1 · 1) / (127 + 1) */
  /* The windows' sums are 127/128 above and below the mean's share: sqrt(2 / 1 · 2 (127/128)²) / 128 */
  CHECK(fabs(standard_error - 254.0 / 16384) < 1e-12);
  CHECK(lower_is_better != 0);
}

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error,
                        .open_data = open_data, .log_likelihood = log_likelihood};
  const ap_metrics sink = {.struct_size = sizeof sink, .metric = metric, .item = item};
  const ap_evaluator *evaluator = found(AP_EVALUATOR)->interface;

  void *instance = NULL;
  CHECK(evaluator->create(&host, "{\"data\":\"text.txt\"}", &instance) == AP_OK);
  CHECK(evaluator->evaluate(instance, &host, &model, &sink) == AP_OK);
  CHECK(metric_count == 1 && item_count == 2);
  CHECK(items[0] == 2 && items[1] == 1);
  evaluator->destroy(instance);

  return result();
}
