/* From a later minor version, whose new service it calls without asking whether it is there. */
#include "fixture.h"
typedef struct { uint32_t struct_size; char as_of_1_0[sizeof(ap_host) - 4]; void *later; } longer_host;
static ap_status score(FIXTURE_ARGUMENTS) {
  const longer_host *newer = (const longer_host *)host;
  void *volatile later = newer->later;
  (void)later;
  return fixture_score(instance, host, model, units, scores);
}
#undef AP_ABI_MINOR
#define AP_ABI_MINOR 3
FIXTURE_PLUGIN(score)
