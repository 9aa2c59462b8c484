// What the cuts of sampling share. What a cut leaves out gets a logit of -infinity; probabilities are those of the
// logits that are left, shared out among them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "decode/logits_processor.h"

namespace storm {

// Of logits, of which one at least is finite.
inline std::vector<double> softmax(std::span<const float> logits) {
  const float largest = *std::ranges::max_element(logits);
  std::vector<double> p;
  p.reserve(logits.size());
  double sum = 0;
  for (const float x : logits) sum += p.emplace_back(std::exp(static_cast<double>(x - largest)));
  for (double& x : p) x /= sum;
  return p;
}

// The ids that can follow, those for which before(a, b) first, of equal ones the lower id.
template <class Before>
std::vector<int32_t> sorted_ids(std::span<const float> logits, Before before) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::erase_if(ids, [&](int32_t id) { return logits[static_cast<std::size_t>(id)] == kBanned; });
  std::ranges::stable_sort(ids, before);
  return ids;
}

// Leaves the fewest of the sorted ids, from the first on, whose probabilities together reach `mass`; one at least.
inline void keep_mass(std::span<float> logits, std::span<const double> p, std::span<const int32_t> sorted,
                      double mass) {
  double sum = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto id = static_cast<std::size_t>(sorted[i]);
    if (i > 0 && sum >= mass) logits[id] = kBanned;
    sum += p[id];
  }
}

}  // namespace storm
