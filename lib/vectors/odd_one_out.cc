#include "vectors/odd_one_out.h"

#include <cmath>
#include <vector>

#include "vectors/vector_rows.h"

namespace storm {

OddOne odd_one_out(std::span<const float> vectors, int64_t width) {
  const auto w = static_cast<std::size_t>(width), n = vectors.size() / w;
  std::vector<double> sum(w), norms;
  for (std::size_t r = 0; r < n; ++r) {
    const float* x = vectors.data() + r * w;
    norms.push_back(std::sqrt(dot_in_double(x, x, width)));
    for (std::size_t i = 0; i < w; ++i) sum[i] += x[i] / norms[r];
  }
  double squares = 0;
  for (const double x : sum) squares += x * x;
  const double length = std::sqrt(squares);
  OddOne odd;
  for (std::size_t r = 0; r < n; ++r) {
    const double product = dot_in_double(sum.data(), vectors.data() + r * w, width);
    const double cosine = length > 0 ? product / (length * norms[r]) : 0;
    if (r == 0 || cosine < odd.cosine) odd = {r, cosine};
  }
  return odd;
}

}  // namespace storm
