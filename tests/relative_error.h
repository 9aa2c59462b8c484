// How far two arrays are apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace storm::test {

// The largest difference, relative to the largest value wanted; infinite when a difference is no number.
inline double relative_error(std::span<const float> got, std::span<const float> want) {
  double worst = 0, largest = 1e-30;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
    largest = std::max(largest, std::abs(static_cast<double>(want[i])));
  }
  return worst / largest;
}

}  // namespace storm::test
