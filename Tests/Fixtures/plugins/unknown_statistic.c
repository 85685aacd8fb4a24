/* Asks for what the host cannot gather. */
#define FIXTURE_STATISTIC "gradients"
#include "fixture.h"
FIXTURE_PLUGIN(fixture_score)
