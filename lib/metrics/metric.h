// What scoring and the significance tests know of a metric: it turns a segment into a row of counts, rows add up, and a
// score follows from the sum.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/score.h"

namespace storm {

// Counts each hypothesis of one segment against its references: rows is [hypotheses, columns]. Serves one thread.
using SegmentCounter = std::function<void(std::span<const std::string_view> references,
                                          std::span<const std::string_view> hypotheses, int32_t* rows)>;

struct Metric {
  std::string key;   // "CHRF": what several metrics are put in order by
  std::string name;  // "chrF2++"
  Signature signature;
  int64_t columns = 0;
  std::vector<double> divisors;  // [columns] the statistic is count / divisor: 1, or the number of references
  std::function<SegmentCounter()> counter;
  // The score, on the scale that is printed, of summed statistics [columns].
  std::function<double(std::span<const double>)> value;
  std::function<std::string(std::span<const double>)> verbose;  // what is printed behind it; may be empty
  // The score of sums of 32-bit floats, in the precision that numpy gives it; is_f32 says whether it is one, too.
  std::function<double(std::span<const float>)> value_f32;
  bool is_f32 = true;
};

}  // namespace storm
