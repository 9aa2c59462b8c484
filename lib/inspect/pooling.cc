#include "inspect/pooling.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace storm {

void pool(std::span<const float> vectors, Pool how, std::span<float> out) {
  require(how != Pool::pooler, "the model's pooler needs the model");
  const auto width = out.size(), n = vectors.size() / width;
  std::copy_n(vectors.begin(), width, out.begin());
  if (how == Pool::first || n == 1) return;
  if (how == Pool::last) {
    std::copy_n(vectors.end() - static_cast<std::ptrdiff_t>(width), width, out.begin());
    return;
  }
  if (how == Pool::max) {
    for (std::size_t i = width; i < vectors.size(); ++i) {
      float& most = out[i % width];
      if (vectors[i] > most || std::isnan(vectors[i])) most = vectors[i];  // and NaN stays
    }
    return;
  }
  std::vector<double> sums(width);
  for (std::size_t row = 0; row < n; ++row)
    for (std::size_t j = 0; j < width; ++j) sums[j] += static_cast<double>(vectors[row * width + j]);
  for (std::size_t j = 0; j < width; ++j) out[j] = static_cast<float>(sums[j] / static_cast<double>(n));
}

double normalize(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  const double norm = std::sqrt(squares);
  if (norm > 0)
    for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / norm);
  return norm;
}

std::vector<std::size_t> word_starts(std::span<const int32_t> ids, const Vocabulary& vocabulary) {
  std::vector<std::size_t> starts;
  const auto is = [&](std::size_t i, std::string_view piece) {
    return i < ids.size() && vocabulary.piece(ids[i]) == piece;
  };
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (i == 0 || vocabulary.marked_piece(ids[i]).starts_with("\u2581") ||
        (is(i, "<0xE2>") && is(i + 1, "<0x96>") && is(i + 2, "<0x81>")))
      starts.push_back(i);
  return starts;
}

}  // namespace storm
