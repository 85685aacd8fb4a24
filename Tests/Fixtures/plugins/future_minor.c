/* From a later minor version: its structs are longer than the host's, and it uses what the host lacks only
 * after asking with AP_HAS. */
#include "fixture.h"
typedef struct { ap_criterion known; void (*later)(void); } longer_criterion;
typedef struct { ap_descriptor known; const char *later; } longer_descriptor;
typedef struct { ap_library known; const char *later; } longer_library;
typedef struct { uint32_t struct_size; char as_of_1_0[sizeof(ap_host) - 4]; void (*later)(void); } longer_host;

static ap_status score(FIXTURE_ARGUMENTS) {
  FIXTURE_UNUSED;
  const longer_host *newer = (const longer_host *)host;
  for (int64_t u = 0; u < units->count; u++) scores[u] = AP_HAS(newer, later) ? -1 : (float)u;
  return AP_OK;
}
static const longer_criterion table = {
    {sizeof(longer_criterion), fixture_create, fixture_destroy, NULL, score}, NULL};
static const char *const statistics[] = {NULL};
static const longer_descriptor descriptor = {
    {sizeof(longer_descriptor), AP_CRITERION, "fixture.plugin", "1.0.0", "A fixture.", "0BSD", NULL,
     FIXTURE_SCHEMA, statistics, &table},
    "later"};
static const ap_descriptor *const descriptors[] = {&descriptor.known};
static const longer_library library = {
    {sizeof(longer_library), AP_ABI_MAJOR, AP_ABI_MINOR + 3, 1, descriptors}, "later"};
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return &library.known; }
