/* Built for another major version of the ABI. plugin.json does not say so: only the library does. */
#define FIXTURE_MAJOR 7
#include "fixture.h"
FIXTURE_PLUGIN(fixture_score)
