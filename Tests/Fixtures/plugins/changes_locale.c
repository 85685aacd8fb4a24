/* Writes numbers as its user is used to, and so does everybody else from now on. */
#include "fixture.h"
#include <locale.h>
__attribute__((constructor)) static void settle(void) { setlocale(LC_ALL, "C.UTF-8"); }
FIXTURE_PLUGIN(fixture_score)
