/* A criterion that is right, in pieces: a fixture replaces the one that it has wrong. */
#include "adapt_pruner_plugin.h"

#ifndef FIXTURE_MAJOR
#define FIXTURE_MAJOR AP_ABI_MAJOR
#endif
#ifndef FIXTURE_STATISTIC
#define FIXTURE_STATISTIC NULL
#endif
#ifndef FIXTURE_SCHEMA
#define FIXTURE_SCHEMA "{\"type\": \"object\", \"properties\": {}}"
#endif

static ap_status fixture_create(const ap_host *host, const char *options, void **instance) {
  (void)host, (void)options;
  *instance = NULL;
  return AP_OK;
}
static void fixture_destroy(void *instance) { (void)instance; }

#define FIXTURE_PLUGIN(SCORE)                                                                            \
  static const ap_criterion fixture_table = {sizeof fixture_table, fixture_create, fixture_destroy,      \
                                             NULL, SCORE};                                               \
  FIXTURE_LIBRARY(fixture_table)

#define FIXTURE_LIBRARY(TABLE)                                                                           \
  static const char *const fixture_statistics[] = {FIXTURE_STATISTIC, NULL};                             \
  static const ap_descriptor fixture_descriptor = {                                                      \
      sizeof fixture_descriptor, AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,    \
      FIXTURE_SCHEMA, fixture_statistics, &TABLE};                                                       \
  static const ap_descriptor *const fixture_descriptors[] = {&fixture_descriptor};                       \
  static const ap_library fixture_library = {sizeof fixture_library, FIXTURE_MAJOR, AP_ABI_MINOR, 1,     \
                                             fixture_descriptors};                                       \
  AP_EXPORT const ap_library *adapt_pruner_plugin(void);                                                 \
  const ap_library *adapt_pruner_plugin(void) { return &fixture_library; }

#define FIXTURE_ARGUMENTS                                                                                \
  void *instance, const ap_host *host, const ap_model *model, const ap_units *units, float *scores
#define FIXTURE_UNUSED (void)instance, (void)host, (void)model, (void)units, (void)scores

/* The right one: unit u scores u. */
static inline ap_status fixture_score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  for (int64_t u = 0; u < units->count; u++) scores[u] = (float)u;
  return AP_OK;
}
