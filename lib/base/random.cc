#include "base/random.h"

#include <cmath>
#include <numbers>

namespace storm {

RandomStream::RandomStream(uint64_t seed, RandomUse use, uint64_t stream)
    : philox_{seed},
      counter_{0, static_cast<uint32_t>(use), static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)} {}

uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox_(counter_);
    ++counter_[0];  // 2^34 numbers a stream; a use that needs more takes several streams
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t RandomStream::below(uint64_t n) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
  for (;;) {
    const uint64_t high = next_u32(), x = high << 32 | next_u32();
    if (x < limit) return x % n;
  }
}

double RandomStream::uniform() {
  const uint64_t high = next_u32();
  return static_cast<double>((high << 32 | next_u32()) >> 11) * 0x1p-53;
}

double RandomStream::normal() {
  const double u = 1 - uniform(), v = uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

}  // namespace storm
