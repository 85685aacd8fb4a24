#include "fixture.h"
FIXTURE_PLUGIN(fixture_score)
