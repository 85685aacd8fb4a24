/* Takes Ctrl-C for itself as soon as it is loaded. */
#define _GNU_SOURCE
#include "fixture.h"
#include <signal.h>
static void ignore(int number) { (void)number; }
__attribute__((constructor)) static void take(void) { signal(SIGINT, ignore); }
FIXTURE_PLUGIN(fixture_score)
