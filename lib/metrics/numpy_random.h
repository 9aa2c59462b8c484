// The numbers that numpy.random.default_rng(seed) draws, so that a test with the same seed sees the same resamples:
// SeedSequence (O'Neill, "Developing a seed_seq alternative", 2015), PCG64 XSL-RR (O'Neill, "PCG: a family of simple
// fast space-efficient statistically good algorithms for random number generation", 2014) and bounded integers (Lemire,
// "Fast random integer generation in an interval", 2019).
#pragma once

#include <cstdint>
#include <span>

namespace storm {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint64_t seed);
  uint64_t next64();
  uint32_t next32();  // the halves of next64(), the lower first
  // rng.integers(0, n, size): uniform in [0, n), n from 1 to 2^32 - 1.
  void integers(uint32_t n, std::span<uint32_t> out);

 private:
  __extension__ using u128 = unsigned __int128;
  u128 state_ = 0, increment_ = 0;
  bool has_half_ = false;
  uint32_t half_ = 0;
};

}  // namespace storm
