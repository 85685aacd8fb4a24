// __SUMMARY__
//
//     share = (now - goal of the iteration) / (what all units cost)
//     keep  = floor((1 - share) * units), but no fewer than the family's minimum
//
// `keep` is rounded down, so that the goal is reached if the minimum allows it.
#include "border.hpp"
#include <algorithm>
#include <cmath>
#include <vector>

namespace {

/// All families, layer by layer. The host wants its answers in this order.
std::vector<const ap_family *> families(const ap_allocation &allocation) {
  std::vector<const ap_family *> all;
  for (int64_t l = 0; l < allocation.layer_count; l++) {
    const ap_layer &layer = *allocation.layers[l];
    all.insert(all.end(), layer.families, layer.families + layer.family_count);
  }
  return all;
}

double common_share(const std::vector<const ap_family *> &families, const ap_budget &budget) {
  double cost = 0;
  for (const ap_family *family : families)
    cost += static_cast<double>(family->count) * static_cast<double>(family->cost);
  const auto excess = static_cast<double>(budget.now - budget.iteration_goal);
  return excess > 0 && cost > 0 ? std::min(1.0, excess / cost) : 0;
}

void answer(const ap_family &family, double share, ap_share &answer) {
  const auto left = static_cast<int64_t>(std::floor((1 - share) * static_cast<double>(family.count)));
  answer.keep = std::max(left, std::min(family.minimum, family.count));
  answer.sparsity = family.original_count > 0
                        ? 1 - static_cast<double>(answer.keep) / static_cast<double>(family.original_count)
                        : 0;
}

extern "C" {
static ap_status allocate(void *, const ap_host *host, const ap_model *, const ap_allocation *allocation,
                          ap_share *const *shares) {
  return guarded(host, [&]() -> ap_status {
    const auto all = families(*allocation);
    for (const ap_family *family : all)
      if (family->minimum < 1) { // the one unit of a whole sublayer or layer stays or leaves
        host->set_error(host, "there is no share of a whole layer or sublayer; prune attention and mlp");
        return AP_UNSUPPORTED;
      }
    const double share = common_share(all, *allocation->budget);
    for (size_t i = 0; i < all.size(); i++) answer(*all[i], share, *shares[i]);
    return AP_OK;
  });
}

// Zero: the host does not check each iteration's goal. It goes on until the stage's goal is passed.
static int32_t meets_goal(void *) { return 0; }
}

const ap_allocator table = {sizeof table, create_nothing, destroy_nothing, nullptr, allocate, meets_goal};
const char *const statistics[] = {nullptr}; // for example "layer_cosine": see section 6 of the header
const ap_descriptor descriptor = {
    sizeof descriptor, AP_ALLOCATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", nullptr,
    R"({"type": "object", "properties": {}})", statistics, &table};

} // namespace

ADAPT_PRUNER_LIBRARY(descriptor)
