// Statistical tests on segments' statistics, as sacreBLEU 2 runs them with numpy: the bootstrap (Koehn, "Statistical
// significance tests for machine translation evaluation", EMNLP 2004) and approximate randomisation (Riezler and
// Maxwell, 2005; Clark et al., "Better hypothesis testing for statistical machine translation", ACL 2011). With the
// same seed the same resamples are drawn and summed in the same precision, so p-values and intervals agree to the last
// digit.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "metrics/evaluation.h"

namespace storm {

// One metric's scores of one system in all resamples.
struct Samples {
  std::vector<double> scores;
  bool is_f32 = false;  // they are 32-bit floats, and numpy computes with them as such
};

// [metric][system], of resamples of all segments with replacement; the evaluation has kept its rows.
std::vector<std::vector<Samples>> bootstrap(const Evaluation& evaluation, int64_t resamples, uint64_t seed);

// The 95 % interval: for one system as sacreBLEU gives it with its score (an exact mean), and as it does in paired
// tests (numpy's mean).
Confidence confidence(const Samples& samples);
Confidence paired_confidence(const Samples& samples);

// How likely a difference as large as `difference` would be by chance, from paired bootstrap scores.
double bootstrap_p_value(const Samples& baseline, const Samples& system, double difference);

// p-values [metric][system] of approximate randomisation against system 0, whose own is of no meaning.
std::vector<std::vector<double>> randomization_p_values(const Evaluation& evaluation, int64_t trials, uint64_t seed);

}  // namespace storm
