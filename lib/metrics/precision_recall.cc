#include "metrics/precision_recall.h"

namespace storm {

namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

template <class Weight>
PrecisionRecall average(std::span<const MatchCounts> labels, Weight weight) {
  PrecisionRecall sum;
  double weights = 0;
  for (const MatchCounts& c : labels) {
    if (c.gold == 0 && c.predicted == 0) continue;
    const PrecisionRecall one = precision_recall(c);
    const double w = weight(c);
    sum.precision += w * one.precision;
    sum.recall += w * one.recall;
    sum.f1 += w * one.f1;
    weights += w;
  }
  return {ratio(sum.precision, weights), ratio(sum.recall, weights), ratio(sum.f1, weights)};
}

}  // namespace

PrecisionRecall precision_recall(const MatchCounts& c) {
  const auto correct = static_cast<double>(c.correct), predicted = static_cast<double>(c.predicted),
             gold = static_cast<double>(c.gold);
  return {ratio(correct, predicted), ratio(correct, gold), ratio(2 * correct, predicted + gold)};
}

PrecisionRecall micro_average(std::span<const MatchCounts> labels) {
  MatchCounts all;
  for (const MatchCounts& c : labels) all += c;
  return precision_recall(all);
}

PrecisionRecall macro_average(std::span<const MatchCounts> labels) {
  return average(labels, [](const MatchCounts&) { return 1.0; });
}

PrecisionRecall weighted_average(std::span<const MatchCounts> labels) {
  return average(labels, [](const MatchCounts& c) { return static_cast<double>(c.gold); });
}

}  // namespace storm
