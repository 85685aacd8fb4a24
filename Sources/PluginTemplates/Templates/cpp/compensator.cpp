// __SUMMARY__
//
//     bias += W[:, left] · mean x[left]
//
// The columns `left` are those that leave the output projection W [rows, columns]. x is its input before the cut.
#include "border.hpp"
#include <algorithm>
#include <vector>

namespace {

/// The columns that leave.
std::vector<int64_t> left(const ap_projection &projection) {
  const int64_t *const end = projection.kept + projection.kept_count;
  std::vector<int64_t> columns;
  for (int64_t column = 0; column < projection.weight.shape[1]; column++)
    if (!std::binary_search(projection.kept, end, column)) columns.push_back(column);
  return columns;
}

extern "C" {
// Changes the bias only. The remaining weights stay as they are.
static ap_status compensate(void *, const ap_host *host, const ap_model *, const ap_projection *projection,
                            float *, float *bias) {
  return guarded(host, [&] {
    const ap_tensor &weight = projection->weight, &mean = projection->statistics[0]; // mean: [1, columns]
    const auto columns = left(*projection);
    for (int64_t row = 0; row < weight.shape[0]; row++) {
      double sum = bias[row]; // adds_bias answers 1, so there is a bias
      for (const int64_t column : columns)
        sum += static_cast<double>(element(weight, row, column)) * element(mean, 0, column);
      bias[row] = static_cast<float>(sum);
    }
    return AP_OK;
  });
}

// Zero: the means are those of the model before the cut.
static int32_t follows_cut(void *) { return 0; }

static int32_t adds_bias(void *) { return 1; }
}

const ap_compensator table = {
    sizeof table, create_nothing, destroy_nothing, nullptr, follows_cut, adds_bias, compensate};
const char *const statistics[] = {"input_mean", nullptr};
const ap_descriptor descriptor = {
    sizeof descriptor, AP_COMPENSATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", nullptr,
    R"({"type": "object", "properties": {}})", statistics, &table};

} // namespace

ADAPT_PRUNER_LIBRARY(descriptor)
