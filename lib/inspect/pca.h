// Principal component analysis: the directions in which vectors differ most (Pearson 1901; Hotelling 1933).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

struct Pca {
  std::vector<double> points;     // [rows, count]: each vector less the mean, along each component
  std::vector<double> explained;  // [count]: each component's share of the whole variance, falling; 0 of none
};

// vectors: [rows, width]; count is cut to width. A component's sign is such that its largest number is positive, so
// that the same vectors give the same picture. Throws Error for no rows, NaN and infinities.
Pca pca(std::span<const float> vectors, int64_t width, int64_t count);

}  // namespace storm
