/* A schema keyword that the host does not check. */
#define FIXTURE_SCHEMA "{\"properties\": {\"power\": {\"type\": \"number\", \"multipleOf\": 2}}}"
#include "fixture.h"
FIXTURE_PLUGIN(fixture_score)
