// Dropout masks by counter (DESIGN §3.4): never stored, the same in forward and backward, independent of tiling,
// threads and device. Element (row, column) of node `node` in batch `batch` is kept when its 16 random bits are below
// (1 - rate) * 2^16; one Philox call serves 8 neighbouring columns, half-word by half-word, low half first.
// Srivastava et al. 2014; kept elements are scaled by 1 / (1 - rate).
#pragma once

#include <cstdint>

#include "cpu/simd.h"

namespace storm {

struct DropoutStream {
  uint64_t seed = 0, batch = 0;
  uint32_t node = 0;
  uint32_t threshold = 65536;  // keep when bits < threshold
  float scale = 1;             // 1 / (1 - rate), by the rate that the threshold really gives

  DropoutStream() = default;
  DropoutStream(uint64_t seed_, uint64_t batch_, int32_t node_, float rate)
      : seed(seed_), batch(batch_), node(static_cast<uint32_t>(node_)) {
    threshold = static_cast<uint32_t>((1.0 - static_cast<double>(rate)) * 65536.0 + 0.5);
    scale = 65536.0f / static_cast<float>(threshold);
  }
  bool active() const { return threshold < 65536; }
};

// Fills factors[0..cols) (rounded up to whole groups of 8: room for that is the caller's) with 0 or `scale`, for the
// columns from first_col, a multiple of 8.
STORM_INLINE void dropout_row(const DropoutStream& s, int64_t row, int64_t cols, float* factors,
                              int64_t first_col = 0) {
  const int64_t groups = (cols + 7) / 8;
#pragma omp simd
  for (int64_t g = 0; g < groups; ++g) {
    uint32_t c0 = static_cast<uint32_t>(first_col / 8 + g), c1 = static_cast<uint32_t>(row);
    uint32_t c2 = s.node | 1u << 28, c3 = static_cast<uint32_t>(s.batch);  // 1 << 28: RandomUse::dropout
    uint32_t k0 = static_cast<uint32_t>(s.seed), k1 = static_cast<uint32_t>(s.seed >> 32);
    for (int round = 0; round < 10; ++round) {  // Philox4x32-10, as in base/random.h
      const uint64_t a = uint64_t{0xD2511F53u} * c0, b = uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<uint32_t>(b >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(b);
      c2 = static_cast<uint32_t>(a >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(a);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    float* out = factors + g * 8;
    const uint32_t words[4] = {c0, c1, c2, c3};
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = (words[i] & 0xffff) < s.threshold ? s.scale : 0.0f;
      out[2 * i + 1] = (words[i] >> 16) < s.threshold ? s.scale : 0.0f;
    }
  }
}

}  // namespace storm
