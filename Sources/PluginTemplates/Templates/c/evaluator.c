/* __SUMMARY__
 *
 *     m = sum of S_i / sum of n_i          S_i = sum over the tokens t of window i of -ln p(t | those before it)
 *
 * A document is cut into windows of 128 tokens. The last one may be shorter. The first token of a window is not
 * predicted; n_i counts the others. The standard error is that of a ratio of sums over the sample of W windows:
 *
 *     sqrt( W / (W - 1) * sum of (S_i - m n_i)^2 ) / sum of n_i
 */
#include "adapt_pruner_plugin.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 128 };

static ap_status create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options; /* the host reads the one option, "data" */
  *instance = NULL;
  return AP_OK;
}

static void destroy(void *instance) { (void)instance; }

/* The arguments of log_likelihood, one of each per window. */
typedef struct windows {
  int64_t count;
  const int32_t **tokens;
  int64_t *lengths, *first;
  float **out, *values;
} windows;

/* Counts the windows. Fills them in if `into` is not NULL. */
static int64_t cut(const ap_corpus *corpus, windows *into) {
  int64_t count = 0;
  for (int64_t d = 0; d < corpus->document_count; d++)
    for (int64_t start = 0; start + 1 < corpus->lengths[d]; start += WINDOW, count++) {
      const int64_t rest = corpus->lengths[d] - start;
      if (!into) continue;
      into->tokens[count] = corpus->tokens[d] + start;
      into->lengths[count] = rest < WINDOW ? rest : WINDOW;
      into->first[count] = 1;
      into->out[count] = into->values + count * WINDOW;
    }
  return count;
}

static void report(const ap_metrics *sink, const char *data, const windows *w) {
  char name[256];
  snprintf(name, sizeof name, "%s.token_nll@%d", data, WINDOW);
  double sum = 0, tokens = 0, squares = 0;
  for (int pass = 0; pass < 2; pass++) /* first the sums, then the squared differences from them */
    for (int64_t i = 0; i < w->count; i++) {
      double surprise = 0;
      const double predicted = (double)(w->lengths[i] - 1);
      for (int64_t t = 0; t + 1 < w->lengths[i]; t++) surprise -= w->out[i][t];
      if (pass == 0) {
        sum += surprise, tokens += predicted;
        sink->item(sink, name, surprise / predicted);
      } else {
        const double away = surprise - sum / tokens * predicted;
        squares += away * away;
      }
    }
  const double count = (double)w->count;
  sink->metric(sink, name, sum / tokens, count > 1 ? sqrt(count / (count - 1) * squares) / tokens : NAN, 1);
}

static ap_status evaluate(void *instance, const ap_host *host, const ap_model *model, const ap_metrics *sink) {
  (void)instance, (void)model;
  ap_corpus corpus = {.struct_size = sizeof corpus};
  ap_status status = host->open_data(host, "data", &corpus);
  if (status != AP_OK) return status; /* the host has noted its own sentence */

  windows w = {.count = cut(&corpus, NULL)};
  if (w.count == 0) {
    host->set_error(host, "the data has no document of two tokens or more");
    return AP_FAILED;
  }
  const size_t count = (size_t)w.count;
  w.tokens = calloc(count, sizeof *w.tokens);
  w.lengths = calloc(count, sizeof *w.lengths);
  w.first = calloc(count, sizeof *w.first);
  w.out = calloc(count, sizeof *w.out);
  w.values = calloc(count, WINDOW * sizeof *w.values);
  if (w.tokens && w.lengths && w.first && w.out && w.values) {
    cut(&corpus, &w);
    status = host->log_likelihood(host, w.count, w.tokens, w.lengths, w.first, w.out);
    if (status == AP_OK) report(sink, corpus.name, &w);
  } else {
    host->set_error(host, "memory is short");
    status = AP_OUT_OF_MEMORY;
  }
  free(w.tokens), free(w.lengths), free(w.first), free(w.out), free(w.values);
  return status;
}

static const ap_evaluator table = {sizeof table, create, destroy, evaluate};
static const char *const statistics[] = {NULL};
static const ap_descriptor descriptor = {
    sizeof descriptor, AP_EVALUATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", NULL,
    "{\"type\": \"object\", \"required\": [\"data\"], \"properties\": {\"data\": {\"format\": "
    "\"adapt-pruner-data\", \"description\": \"the text, or the token ids, to read\"}}}",
    statistics, &table};
static const ap_descriptor *const descriptors[] = {&descriptor};
static const ap_library library = {sizeof library, AP_ABI_MAJOR, AP_ABI_MINOR, 1, descriptors};

AP_EXPORT const ap_library *adapt_pruner_plugin(void) { return &library; }
