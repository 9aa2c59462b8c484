// Statistical tests of measures that are computed anew from the rows that were drawn, for figures that do not follow
// from sums of a few counts, such as a macro-averaged F1 over any number of labels or a rank correlation. Rows are
// drawn, and intervals computed, as resampling.h does for sums. Its p-values count larger differences alone, as
// sacreBLEU's do; of accuracies and their like many differences are equal, and one row that differs would be
// significant. So here differences as large as the observed one count, too.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "metrics/resampling.h"

namespace storm {

struct RowMeasure {
  std::string name;        // "weighted_f1"
  std::string convention;  // whose figure it is: "scikit-learn"
  // Of rows that may come several times: row r * systems + s is row r as system s predicted it. NaN where it is
  // undefined, which counts as 0 among resamples. Called from several threads.
  std::function<double(std::span<const uint32_t> rows)> value;
};

// All rows of a system.
double value_of(const RowMeasure& measure, std::size_t system, std::size_t rows, std::size_t systems);

// [measure][system], of resamples of all rows with replacement.
std::vector<std::vector<Samples>> bootstrap(std::span<const RowMeasure> measures, std::size_t rows, std::size_t systems,
                                            int64_t resamples, uint64_t seed);

// How likely a difference between two systems as far from the one that was seen as that is from none would be by
// chance, from paired bootstrap scores (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 16; two
// sides).
double paired_p_value(const Samples& baseline, const Samples& system, double difference);

// p-values [measure][system] of approximate randomisation against system 0, whose own is of no meaning.
std::vector<std::vector<double>> randomization_p_values(std::span<const RowMeasure> measures, std::size_t rows,
                                                        std::size_t systems, int64_t trials, uint64_t seed);

}  // namespace storm
