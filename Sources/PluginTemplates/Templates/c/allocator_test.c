/* Calls the plugin as the host does. The expected numbers are worked out by hand. */
#include "testing.h"

/* Gives a layer's statistics in the order of the instance. Section 6 of the header lists them. */
enum { MOST = 8 };
static void give(const ap_descriptor *plugin, void *instance, double given[MOST]) {
  static const struct { const char *name; double value; } known[] = {
      {"layer_cosine", 0.5}, {"layer_euclidean", 2}, {"layer_manhattan", 3}};
  const ap_allocator *allocator = plugin->interface;
  const char *const *asked = allocator->statistics ? allocator->statistics(instance) : plugin->statistics;
  for (int i = 0; i < MOST && asked[i]; i++)
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
      if (!strcmp(known[k].name, asked[i])) given[i] = known[k].value;
}

int main(void) {
  const ap_host host = {.struct_size = sizeof host, .abi_major = AP_ABI_MAJOR, .set_error = set_error};
  const ap_descriptor *plugin = found(AP_ALLOCATOR);
  const ap_allocator *allocator = plugin->interface;

  /* 4 of 8 groups cost 20 each, and 10 channels cost 3 each: 110 of the 200 that are spent. */
  ap_family attention = {.struct_size = sizeof attention, .name = "attention", .count = 4,
                         .original_count = 8, .positions = 16, .cost = 20, .minimum = 1};
  const ap_family mlp = {.struct_size = sizeof mlp, .name = "mlp", .count = 10,
                         .original_count = 10, .positions = 1, .cost = 3, .minimum = 1};
  const ap_family *const families[] = {&attention, &mlp};
  double statistics[MOST] = {0};
  const ap_layer layer = {.struct_size = sizeof layer, .family_count = 2, .families = families,
                          .statistics = statistics};
  const ap_layer *const layers[] = {&layer};
  ap_budget budget = {.struct_size = sizeof budget, .measure = "parameters", .now = 200, .original = 280};
  const ap_allocation allocation = {
      .struct_size = sizeof allocation, .budget = &budget, .layer_count = 1, .layers = layers};
  ap_share first = {.struct_size = sizeof first}, second = {.struct_size = sizeof second};
  ap_share *const shares[] = {&first, &second};
  void *instance = NULL;
  CHECK(allocator->create(&host, "{}", &instance) == AP_OK);
  give(plugin, instance, statistics);

  budget.iteration_goal = 145; /* 55 of 110 have to leave */
  CHECK(allocator->allocate(instance, &host, &model, &allocation, shares) == AP_OK);
  CHECK(first.keep == 2 && first.sparsity == 0.75); /* 2 of the original 8 */
  CHECK(second.keep == 5 && second.sparsity == 0.5);

  budget.iteration_goal = 0; /* out of reach: one unit of each stays */
  CHECK(allocator->allocate(instance, &host, &model, &allocation, shares) == AP_OK);
  CHECK(first.keep == 1 && first.sparsity == 0.875);
  CHECK(second.keep == 1);

  budget.iteration_goal = 200; /* nothing to do */
  CHECK(allocator->allocate(instance, &host, &model, &allocation, shares) == AP_OK);
  CHECK(first.keep == 4 && second.keep == 10);

  attention.minimum = 0; /* whole layers */
  CHECK(errors == 0);
  CHECK(allocator->allocate(instance, &host, &model, &allocation, shares) == AP_UNSUPPORTED);
  CHECK(errors == 1);
  allocator->destroy(instance);

  return result();
}
