#include "ops/dropout.h"

namespace storm {

std::vector<float> factors_for(const DropoutStream& stream, int64_t n) {
  return std::vector<float>(stream.active() ? static_cast<std::size_t>(whole_groups(n)) : 0);
}

STORM_CLONES void mask_rows(float* x, const DropoutStream& stream, int64_t first, int64_t rows, int64_t n,
                            float* factors) {
  for (int64_t r = 0; r < rows; ++r) {
    dropout_row(stream, first + r, n, factors);
    float* row = x + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) row[i] *= factors[i];
  }
}

}  // namespace storm
