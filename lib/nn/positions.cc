#include "nn/positions.h"

#include <algorithm>
#include <cmath>

namespace storm {

const float* SinusoidTable::rows(int64_t positions) const {
  const std::lock_guard lock(growing_);
  const auto size = [&] { return tables_.empty() ? 0 : static_cast<int64_t>(tables_.back().size()) / d_model_; };
  if (positions > size() || tables_.empty()) {
    const int64_t want = std::max<int64_t>({positions, 2 * size(), 128});
    const int64_t half = d_model_ / 2;
    auto& values = tables_.emplace_back(static_cast<std::size_t>(want * d_model_));
    for (int64_t p = 0; p < want; ++p) {
      float* row = values.data() + p * d_model_;
      for (int64_t i = 0; i < d_model_; ++i) {
        const bool concatenated = layout_ == SinusoidLayout::concatenated;
        const int64_t pair = concatenated ? i % std::max<int64_t>(half, 1) : i / 2;
        const bool sine = concatenated ? i < half : i % 2 == 0;
        const double exponent = concatenated ? static_cast<double>(pair) / std::max(1.0, static_cast<double>(half) - 1)
                                             : 2.0 * static_cast<double>(pair) / static_cast<double>(d_model_);
        const double angle = static_cast<double>(p) / std::pow(10000.0, exponent);
        const int64_t column = layout_ == SinusoidLayout::halves ? halves_column(i, d_model_) : i;
        row[column] = static_cast<float>(sine ? std::sin(angle) : std::cos(angle));
      }
    }
  }
  return tables_.back().data();
}

}  // namespace storm
