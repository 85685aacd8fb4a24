// __SUMMARY__
//
//     score(unit) = mean of |w|^power over the unit's weights w in all matrices of its family
#include "border.hpp"
#include <cmath>
#include <stdexcept>
#include <string>

namespace {

struct MeanWeight {
  int power;

  /// The host has checked the options against the schema below and filled in defaults: {"power":1}
  explicit MeanWeight(const std::string &options) {
    const auto key = options.find("\"power\"");
    const auto colon = key == std::string::npos ? key : options.find(':', key);
    if (colon == std::string::npos) throw std::invalid_argument("power is missing");
    power = std::stoi(options.substr(colon + 1));
  }

  double score(const ap_units &units, int64_t unit) const {
    double sum = 0, weights = 0;
    for (int64_t m = 0; m < units.matrix_count; m++) {
      const ap_matrix &matrix = *units.matrices[m];
      const bool by_row = matrix.axis == AP_ROWS;
      const int64_t across = matrix.weight.shape[by_row ? 1 : 0];
      const int64_t lines = matrix.repeats * matrix.positions; // rows or columns of a unit, side by side
      for (int64_t i = unit * lines; i < (unit + 1) * lines; i++)
        for (int64_t j = 0; j < across; j++) {
          const double value = by_row ? element(matrix.weight, i, j) : element(matrix.weight, j, i);
          sum += power == 2 ? value * value : std::fabs(value);
        }
      weights += static_cast<double>(lines * across);
    }
    return sum / weights;
  }
};

extern "C" {
static ap_status create(const ap_host *host, const char *options, void **instance) {
  return guarded(host, [&] {
    *instance = new MeanWeight(options);
    return AP_OK;
  });
}

static void destroy(void *instance) { delete static_cast<MeanWeight *>(instance); }

static ap_status score(void *instance, const ap_host *host, const ap_model *, const ap_units *units,
                       float *scores) {
  return guarded(host, [&] {
    const auto &method = *static_cast<const MeanWeight *>(instance);
    for (int64_t u = 0; u < units->count; u++) scores[u] = static_cast<float>(method.score(*units, u));
    return AP_OK;
  });
}
}

const ap_criterion table = {sizeof table, create, destroy, nullptr, score, nullptr};
const char *const statistics[] = {nullptr}; // for example "input_norm": see section 4 of the header
const ap_descriptor descriptor = {
    sizeof descriptor, AP_CRITERION, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", nullptr,
    R"({"type": "object", "properties": {"power": {"type": "integer", "minimum": 1, "maximum": 2,
        "default": 1, "description": "1: absolute values, 2: squares"}}})",
    statistics, &table, 0}; // 0: a score ranks the units of one family of one layer

} // namespace

ADAPT_PRUNER_LIBRARY(descriptor)
