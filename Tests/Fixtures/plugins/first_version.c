/* A criterion as version 1.0 of the ABI has it: its descriptor and its table end where that version's do, and what lies
 * behind them is none of the host's business. */
#include "fixture.h"

typedef struct { uint32_t struct_size; ap_status (*create)(const ap_host *, const char *, void **);
                 void (*destroy)(void *); const char *const *(*statistics)(void *);
                 ap_status (*score)(void *, const ap_host *, const ap_model *, const ap_units *, float *);
                 int32_t (*behind)(void *); } first_criterion;
typedef struct { uint32_t struct_size; ap_kind kind; const char *id, *version, *summary, *licence, *paper,
                 *options_schema; const char *const *statistics; const void *interface;
                 int32_t behind; } first_descriptor;

static int32_t lies(void *instance) {
  (void)instance;
  return 1;
}
static const first_criterion table = {40, fixture_create, fixture_destroy, NULL, fixture_score, lies};
static const char *const statistics[] = {NULL};
static const first_descriptor descriptor = {72, AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
                                            FIXTURE_SCHEMA, statistics, &table, 1};
static const ap_descriptor *const descriptors[] = {(const ap_descriptor *)&descriptor};
static const ap_library library = {sizeof library, 1, 0, 1, descriptors};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library; }
