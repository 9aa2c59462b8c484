// How well labels were predicted, a row each: counts by label, and what follows from them. Figures are scikit-learn's
// (accuracy_score, precision_recall_fscore_support, matthews_corrcoef, confusion_matrix). F1 of all labels together,
// macro or weighted, is that of precision_recall.h: macro_average(counts).f1.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "metrics/precision_recall.h"

namespace storm {

// [labels] of rows whose labels are ids from 0 to labels - 1; gold and predicted are of the same length.
std::vector<MatchCounts> label_counts(std::span<const int32_t> gold, std::span<const int32_t> predicted,
                                      int32_t labels);

// How many rows of each gold label (first) were given each label (second), where there are any: the confusion table
// without its zeros.
std::map<std::pair<int32_t, int32_t>, int64_t> confusions(std::span<const int32_t> gold,
                                                          std::span<const int32_t> predicted);

// The share of rows that have their label; 0 without rows.
double accuracy(std::span<const MatchCounts> labels);

// Matthews' correlation of gold and predicted labels for any number of labels, R_K of Gorodkin ("Comparing two
// K-category assignments by a K-category correlation coefficient", 2004), from -1 to 1. 0 where it is undefined, since
// all rows have one gold label or were given one label.
double matthews(std::span<const MatchCounts> labels);

}  // namespace storm
