/* What the tests of every kind share. */
#include "adapt_pruner_plugin.h"
#include <stdio.h>
#include <string.h>

const ap_library *adapt_pruner_plugin(void);

static int failures; /* counted, because NDEBUG would remove an assert */
#define CHECK(claim) \
  do { \
    if (!(claim)) fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim), failures++; \
  } while (0)

/* The exit status of the test. */
static inline int result(void) {
  puts(failures ? "failed" : "passed");
  return failures != 0;
}

static int errors;
static void set_error(const ap_host *host, const char *sentence) {
  (void)host;
  fprintf(stderr, "the plugin says: %s\n", sentence);
  errors++;
}

static const ap_model model = {.struct_size = sizeof model, .architecture = "llama", .layer_count = 1};

/* The plugin, found as the host finds it. */
static const ap_descriptor *found(ap_kind kind) {
  const ap_descriptor *plugin = adapt_pruner_plugin()->descriptors[0];
  CHECK(plugin->kind == kind);
  return plugin;
}

static inline ap_tensor tensor(float *values, const int64_t shape[2], const int64_t strides[2]) {
  return (ap_tensor){.data = values, .device = {1, 0}, .ndim = 2, .dtype = {2, 32, 1},
                     .shape = shape, .strides = strides};
}
