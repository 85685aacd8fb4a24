/* What the host would do, with numbers worked out by hand. */
#include "adapt_pruner_plugin.h"
#include <stdio.h>

const ap_library *adapt_pruner_plugin(void);

static int failures; /* counted, since assert is gone where NDEBUG is defined */
#define CHECK(claim) \
  do { \
    if (!(claim)) fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim), failures++; \
  } while (0)

static void set_error(const ap_host *host, const char *sentence) {
  (void)host;
  fprintf(stderr, "the plugin says: %s\n", sentence);
}

static ap_tensor tensor(float *values, const int64_t shape[2], const int64_t strides[2]) {
  return (ap_tensor){.data = values, .device = {1, 0}, .ndim = 2, .dtype = {2, 32, 1},
                     .shape = shape, .strides = strides};
}

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error};
  const ap_model model = {.struct_size = sizeof model, .architecture = "llama", .layer_count = 1};
  const ap_descriptor *plugin = adapt_pruner_plugin()->descriptors[0];
  const ap_compensator *compensator = plugin->interface;
  CHECK(plugin->kind == AP_COMPENSATOR);

  /* Of three columns the middle one leaves; its input was 0.5 on average. */
  const int64_t shape[] = {2, 3}, strides[] = {3, 1}, kept[] = {0, 2}, mean_shape[] = {1, 3};
  float before[] = {1, 2, 3, 4, 5, 6}, means[] = {9, 0.5f, 9};
  const ap_tensor mean = tensor(means, mean_shape, strides);
  const ap_projection projection = {
      .struct_size = sizeof projection, .family = "mlp", .name = "down_proj",
      .weight = tensor(before, shape, strides), .kept_count = 2, .kept = kept, .statistics = &mean};
  float weight[] = {1, 3, 4, 6}, bias[] = {10, 20};
  void *instance = NULL;

  CHECK(compensator->create(&host, "{}", &instance) == AP_OK);
  CHECK(compensator->adds_bias(instance) != 0);
  CHECK(compensator->compensate(instance, &host, &model, &projection, weight, bias) == AP_OK);
  CHECK(bias[0] == 11);    /* 10 + 2 · 0.5 */
  CHECK(bias[1] == 22.5f); /* 20 + 5 · 0.5 */
  CHECK(weight[0] == 1 && weight[1] == 3 && weight[2] == 4 && weight[3] == 6);
  compensator->destroy(instance);

  puts(failures ? "failed" : "passed");
  return failures != 0;
}
