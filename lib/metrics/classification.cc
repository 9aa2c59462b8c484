#include "metrics/classification.h"

#include <cmath>

#include "base/error.h"

namespace storm {

namespace {

// Calls each(gold label, predicted label) for the rows.
template <class Each>
void each_row(std::span<const int32_t> gold, std::span<const int32_t> predicted, int32_t labels, Each each) {
  require(gold.size() == predicted.size(), gold.size(), " gold labels, but ", predicted.size(), " predicted ones");
  for (std::size_t i = 0; i < gold.size(); ++i) {
    for (const int32_t id : {gold[i], predicted[i]})
      require(id >= 0 && id < labels, "label ", id, " of row ", i + 1, " is none of ", labels);
    each(static_cast<std::size_t>(gold[i]), static_cast<std::size_t>(predicted[i]));
  }
}

}  // namespace

std::vector<MatchCounts> label_counts(std::span<const int32_t> gold, std::span<const int32_t> predicted,
                                      int32_t labels) {
  std::vector<MatchCounts> counts(static_cast<std::size_t>(labels));
  each_row(gold, predicted, labels, [&](std::size_t right, std::size_t said) {
    ++counts[right].gold;
    ++counts[said].predicted;
    counts[right].correct += right == said;
  });
  return counts;
}

std::vector<int64_t> confusion_table(std::span<const int32_t> gold, std::span<const int32_t> predicted,
                                     int32_t labels) {
  const auto n = static_cast<std::size_t>(labels);
  std::vector<int64_t> table(n * n);
  each_row(gold, predicted, labels, [&](std::size_t right, std::size_t said) { ++table[right * n + said]; });
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
