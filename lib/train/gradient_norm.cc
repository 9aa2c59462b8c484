#include "train/gradient_norm.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kBlock = 1 << 14;

STORM_CLONES double sum_of_squares(const float* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) {
    const double value = x[i];
    sum += value * value;
  }
  return sum;
}

}  // namespace

double gradient_norm(std::span<const float> gradients) {
  const auto n = static_cast<int64_t>(gradients.size());
  std::vector<double> sums(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
  parallel_ranges(static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      sums[static_cast<std::size_t>(b)] =
          sum_of_squares(gradients.data() + b * kBlock, std::min(kBlock, n - b * kBlock));
  });
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

float clip_scale(double norm, double clip_norm) {
  return clip_norm > 0 && norm > clip_norm ? static_cast<float>(clip_norm / norm) : 1.0f;
}

}  // namespace storm
