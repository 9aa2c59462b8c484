#include "inspect/pca.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "cpu/eigen.h"

namespace storm {

Pca pca(std::span<const float> vectors, int64_t width, int64_t count) {
  const auto w = static_cast<std::size_t>(width), rows = vectors.size() / w;
  require(rows > 0, "no vectors to find the principal components of");
  std::vector<double> centred(vectors.begin(), vectors.end()), means(w);
  for (std::size_t i = 0; i < centred.size(); ++i) means[i % w] += centred[i] / static_cast<double>(rows);
  double squares = 0, sizes = 0;
  for (std::size_t i = 0; i < centred.size(); ++i) {
    sizes += centred[i] * centred[i];
    centred[i] -= means[i % w];
    squares += centred[i] * centred[i];
  }
  require(std::isfinite(squares), "a vector holds NaN or an infinity");
  if (squares <= 1e-24 * sizes) {  // what rounding leaves of points that are all one
    std::ranges::fill(centred, 0.0);
    squares = 0;
  }
  count = std::min(count, width);
  auto [values, axes] = gram_eigen(centred, width, count);
  Pca result;
  for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c) {
    const auto axis = std::span(axes).subspan(c * w, w);
    const auto largest =
        *std::max_element(axis.begin(), axis.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (largest < 0)
      for (double& x : axis) x = -x;
    result.explained.push_back(squares > 0 ? std::max(values[c], 0.0) / squares : 0);
  }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c) {
      double sum = 0;
      for (std::size_t j = 0; j < w; ++j) sum += centred[r * w + j] * axes[c * w + j];
      result.points.push_back(sum);
    }
  return result;
}

}  // namespace storm
