#include "data/permutation.h"

#include <bit>

namespace storm {

Permutation::Permutation(uint64_t n, uint64_t seed, uint64_t stream) : n_(n), stream_(stream), philox_{seed} {
  if (n > 1) half_bits_ = (static_cast<uint32_t>(std::bit_width(n - 1)) + 1) / 2;
}

uint64_t Permutation::operator()(uint64_t i) const {
  constexpr uint32_t rounds = 8;
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t left = i >> half_bits_, right = i & mask;
    for (uint32_t round = 0; round < rounds; ++round) {
      // The last word keeps these draws apart from training's others with this seed (base/random.h).
      const auto words = philox_({static_cast<uint32_t>(right), static_cast<uint32_t>(stream_),
                                  static_cast<uint32_t>(stream_ >> 32) ^ round << 24,
                                  static_cast<uint32_t>(RandomUse::shuffle) << 28});
      const uint64_t next = left ^ (words[0] & mask);
      left = right;
      right = next;
    }
    i = left << half_bits_ | right;
  } while (i >= n_);  // fewer than four times on average
  return i;
}

}  // namespace storm
