#include "metrics/classification.h"

#include <cmath>

#include "base/error.h"

namespace storm {

namespace {

void check_sizes(std::span<const int32_t> gold, std::span<const int32_t> predicted) {
  require(gold.size() == predicted.size(), gold.size(), " gold labels, but ", predicted.size(), " predicted ones");
}

}  // namespace

std::vector<MatchCounts> label_counts(std::span<const int32_t> gold, std::span<const int32_t> predicted,
                                      int32_t labels) {
  check_sizes(gold, predicted);
  std::vector<MatchCounts> counts(static_cast<std::size_t>(labels));
  for (std::size_t i = 0; i < gold.size(); ++i) {
    for (const int32_t id : {gold[i], predicted[i]})
      require(id >= 0 && id < labels, "label ", id, " of row ", i + 1, " is none of ", labels);
    ++counts[static_cast<std::size_t>(gold[i])].gold;
    ++counts[static_cast<std::size_t>(predicted[i])].predicted;
    counts[static_cast<std::size_t>(gold[i])].correct += gold[i] == predicted[i];
  }
  return counts;
}

std::map<std::pair<int32_t, int32_t>, int64_t> confusions(std::span<const int32_t> gold,
                                                          std::span<const int32_t> predicted) {
  check_sizes(gold, predicted);
  std::map<std::pair<int32_t, int32_t>, int64_t> table;
  for (std::size_t i = 0; i < gold.size(); ++i) ++table[{gold[i], predicted[i]}];
  return table;
}

double accuracy(std::span<const MatchCounts> labels) { return micro_average(labels).recall; }

double matthews(std::span<const MatchCounts> labels) {
  double correct = 0, rows = 0, both = 0, gold = 0, predicted = 0;
  for (const MatchCounts& c : labels) {
    const auto g = static_cast<double>(c.gold), p = static_cast<double>(c.predicted);
    correct += static_cast<double>(c.correct);
    rows += g;
    both += g * p;
    gold += g * g;
    predicted += p * p;
  }
  const double variances = (rows * rows - gold) * (rows * rows - predicted);
  return variances > 0 ? (correct * rows - both) / std::sqrt(variances) : 0;
}

}  // namespace storm
