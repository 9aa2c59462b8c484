#include "metrics/numpy_random.h"

#include <algorithm>
#include <array>
#include <bit>

namespace storm {

namespace {

// 256 bits from a seed: a pool of four words that each depend on all words of the seed, and words hashed from it.
std::array<uint64_t, 4> seed_words(uint64_t seed) {
  uint32_t constant = 0x43B0D7E5u;
  const auto hash = [&constant](uint32_t value, uint32_t multiplier) {
    value ^= constant;
    constant *= multiplier;
    value *= constant;
    return value ^ value >> 16;
  };
  std::array<uint32_t, 4> pool{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (auto& word : pool) word = hash(word, 0x931E8875u);
  for (std::size_t from = 0; from < 4; ++from)
    for (std::size_t to = 0; to < 4; ++to) {
      if (from == to) continue;
      const uint32_t mixed = 0xCA01F9DDu * pool[to] - 0x4973F715u * hash(pool[from], 0x931E8875u);
      pool[to] = mixed ^ mixed >> 16;
    }
  constant = 0x8B51F9DDu;
  std::array<uint64_t, 4> words{};
  for (std::size_t i = 0; i < 8; ++i) words[i / 2] |= uint64_t{hash(pool[i % 4], 0x58F38DEDu)} << (i % 2 * 32);
  return words;
}

}  // namespace

NumpyRandom::NumpyRandom(uint64_t seed) {
  const auto words = seed_words(seed);
  increment_ = (u128{words[2]} << 64 | words[3]) << 1 | 1;
  next64();
  state_ += u128{words[0]} << 64 | words[1];
  next64();
}

uint64_t NumpyRandom::next64() {
  constexpr u128 multiplier = u128{0x2360ED051FC65DA4u} << 64 | 0x4385DF649FCCF645u;
  state_ = state_ * multiplier + increment_;
  return std::rotr(static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_),
                   static_cast<int>(state_ >> 122));
}

uint32_t NumpyRandom::next32() {
  has_half_ = !has_half_;
  if (!has_half_) return half_;
  const uint64_t both = next64();
  half_ = static_cast<uint32_t>(both >> 32);
  return static_cast<uint32_t>(both);
}

void NumpyRandom::integers(uint32_t n, std::span<uint32_t> out) {
  if (n == 1) {  // no draw
    std::ranges::fill(out, 0u);
    return;
  }
  const uint32_t threshold = -n % n;
  const auto accept = [&](uint64_t product) {
    while (static_cast<uint32_t>(product) < threshold) product = uint64_t{next32()} * n;
    return static_cast<uint32_t>(product >> 32);
  };
  std::size_t i = 0;
  while (i < out.size()) {
    // Two at a time, while halves and pairs fall together; a product below n is rare.
    if (!has_half_) {
      NumpyRandom ahead = *this;
      for (; i + 1 < out.size(); i += 2) {
        const uint64_t both = ahead.next64();
        const uint64_t first = (both & UINT32_MAX) * n, second = (both >> 32) * n;
        if (static_cast<uint32_t>(first) < threshold || static_cast<uint32_t>(second) < threshold) break;
        out[i] = static_cast<uint32_t>(first >> 32);
        out[i + 1] = static_cast<uint32_t>(second >> 32);
        state_ = ahead.state_;
      }
      if (i == out.size()) return;
    }
    out[i++] = accept(uint64_t{next32()} * n);
  }
}

}  // namespace storm
