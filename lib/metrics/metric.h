// What scoring and the significance tests know of a metric: it turns a segment into a row of counts, rows add up, and a
// score follows from the sum.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "metrics/score.h"

namespace storm {

// Counts each hypothesis of one segment against its references: rows is [hypotheses, columns]. Serves one thread.
using SegmentCounter = std::function<void(std::span<const std::string_view> references,
                                          std::span<const std::string_view> hypotheses, int32_t* rows)>;

struct Metric {
  Signature signature;
  int64_t columns = 0;
  std::vector<double> divisors;  // [columns] the statistic is count / divisor: 1, or the number of references
  std::function<SegmentCounter()> counter;
  std::function<Score(std::span<const double>)> score;  // of summed statistics [columns]
  // The same in 32-bit arithmetic, as numpy gives it for sums of 32-bit floats; is_f32 says whether the score is one.
  std::function<double(std::span<const float>)> score_f32;
  bool is_f32 = true;
};

}  // namespace storm
