// Numbers to multiply, the same ones always.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace storm::test {

// Uniform in [-1, 1).
inline std::vector<float> random_numbers(int64_t n, uint64_t seed) {
  RandomStream random(seed, RandomUse::initial_weights);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(2 * random.uniform() - 1);
  return x;
}

}  // namespace storm::test
