// What is drawn while word vectors are learned: numbers by counter, negative samples, and which words are left out.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace storm {

// A stream of uniform 32-bit numbers (base/random.h), made 64 at a time. The numbers of a seed, an epoch and a unit are
// the same whoever draws them.
class RandomNumbers {
 public:
  RandomNumbers(uint64_t seed, int64_t epoch, int64_t unit);

  uint32_t next() {
    if (used_ == kBlock) fill();
    return block_[used_++];
  }
  uint64_t next_u64() {
    const uint64_t high = next();
    return high << 32 | next();
  }

 private:
  static constexpr std::size_t kBlock = 64;
  void fill();

  uint64_t seed_, stream_;
  uint32_t filled_ = 0;  // blocks
  std::size_t used_ = kBlock;
  alignas(64) std::array<uint32_t, kBlock> block_;
};

// Row i with a probability in proportion to counts[i]^power, by the alias method (Walker 1977; Vose 1991): one number
// chooses a cell, and in it one of two rows.
class NoiseDistribution {
 public:
  // Counts are positive. power: 3/4 in Mikolov et al. 2013b, section 2.2.
  NoiseDistribution(std::span<const int64_t> counts, double power);
  int32_t draw(uint64_t random) const {
    __extension__ using u128 = unsigned __int128;
    const auto product = static_cast<u128>(random) * cells_.size();
    const auto at = static_cast<std::size_t>(product >> 64);
    const auto& cell = cells_[at];
    return static_cast<uint32_t>(product >> 32) < cell.threshold ? static_cast<int32_t>(at) : cell.other;
  }

 private:
  struct Cell {
    uint32_t threshold = UINT32_MAX;
    int32_t other = 0;
  };
  std::vector<Cell> cells_;
};

// Which words are kept: one of frequency f with the probability sqrt(t/f) + t/f, as the programs of Mikolov et al. have
// it and not their paper (1 - sqrt(t/f) are left out there). t: the sample threshold; 0 keeps all.
class SubSampling {
 public:
  SubSampling(std::span<const int64_t> counts, int64_t total, double sample);
  bool keeps(int32_t row, uint32_t random) const { return random <= thresholds_[static_cast<std::size_t>(row)]; }

 private:
  std::vector<uint32_t> thresholds_;
};

}  // namespace storm
