/* Calls the plugin as the host does. The expected numbers are worked out by hand. */
#include "testing.h"

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error};
  const ap_compensator *compensator = found(AP_COMPENSATOR)->interface;

  /* Of three columns the middle one leaves. The mean of its input is 0.5. */
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

  return result();
}
