// __SUMMARY__
//
//     m = sum of S_i / sum of n_i          S_i = sum over the tokens t of window i of -ln p(t | those before it)
//
// A document is cut into windows of 128 tokens. The last one may be shorter. The first token of a window is not
// predicted; n_i counts the others. The standard error is that of a ratio of sums over the sample of W windows:
//
//     sqrt( W / (W - 1) * sum of (S_i - m n_i)^2 ) / sum of n_i
#include "border.hpp"
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int64_t window = 128;

/// The arguments of log_likelihood, one of each per window.
struct Windows {
  std::vector<const int32_t *> tokens;
  std::vector<int64_t> lengths, first;
  std::vector<std::vector<float>> values;

  explicit Windows(const ap_corpus &corpus) {
    for (int64_t d = 0; d < corpus.document_count; d++)
      for (int64_t start = 0; start + 1 < corpus.lengths[d]; start += window) {
        tokens.push_back(corpus.tokens[d] + start);
        lengths.push_back(std::min(window, corpus.lengths[d] - start));
        first.push_back(1);
        values.emplace_back(static_cast<size_t>(lengths.back() - 1));
      }
  }

  ap_status measure(const ap_host *host) {
    std::vector<float *> out;
    for (auto &row : values) out.push_back(row.data());
    return host->log_likelihood(host, static_cast<int64_t>(tokens.size()), tokens.data(), lengths.data(),
                                first.data(), out.data());
  }

  void report(const ap_metrics *sink, const std::string &name) const {
    std::vector<double> sums;
    double sum = 0, predicted = 0, squares = 0;
    for (const auto &row : values) {
      double surprise = 0;
      for (const float value : row) surprise -= value;
      sums.push_back(surprise);
      sum += surprise;
      predicted += static_cast<double>(row.size());
      sink->item(sink, name.c_str(), surprise / static_cast<double>(row.size()));
    }
    const double mean = sum / predicted;
    for (size_t i = 0; i < sums.size(); i++) {
      const double away = sums[i] - mean * static_cast<double>(values[i].size());
      squares += away * away;
    }
    const auto count = static_cast<double>(sums.size());
    const double error = count > 1 ? std::sqrt(count / (count - 1) * squares) / predicted
                                   : std::numeric_limits<double>::quiet_NaN();
    sink->metric(sink, name.c_str(), mean, error, 1);
  }
};

extern "C" {
static ap_status evaluate(void *, const ap_host *host, const ap_model *, const ap_metrics *sink) {
  return guarded(host, [&]() -> ap_status {
    ap_corpus corpus = {};
    corpus.struct_size = sizeof corpus;
    const ap_status opened = host->open_data(host, "data", &corpus);
    if (opened != AP_OK) return opened; // the host has noted its own sentence

    Windows windows(corpus);
    if (windows.tokens.empty()) throw std::runtime_error("the data has no document of two tokens or more");
    const ap_status measured = windows.measure(host);
    if (measured != AP_OK) return measured;
    windows.report(sink, std::string(corpus.name) + ".token_nll@" + std::to_string(window));
    return AP_OK;
  });
}
}

const ap_evaluator table = {sizeof table, create_nothing, destroy_nothing, evaluate};
const char *const statistics[] = {nullptr};
const ap_descriptor descriptor = { // the host reads the option "data"
    sizeof descriptor, AP_EVALUATOR, "__ID__", "__VERSION__", "__SUMMARY__", "0BSD", nullptr,
    R"({"type": "object", "required": ["data"], "properties": {"data": {"format": "adapt-pruner-data",
        "description": "the text, or the token ids, to read"}}})",
    statistics, &table};

} // namespace

ADAPT_PRUNER_LIBRARY(descriptor)
