#include "vectors/draws.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "cpu/simd.h"

namespace storm {

namespace {

// Sixteen blocks of Philox4x32-10, whose first counter words are first, first + 1, ...; number j of block i goes to
// out[16 j + i].
STORM_CLONES void philox_blocks(uint64_t seed, uint32_t first, uint32_t use, uint64_t stream, uint32_t* out) {
  uint32_t a[16], b[16], c[16], d[16];
  for (uint32_t i = 0; i < 16; ++i) {
    a[i] = first + i;
    b[i] = use;
    c[i] = static_cast<uint32_t>(stream);
    d[i] = static_cast<uint32_t>(stream >> 32);
  }
  auto k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int i = 0; i < 16; ++i) {
      const uint64_t x = uint64_t{0xD2511F53u} * a[i], y = uint64_t{0xCD9E8D57u} * c[i];
      a[i] = static_cast<uint32_t>(y >> 32) ^ b[i] ^ k0;
      b[i] = static_cast<uint32_t>(y);
      c[i] = static_cast<uint32_t>(x >> 32) ^ d[i] ^ k1;
      d[i] = static_cast<uint32_t>(x);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 16; ++i) {
    out[i] = a[i];
    out[16 + i] = b[i];
    out[32 + i] = c[i];
    out[48 + i] = d[i];
  }
}

}  // namespace

RandomNumbers::RandomNumbers(uint64_t seed, int64_t epoch, int64_t unit)
    : seed_(seed), stream_(static_cast<uint64_t>(epoch) << 40 | static_cast<uint64_t>(unit)) {}

void RandomNumbers::fill() {
  philox_blocks(seed_, filled_++ * 16, static_cast<uint32_t>(RandomUse::word_vectors), stream_, block_.data());
  used_ = 0;
}

NoiseDistribution::NoiseDistribution(std::span<const int64_t> counts, double power) : cells_(counts.size()) {
  // Of each cell, how much of its share its own row takes: those with too little are filled up by those with too much.
  std::vector<double> share(counts.size());
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) sum += share[i] = std::pow(static_cast<double>(counts[i]), power);
  std::vector<int32_t> poor, rich;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    share[i] *= static_cast<double>(counts.size()) / sum;
    (share[i] < 1 ? poor : rich).push_back(static_cast<int32_t>(i));
    cells_[i].other = static_cast<int32_t>(i);
  }
  while (!poor.empty() && !rich.empty()) {
    const auto to = static_cast<std::size_t>(poor.back()), from = static_cast<std::size_t>(rich.back());
    poor.pop_back();
    cells_[to] = {static_cast<uint32_t>(std::min(share[to] * 0x1p32, 0x1p32 - 1)), static_cast<int32_t>(from)};
    share[from] -= 1 - share[to];
    if (share[from] >= 1) continue;
    rich.pop_back();
    poor.push_back(static_cast<int32_t>(from));
  }
}

SubSampling::SubSampling(std::span<const int64_t> counts, int64_t total, double sample) {
  for (const auto count : counts) {
    const double rare = sample > 0 ? sample * static_cast<double>(total) / static_cast<double>(count) : 1;
    thresholds_.push_back(static_cast<uint32_t>(std::min((std::sqrt(rare) + rare) * 0x1p32, 0x1p32 - 1)));
  }
}

}  // namespace storm
