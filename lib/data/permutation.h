// A random order of n things that takes no memory: a keyed permutation of [0, n), computed where it is asked for.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace storm {

// A Feistel network over the smallest even number of bits that holds n, walked along its cycle until it falls inside
// [0, n) (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Rounds are Philox.
class Permutation {
 public:
  // Permutations of different streams (an epoch each) under one seed have nothing to do with one another.
  Permutation(uint64_t n, uint64_t seed, uint64_t stream);
  uint64_t operator()(uint64_t i) const;  // i < n -> where the i-th comes from
  uint64_t size() const { return n_; }

 private:
  uint64_t n_, stream_;
  Philox philox_;
  uint32_t half_bits_ = 1;
};

}  // namespace storm
