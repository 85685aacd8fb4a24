/* The entry answers nothing. */
#include "adapt_pruner_plugin.h"
AP_EXPORT const ap_library *adapt_pruner_plugin(void);
const ap_library *adapt_pruner_plugin(void) { return (const ap_library *)0; }
