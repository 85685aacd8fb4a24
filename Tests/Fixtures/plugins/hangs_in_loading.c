/* Waits, as it is loaded, for somebody who does not come. */
#include "fixture.h"
#include <unistd.h>
__attribute__((constructor)) static void wait_for_it(void) { for (;;) pause(); }
FIXTURE_PLUGIN(fixture_score)
