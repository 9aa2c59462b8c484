#include "nn/positions.h"

#include <algorithm>
#include <cmath>

namespace storm {

const float* SinusoidTable::rows(int64_t positions) {
  const int64_t have = size();
  if (positions > have) {
    const int64_t want = std::max<int64_t>({positions, 2 * have, 128});
    const int64_t half = d_model_ / 2;
    values_.resize(static_cast<std::size_t>(want * d_model_));
    for (int64_t p = have; p < want; ++p) {
      float* row = values_.data() + p * d_model_;
      for (int64_t i = 0; i < d_model_; ++i) {
        const bool interleaved = layout_ == SinusoidLayout::interleaved;
        const int64_t pair = interleaved ? i / 2 : i % std::max<int64_t>(half, 1);
        const bool sine = interleaved ? i % 2 == 0 : i < half;
        const double exponent = interleaved ? 2.0 * static_cast<double>(pair) / static_cast<double>(d_model_)
                                            : static_cast<double>(pair) / std::max(1.0, static_cast<double>(half) - 1);
        const double angle = static_cast<double>(p) / std::pow(10000.0, exponent);
        row[i] = static_cast<float>(sine ? std::sin(angle) : std::cos(angle));
      }
    }
  }
  return values_.data();
}

}  // namespace storm
