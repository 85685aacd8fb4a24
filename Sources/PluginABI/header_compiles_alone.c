#include "adapt_pruner_plugin.h"
