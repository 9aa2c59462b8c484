// Precision, recall and F1 from counts, and their averages over labels or types of entities, as scikit-learn gives them
// (Pedregosa et al., "Scikit-learn: machine learning in Python", JMLR 2011; precision_recall_fscore_support with
// zero_division=0) and seqeval after it: what is undefined, since nothing was predicted or nothing is there, is 0.
#pragma once

#include <cstdint>
#include <span>

namespace storm {

// Of one label, or of one type of entities.
struct MatchCounts {
  int64_t correct = 0, predicted = 0, gold = 0;  // correct: predicted where it is gold
  MatchCounts& operator+=(const MatchCounts& other) {
    correct += other.correct;
    predicted += other.predicted;
    gold += other.gold;
    return *this;
  }
};

struct PrecisionRecall {
  double precision = 0;  // correct of those predicted
  double recall = 0;     // correct of the gold ones
  double f1 = 0;         // their harmonic mean (van Rijsbergen, "Information retrieval", 1979)
};

PrecisionRecall precision_recall(const MatchCounts& counts);

// Averages over labels; those that neither are gold nor were predicted do not count. Micro: of the sums of all counts;
// macro: the mean of each label's; weighted: that mean weighted by how often a label is gold, in which an F1 may lie
// outside of its precision and recall.
PrecisionRecall micro_average(std::span<const MatchCounts> labels);
PrecisionRecall macro_average(std::span<const MatchCounts> labels);
PrecisionRecall weighted_average(std::span<const MatchCounts> labels);

}  // namespace storm
